/* results-4: every object of a results file, once (FORMAT.md 6). The writer, the reader and the
 * test work from these tables; to learn what is in a file, read them.
 *
 * An HDF5 file with groups of columns: all datasets of one shape have the same number of rows, and
 * row i of each speaks of the same thing. What has no fixed length (tokens, answers, texts) lies
 * end to end in one flat dataset; sample i owns offset[i] … offset[i+1]−1 of it. Answers and texts
 * are bytes and not HDF5 strings, because their digests need them exactly: an output may hold a NUL
 * or bytes outside UTF-8. Every dataset carries the attributes `unit` and `description`. Readers
 * from HDF5 1.8 on open it; numbers are little-endian, large columns are chunked, shuffled and
 * deflated (zlib's form, which has an Adler-32 of each chunk). A very large file has its columns of
 * samples in parts (FORMAT.md 6.2) and is opened by readers from HDF5 1.10 on. */
#ifndef ASSAY_STORE_SCHEMA_H
#define ASSAY_STORE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASSAY_SCHEMA_NAME "assay-results"
enum { ASSAY_SCHEMA_VERSION = 4 };

/* Shapes: name, most rows, whether their columns grow with the samples (and lie in the parts of a
 * file that has parts), in words. */
#define ASSAY_SHAPE_LIST(X)                                                                        \
    X(ONE, 1, false, "scalar")                                                                     \
    X(ITEMS, ASSAY_PLAN_ITEMS_MAX, false, "items")                                                 \
    X(STRATA, ASSAY_PLAN_ITEMS_MAX, false, "strata")                                               \
    X(PROFILES, ASSAY_SPEC_PROFILES_MAX, false, "profiles")                                        \
    X(PROCESSES, ASSAY_PROCESSES_MAX, false, "processes")                                          \
    X(TOPOLOGIES, ASSAY_PROCESSES_MAX, false, "topologies")                                        \
    X(SAMPLES, UINT64_C(1) << 40, true, "samples")                                                 \
    X(OFFSETS, (UINT64_C(1) << 40) + 1, true, "samples + 1")                                       \
    X(OPTIONS, UINT64_C(1) << 46, true, "options of all samples")                                  \
    X(TOKENS, UINT64_C(1) << 46, true, "output tokens of all samples")                             \
    X(ANSWER_BYTES, UINT64_C(1) << 46, true, "bytes of all answers")                               \
    X(TEXT_BYTES, UINT64_C(1) << 46, true, "bytes of all texts")                                   \
    X(FLEXIBLE_BYTES, UINT64_C(1) << 46, true, "bytes of all flexible answers")                    \
    X(DETAIL_BYTES, UINT64_C(1) << 46, true, "bytes of all details")                               \
    X(SEALED_BYTES, UINT64_C(1) << 46, true, "bytes of all encrypted cells")

/* Elements: name, bytes of one in memory, in words. BOOL is an enumeration FALSE = 0, TRUE = 1 of 8
 * bits, which h5py reads as bool; the other enumerations have the names and numbers of
 * assay/record.h and assay/spec.h. */
#define ASSAY_ELEMENT_LIST(X)                                                                      \
    X(TEXT, sizeof(char *), "variable-length UTF-8 string")                                        \
    X(BYTE, 1, "u8")                                                                               \
    X(U32, 4, "u32")                                                                               \
    X(U64, 8, "u64")                                                                               \
    X(F32, 4, "f32")                                                                               \
    X(F64, 8, "f64")                                                                               \
    X(DIGEST, 32, "u8[32]")                                                                        \
    X(BOOL, 1, "bool")                                                                             \
    X(FINISH, 1, "enum finish")                                                                    \
    X(VERDICT, 1, "enum verdict")                                                                  \
    X(DRAW, 1, "enum draw")                                                                        \
    X(OUTCOME, 1, "enum outcome")

/* Columns: name, path, shape, element, unit, description. */
#define ASSAY_COLUMN_LIST(X)                                                                       \
    X(SPEC_SOURCE, "/spec/source", ONE, TEXT, "YAML", "the spec as its author wrote it")           \
    X(SPEC_CANONICAL, "/spec/canonical", ONE, TEXT, "JSON",                                        \
      "the spec's canonical form; spec_digest is its digest (FORMAT.md 4.1)")                      \
    X(SPEC_DEFINITION, "/spec/definition", ONE, TEXT, "YAML",                                      \
      "the benchmark's definition, empty if the benchmark is JSON lines alone")                    \
    X(ITEM_ID, "/items/id", ITEMS, TEXT, "name", "the item's id in the benchmark")                 \
    X(ITEM_TOPIC, "/items/topic", ITEMS, TEXT, "name", "the item's topic, empty if it has none")   \
    X(ITEM_CLUSTER, "/items/cluster", ITEMS, TEXT, "name",                                         \
      "items of one cluster belong together; empty if it has none")                                \
    X(ITEM_POSITION, "/items/position", ITEMS, U32, "index", "line of the benchmark, from 0")      \
    X(ITEM_STRATUM, "/items/stratum", ITEMS, U32, "index", "row of /strata")                       \
    X(ITEM_PROMPT_TOKENS, "/items/prompt_tokens", ITEMS, U32, "tokens", "length of the prompt")    \
    X(ITEM_PROMPT_DIGEST, "/items/prompt_digest", ITEMS, DIGEST, "SHA-256",                        \
      "digest of the prompt's token ids (FORMAT.md 3.1)")                                          \
    X(STRATUM_NAME, "/strata/name", STRATA, TEXT, "name", "strata in order of first appearance")   \
    X(PROFILE_NAME, "/profiles/name", PROFILES, TEXT, "name", "sampling profiles in spec order")   \
    X(PROFILE_TEMPERATURE, "/profiles/temperature_milli", PROFILES, U32, "thousandths",            \
      "temperature; 0 is greedy")                                                                  \
    X(PROFILE_TOP_P, "/profiles/top_p_milli", PROFILES, U32, "thousandths",                        \
      "top-p; 1000 keeps all")                                                                     \
    X(PROFILE_TOP_K, "/profiles/top_k", PROFILES, U32, "tokens", "top-k; 0 keeps all")             \
    X(PROFILE_MIN_P, "/profiles/min_p_milli", PROFILES, U32, "thousandths", "min-p; 0 keeps all")  \
    X(PROFILE_PENALTY, "/profiles/repetition_penalty_milli", PROFILES, U32, "thousandths",         \
      "repetition penalty; 1000 is none")                                                          \
    X(PROFILE_DRAW, "/profiles/draw", PROFILES, DRAW, "enumeration",                               \
      "how the random words of a group's replicates depend on each other (FORMAT.md 2.4)")         \
    X(SAMPLE_ITEM, "/samples/item", SAMPLES, U32, "index", "row of /items")                        \
    X(SAMPLE_PROFILE, "/samples/profile", SAMPLES, U32, "index", "row of /profiles")               \
    X(SAMPLE_REPLICATE, "/samples/replicate", SAMPLES, U32, "index",                               \
      "0 … replicates − 1; its set is replicate div (replicates / sets)")                          \
    X(SAMPLE_FINISH, "/samples/finish", SAMPLES, FINISH, "enumeration", "why the output ended")    \
    X(SAMPLE_VERDICT, "/samples/verdict", SAMPLES, VERDICT, "enumeration",                         \
      "what the benchmark said of the answer")                                                     \
    X(SAMPLE_SCORE, "/samples/score", SAMPLES, F64, "1", "score_micro / 1000000, for convenience") \
    X(SAMPLE_SCORE_MICRO, "/samples/score_micro", SAMPLES, U32, "millionths",                      \
      "score, 0 … 1000000")                                                                        \
    X(SAMPLE_CELL_KEY, "/samples/cell_key", SAMPLES, DIGEST, "SHA-256",                            \
      "key of the sample's random words (FORMAT.md 2.1)")                                          \
    X(SAMPLE_TOKEN_OFFSET, "/samples/token_offset", OFFSETS, U64, "tokens",                        \
      "sample i has rows offset[i] … offset[i+1]-1 of /tokens")                                    \
    X(SAMPLE_ANSWER_OFFSET, "/samples/answer_offset", OFFSETS, U64, "bytes",                       \
      "sample i has bytes offset[i] … offset[i+1]-1 of /answers/bytes")                            \
    X(SAMPLE_TEXT_OFFSET, "/samples/text_offset", OFFSETS, U64, "bytes",                           \
      "sample i has bytes offset[i] … offset[i+1]-1 of /texts/bytes")                              \
    X(TOKEN_ID, "/tokens/id", TOKENS, U32, "id", "output token ids, the ending one included")      \
    X(TOKEN_LOG_PROB, "/tokens/log_prob", TOKENS, F32, "nat",                                      \
      "natural logarithm of the model's own probability at temperature 1 (FORMAT.md 1.11)")        \
    X(ANSWER_BYTES, "/answers/bytes", ANSWER_BYTES, BYTE, "UTF-8",                                 \
      "extracted answers, normalised, end to end; empty where there is none")                      \
    X(TEXT_BYTES, "/texts/bytes", TEXT_BYTES, BYTE, "bytes",                                       \
      "outputs as text, end to end; nearly always UTF-8, but an output may break off inside a "    \
      "character")                                                                                 \
    X(OPTION_OFFSET, "/options/offset", OFFSETS, U64, "options",                                   \
      "kind choice: sample i has rows offset[i] … offset[i+1]-1 of the options; its tokens are " \
      "theirs end to end")                                                                         \
    X(OPTION_TOKENS, "/options/tokens", OPTIONS, U32, "tokens", "length of the option")            \
    X(OPTION_BYTES, "/options/bytes", OPTIONS, U32, "bytes",                                       \
      "of the option's text without the white space in front")                                     \
    X(OPTION_GREEDY, "/options/greedy", OPTIONS, BOOL, "bool",                                     \
      "whether each of its tokens was the likeliest")                                              \
    X(OPTION_GOLD, "/options/gold", SAMPLES, U32, "index", "the right option, from 0")             \
    X(PROCESS, "/circumstances/process", SAMPLES, U32, "index", "row of /processes")               \
    X(ATTEMPTS, "/circumstances/attempts", SAMPLES, U32, "1", "times it was begun")                \
    X(BATCH_ROWS, "/circumstances/batch_rows", SAMPLES, U32, "rows",                               \
      "rows in the pass that finished it")                                                         \
    X(PROMPT_SHARED, "/circumstances/prompt_shared", SAMPLES, BOOL, "bool",                        \
      "whether the prompt's keys and values came from an earlier sample")                          \
    X(START_NS, "/circumstances/start_ns", SAMPLES, U64, "ns", "start, since the Unix epoch")      \
    X(DURATION_NS, "/circumstances/duration_ns", SAMPLES, U64, "ns",                               \
      "wall time from its first pass to its last")                                                 \
    X(CLOCK_MHZ, "/circumstances/clock_mhz", SAMPLES, U32, "MHz",                                  \
      "processor clock as last measured before it finished, 0 if unknown")                         \
    X(GRADE_OUTCOME, "/grades/outcome", SAMPLES, OUTCOME, "enumeration",                           \
      "what the output was, whatever its verdict")                                                 \
    X(GRADE_RULE, "/grades/rule", SAMPLES, BYTE, "index",                                          \
      "rule of the spec that found the answer, 255 if none did")                                   \
    X(GRADE_START, "/grades/answer_start", SAMPLES, U32, "bytes", "where it found it in the text") \
    X(GRADE_SIZE, "/grades/answer_size", SAMPLES, U32, "bytes", "length of what it found")         \
    X(FLEXIBLE_VERDICT, "/grades/flexible_verdict", SAMPLES, VERDICT, "enumeration",               \
      "verdict by the rules behind the first; that of the first where there is one")               \
    X(FLEXIBLE_RULE, "/grades/flexible_rule", SAMPLES, BYTE, "index",                              \
      "rule that found the flexible answer, 255 if none did")                                      \
    X(FLEXIBLE_START, "/grades/flexible_start", SAMPLES, U32, "bytes", "where in the text")        \
    X(FLEXIBLE_SIZE, "/grades/flexible_size", SAMPLES, U32, "bytes", "length of what it found")    \
    X(FLEXIBLE_OFFSET, "/grades/flexible_offset", OFFSETS, U64, "bytes",                           \
      "sample i has bytes offset[i] … offset[i+1]-1 of /grades/flexible_bytes")                    \
    X(FLEXIBLE_BYTES, "/grades/flexible_bytes", FLEXIBLE_BYTES, BYTE, "UTF-8",                     \
      "flexible answers, normalised, end to end")                                                  \
    X(RUN, "/grades/run", SAMPLES, BYTE, "number",                                                 \
      "kind code: end of the program in the sandbox (include/assay/sandbox.h), 255: not run")      \
    X(RUN_RETRIED, "/grades/run_retried", SAMPLES, BOOL, "bool",                                   \
      "whether it ran out of time at first and was run once more, alone")                          \
    X(RUN_CPU_NS, "/grades/run_cpu_ns", SAMPLES, U64, "ns", "processor time of the program")       \
    X(RUN_WALL_NS, "/grades/run_wall_ns", SAMPLES, U64, "ns", "wall time of the program")          \
    X(RUN_PEAK_BYTES, "/grades/run_peak_bytes", SAMPLES, U64, "bytes", "its largest memory")       \
    X(DETAIL_OFFSET, "/grades/detail_offset", OFFSETS, U64, "bytes",                               \
      "sample i has bytes offset[i] … offset[i+1]-1 of /grades/detail_bytes")                      \
    X(DETAIL_BYTES, "/grades/detail_bytes", DETAIL_BYTES, BYTE, "UTF-8",                           \
      "what the program said when it failed, end to end; not to be trusted")                       \
    X(SEALED_OFFSET, "/sealed/offset", OFFSETS, U64, "bytes",                                      \
      "sample i has bytes offset[i] … offset[i+1]-1 of /sealed/bytes")                             \
    X(SEALED_BYTES, "/sealed/bytes", SEALED_BYTES, BYTE, "bytes",                                  \
      "of an encrypted benchmark: each sample's token ids, answers, text and detail, encrypted "   \
      "(FORMAT.md 13); those columns are then 0 or empty")                                         \
    X(PROCESS_RANK, "/processes/rank", PROCESSES, U32, "index", "MPI rank, 0 … ranks − 1")         \
    X(PROCESS_RANKS, "/processes/ranks", PROCESSES, U32, "1", "ranks of the run it belonged to")   \
    X(PROCESS_LOCAL_RANK, "/processes/local_rank", PROCESSES, U32, "index",                        \
      "among the ranks of its host")                                                               \
    X(PROCESS_LOCAL_RANKS, "/processes/local_ranks", PROCESSES, U32, "1",                          \
      "ranks of the run on its host")                                                              \
    X(PROCESS_THREADS, "/processes/threads", PROCESSES, U32, "1", "threads that computed")         \
    X(PROCESS_BATCH, "/processes/batch", PROCESSES, U32, "samples",                                \
      "most samples computed together")                                                            \
    X(PROCESS_PREFILL_ROWS, "/processes/prefill_rows", PROCESSES, U32, "tokens",                   \
      "most prompt tokens in a pass")                                                              \
    X(PROCESS_PACKAGES, "/processes/packages", PROCESSES, U32, "1",                                \
      "processor packages of the host")                                                            \
    X(PROCESS_NUMA_NODES, "/processes/numa_nodes", PROCESSES, U32, "1", "NUMA nodes of the host")  \
    X(PROCESS_CORES, "/processes/cores", PROCESSES, U32, "1", "cores of the host")                 \
    X(PROCESS_UNITS, "/processes/processing_units", PROCESSES, U32, "1",                           \
      "processing units (hardware threads) of the host")                                           \
    X(PROCESS_CLOCK, "/processes/clock_mhz", PROCESSES, U32, "MHz",                                \
      "processor clock measured at the start, 0 if unknown")                                       \
    X(PROCESS_START, "/processes/start_ns", PROCESSES, U64, "ns", "start, since the Unix epoch")   \
    X(PROCESS_MEMORY, "/processes/memory_bytes", PROCESSES, U64, "bytes",                          \
      "memory installed in the host")                                                              \
    X(PROCESS_BUDGET, "/processes/memory_budget_bytes", PROCESSES, U64, "bytes",                   \
      "the rank's share of the memory that could be used")                                         \
    X(PROCESS_HOST, "/processes/host", PROCESSES, TEXT, "name", "host name")                       \
    X(PROCESS_CPU, "/processes/cpu", PROCESSES, TEXT, "name", "processor model")                   \
    X(PROCESS_LAUNCHER, "/processes/launcher", PROCESSES, TEXT, "name",                            \
      "what started it: none, mpirun, srun")                                                       \
    X(PROCESS_JOB, "/processes/job", PROCESSES, TEXT, "name",                                      \
      "number of the batch job, empty if there was none")                                          \
    X(PROCESS_COMPONENT, "/processes/component", PROCESSES, TEXT, "name",                          \
      "its component of a heterogeneous job, from 0, and partition; empty if unknown")             \
    X(PROCESS_VARIABLES, "/processes/variables", PROCESSES, TEXT, "lines",                         \
      "what the batch system said of job and task: NAME=VALUE lines, sorted")                      \
    X(PROCESS_ENGINE, "/processes/engine", PROCESSES, TEXT, "name", "program and version")         \
    X(PROCESS_BUILD, "/processes/build", PROCESSES, TEXT, "name", "compiler and preset")           \
    X(PROCESS_BACKEND, "/processes/backend", PROCESSES, TEXT, "name",                              \
      "table of operations that computed")                                                         \
    X(PROCESS_ISA, "/processes/isa", PROCESSES, TEXT, "name", "instruction set the backend used")  \
    X(PROCESS_PROCESSORS, "/processes/processors", PROCESSES, TEXT, "list",                        \
      "processing units it was bound to")                                                          \
    X(PROCESS_MEMORY_NODES, "/processes/memory_nodes", PROCESSES, TEXT, "list",                    \
      "NUMA nodes its memory was bound to, empty if unbound")                                      \
    X(PROCESS_GRADER, "/processes/grader", PROCESSES, TEXT, "name",                                \
      "kind code: interpreter, version, what held its programs and why not more; else empty")      \
    X(PROCESS_TOPOLOGY, "/processes/topology", PROCESSES, U32, "index", "row of /topologies")      \
    X(TOPOLOGY_SHA256, "/topologies/sha256", TOPOLOGIES, DIGEST, "SHA-256", "digest of the XML")   \
    X(TOPOLOGY_XML, "/topologies/xml", TOPOLOGIES, TEXT, "XML",                                    \
      "the host as hwloc describes it, once for each distinct one")

/* Attributes of the root group: name, name in the file, element (TEXT or U32), meaning. Digests are
 * lower-case hex. */
#define ASSAY_ATTRIBUTE_LIST(X)                                                                    \
    X(SCHEMA, "schema", TEXT, "assay-results")                                                     \
    X(SCHEMA_VERSION, "schema_version", U32, "4")                                                  \
    X(DESCRIPTION, "description", TEXT, "where to read about the schema")                          \
    X(SPEC_NAME, "spec_name", TEXT, "the spec's name")                                             \
    X(SPEC_DIGEST, "spec_digest", TEXT, "FORMAT.md 4.1")                                           \
    X(PLAN_DIGEST, "plan_digest", TEXT, "FORMAT.md 4.3")                                           \
    X(SITE, "site", TEXT, "public key of the validator as hex; empty for a run of one's own")      \
    X(CHAIN, "chain", TEXT, "the network whose assignment this is; empty for a run of one's own")  \
    X(TASK, "task", TEXT, "… its task, decimal")                                                   \
    X(ROUND, "round", TEXT, "… its round, decimal")                                                \
    X(ROUND_SEED, "round_seed", TEXT, "… its seed, which takes the place of the spec's, hex")      \
    X(RECORDS_DIGEST, "records_digest", TEXT, "FORMAT.md 3.3; the same for every honest run")      \
    X(CIRCUMSTANCES_DIGEST, "circumstances_digest", TEXT, "FORMAT.md 3.3; of this run only")       \
    X(MODEL_SHA256, "model_sha256", TEXT, "digest of the model file")                              \
    X(MODEL_NAME, "model_name", TEXT, "general.name of the model file, empty if it has none")      \
    X(BENCHMARK_SHA256, "benchmark_sha256", TEXT, "digest of the benchmark file")                  \
    X(DATA_SHA256, "data_sha256", TEXT, "digest of the data file")                                 \
    X(EXAMPLES_SHA256, "examples_sha256", TEXT, "… of the examples' file, empty if there is none") \
    X(ARITHMETIC, "arithmetic", TEXT, "exact-1 or exact-1-kv32")                                   \
    X(SAMPLER, "sampler", TEXT, "sampler-1")                                                       \
    X(REPLICATES, "replicates", U32, "K: samples of an item under a profile")                      \
    X(SETS, "sets", U32, "R: independent sets of replicates; divides K")                           \
    X(ENGINE, "engine", TEXT, "program that wrote it")                                             \
    X(HOST, "host", TEXT, "host name of the writer")                                               \
    X(CREATED, "created", TEXT, "when the file was written, UTC")

enum assay_shape {
#define ASSAY_ROW(name, rows_max, of_samples, words) ASSAY_SHAPE_##name,
    ASSAY_SHAPE_LIST(ASSAY_ROW)
#undef ASSAY_ROW
        ASSAY_SHAPE_COUNT
};
enum assay_element {
#define ASSAY_ROW(name, bytes, words) ASSAY_ELEMENT_##name,
    ASSAY_ELEMENT_LIST(ASSAY_ROW)
#undef ASSAY_ROW
        ASSAY_ELEMENT_COUNT
};
enum assay_column {
#define ASSAY_ROW(name, path, shape, element, unit, description) ASSAY_COLUMN_##name,
    ASSAY_COLUMN_LIST(ASSAY_ROW)
#undef ASSAY_ROW
        ASSAY_COLUMN_COUNT
};
enum assay_attribute {
#define ASSAY_ROW(name, text, element, meaning) ASSAY_ATTRIBUTE_##name,
    ASSAY_ATTRIBUTE_LIST(ASSAY_ROW)
#undef ASSAY_ROW
        ASSAY_ATTRIBUTE_COUNT
};

struct assay_shape_info {
    uint64_t rows_max;
    bool of_samples;
    const char *words;
};
struct assay_element_info {
    size_t bytes;
    const char *words;
};
struct assay_column_info {
    const char *path;
    enum assay_shape shape;
    enum assay_element element;
    const char *unit, *description;
};
struct assay_attribute_info {
    const char *name;
    enum assay_element element;
    const char *meaning;
};
extern const struct assay_shape_info assay_shape_info[ASSAY_SHAPE_COUNT];
extern const struct assay_element_info assay_element_info[ASSAY_ELEMENT_COUNT];
extern const struct assay_column_info assay_column_info[ASSAY_COLUMN_COUNT];
extern const struct assay_attribute_info assay_attribute_info[ASSAY_ATTRIBUTE_COUNT];

#endif
