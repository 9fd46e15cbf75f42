/* A run as large as one likes, without a model: journals of synthetic records, merged and read
 * back, with the seconds and the memory that each took. Tokens follow a Zipf law over a real
 * vocabulary's size, the texts are words of them, log-probabilities have full mantissas and are
 * mostly near 0: they compress as real ones do (tests/bench/README.md).
 *
 *   scale journal DIRECTORY RECORDS TOKENS      eight ranks' journals
 *   scale merge DIRECTORY RESULTS RECORDS TOKENS PART-RECORDS
 *   scale open RESULTS                          read and check everything
 *
 * Each prints one line of JSON. */
#include "assay/results.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "crypto/digest.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { VOCABULARY = 49152, WORD_BYTES = 16, RANKS = 8, REPLICATES = 10, SHARD = 40, WINDOW = 64 };

struct run {
    struct assay_spec *spec;
    struct assay_plan plan;
    uint32_t tokens_mean;
    char (*words)[WORD_BYTES]; /* of each token */
    const char **ids;          /* of each item */
    char *id_bytes;
};

static void must(enum assay_status status, const struct assay_error *err)
{
    if (!status) return;
    fprintf(stderr, "scale: %s\n", err->text);
    exit(assay_exit_code(status));
}

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static double uniform(uint64_t *state)
{
    return (double)(draw(state) >> 11) * 0x1p-53;
}

/* Frequent words are short. */
static void make_words(struct run *run)
{
    static const char letters[] = "etaoinshrdlcumwfgypbvk";
    uint64_t state = 1;
    for (uint32_t i = 0; i < VOCABULARY; i++) {
        size_t length = 1 + (size_t)(log(i + 2.0) * 0.6 + uniform(&state) * 3), at = 0;
        if (draw(&state) % 4 != 0) run->words[i][at++] = ' ';
        while (at < length) run->words[i][at++] = letters[draw(&state) % (sizeof letters - 1)];
    }
}

static void open_run(struct run *run, uint64_t records, uint32_t tokens)
{
    static const char text[] = "assay: 1\nname: synthetic\nmodel: {path: m.gguf}\n"
                               "benchmark: {path: b.jsonl}\nprompt: {user: '{question}'}\n"
                               "max_tokens: 4096\nreplicates: 10\nsets: 2\nseed: 1\nprofiles:\n"
                               "  - {name: warm, temperature: 0.7}\n  - {name: cool}\n";
    struct assay_error err;
    uint64_t items = records / (2 * REPLICATES);
    if (items == 0 || items * 2 * REPLICATES != records || items > ASSAY_PLAN_ITEMS_MAX) {
        fprintf(stderr, "scale: records are multiples of %d\n", 2 * REPLICATES);
        exit(2);
    }
    *run = (struct run){.tokens_mean = tokens};
    must(assay_spec_parse(&run->spec, text, sizeof text - 1, &err), &err);
    memset(run->spec->model.sha256.bytes, 0xaa, 32);
    memset(run->spec->benchmark.sha256.bytes, 0xbb, 32);
    memset(run->spec->data.sha256.bytes, 0xbb, 32);
    must(assay_spec_seal(run->spec, &err), &err);
    must(assay_plan_init(&run->plan, run->spec, (uint32_t)items, NULL, 0, &err), &err);
    run->words = calloc(VOCABULARY, sizeof *run->words);
    run->ids = calloc(items, sizeof *run->ids);
    run->id_bytes = calloc(items, 32);
    ASSAY_ASSERT(run->words && run->ids && run->id_bytes);
    make_words(run);
    for (uint64_t i = 0; i < items; i++) {
        run->ids[i] = run->id_bytes + 32 * i;
        snprintf(run->id_bytes + 32 * i, 32, "synthetic/%06" PRIu64, i);
    }
}

static void close_run(struct run *run)
{
    free(run->id_bytes);
    free(run->ids);
    free(run->words);
    assay_spec_destroy(run->spec);
}

static struct assay_digest item_digest(uint32_t item)
{
    return assay_sha256_of(&item, sizeof item);
}

/* What a sample points into. */
struct sample {
    struct assay_record record;
    struct assay_circumstances circumstances;
    uint32_t tokens[4096];
    float log_probs[4096];
    char text[4096 * WORD_BYTES], answer[16];
};

static void fill_tokens(struct sample *sample, const struct run *run, uint64_t *state, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        double u = uniform(state), v = uniform(state);
        sample->tokens[i] = (uint32_t)exp(u * log(VOCABULARY - 1.0));
        /* Two thirds are nearly certain, the rest are spread. */
        sample->log_probs[i] = (float)(v < 0.66 ? log1p(-pow(v, 6.0)) : -12 * (1 - v) * (1 - v));
        const char *word = run->words[sample->tokens[i]];
        size_t length = strlen(word);
        memcpy(sample->text + size, word, length);
        size += length;
    }
    sample->circumstances.text = (struct assay_span){sample->text, size};
}

static void fill(struct sample *sample, const struct run *run, uint64_t index)
{
    static const char detail[] = "AssertionError: expected another answer";
    struct assay_cell cell = assay_plan_cell(&run->plan, index);
    const struct assay_profile *profile = &run->spec->profiles[cell.profile_index];
    uint64_t state = index * 0x10001 + 7;
    size_t count = run->tokens_mean / 2 + (size_t)(draw(&state) % (run->tokens_mean + 1));
    bool right = draw(&state) % 3 == 0;
    int length =
        snprintf(sample->answer, sizeof sample->answer, "%u", (unsigned)draw(&state) % 500);
    const char *id = run->ids[cell.item_index];
    uint64_t group = index / REPLICATES;
    sample->record =
        (struct assay_record){.arithmetic = ASSAY_ARITHMETIC_EXACT_1,
                              .sampler = ASSAY_SAMPLER_1,
                              .draw = (uint8_t)profile->draw,
                              .replicates = run->plan.replicates,
                              .sets = run->spec->sets,
                              .replicate = cell.replicate,
                              .cell_key = assay_sha256_of(&group, sizeof group),
                              .prompt_digest = item_digest(cell.item_index),
                              .item_id = {id, strlen(id)},
                              .profile = {profile->name, strlen(profile->name)},
                              .verdict = right ? ASSAY_VERDICT_CORRECT : ASSAY_VERDICT_INCORRECT,
                              .score_micro = right ? ASSAY_SCORE_ONE : 0,
                              .answer = {sample->answer, (size_t)length},
                              .token_count = count,
                              .tokens = sample->tokens,
                              .log_probs = sample->log_probs};
    sample->circumstances = (struct assay_circumstances){
        .prompt_shared = cell.replicate > 0,
        .attempts = 1,
        .batch_rows = 64,
        .clock_mhz = 3000 + (uint32_t)(draw(&state) % 200),
        .start_ns = UINT64_C(1700000000000000000) + index * 21000000 + draw(&state) % 20000000,
        .duration_ns = count * 40000000 + draw(&state) % 40000000,
        .grade = {.flexible_verdict = sample->record.verdict,
                  .strict = {0, (uint32_t)(draw(&state) % 700), (uint32_t)length},
                  .flexible = {0, 0, 0},
                  .flexible_answer = sample->record.answer,
                  .run = right ? 0 : 1,
                  .run_cpu_ns = 5000000 + draw(&state) % 3000000,
                  .run_wall_ns = 9000000 + draw(&state) % 9000000,
                  .run_peak_bytes = 9000000 + draw(&state) % 4096 * 4096,
                  .run_detail = {detail, right ? 0 : sizeof detail - 1}}};
    fill_tokens(sample, run, &state, count);
}

static struct assay_process process_of(uint32_t rank)
{
    return (struct assay_process){.rank = rank,
                                  .ranks = RANKS,
                                  .local_rank = rank % 4,
                                  .local_ranks = 4,
                                  .threads = 16,
                                  .batch = 64,
                                  .prefill_rows = 128,
                                  .host = rank < 4 ? "node-1" : "node-2",
                                  .cpu = "synthetic",
                                  .launcher = "srun",
                                  .job = "1",
                                  .component = "",
                                  .variables = "",
                                  .engine = "assay",
                                  .build = "",
                                  .backend = "cpu",
                                  .isa = "avx2",
                                  .processors = "",
                                  .memory_nodes = "",
                                  .grader = "",
                                  .topology = "<topology/>"};
}

/* A rank's samples: shards of whole groups in turn, finished a little out of order. */
static void write_rank(const struct run *run, const char *path, uint32_t rank,
                       struct sample *sample)
{
    const struct assay_process process = process_of(rank);
    const struct assay_journal_present nothing = {calloc((size_t)run->plan.sample_count / 8 + 1, 1),
                                                  (size_t)run->plan.sample_count / 8 + 1};
    const struct assay_journal_options options = {.rank = rank,
                                                  .sync_records = 1 << 20,
                                                  .sync_ns = UINT64_MAX,
                                                  .process = &process,
                                                  .joining = rank > 0 ? &nothing : NULL};
    struct assay_journal_recovery recovery;
    struct assay_journal *journal;
    struct assay_error err;
    uint64_t waiting[WINDOW], state = rank + 1, next = 0, total = run->plan.sample_count;
    size_t count = 0;
    ASSAY_ASSERT(nothing.bits);
    must(assay_journal_open(&journal, path, &run->plan, &options, &recovery, &err), &err);
    while (next < total || count > 0) {
        for (; next < total && count < WINDOW; next++) {
            if (next / SHARD % RANKS == rank) waiting[count++] = next;
        }
        if (count == 0) break;
        size_t at = (size_t)(draw(&state) % count);
        uint64_t index = waiting[at];
        waiting[at] = waiting[--count];
        fill(sample, run, index);
        must(assay_journal_append(journal, index, &sample->record, &sample->circumstances, &err),
             &err);
    }
    must(assay_journal_close(journal, &err), &err);
    free((void *)(uintptr_t)nothing.bits);
}

static void write_journal(const struct run *run, const char *path)
{
    struct sample *sample = calloc(1, sizeof *sample);
    ASSAY_ASSERT(sample);
    for (uint32_t rank = 0; rank < RANKS; rank++) write_rank(run, path, rank, sample);
    free(sample);
}

static void merge(const struct run *run, const char *journal, const char *path, uint64_t part)
{
    static const char *const stratum = "all";
    struct assay_error err;
    uint32_t items = run->plan.item_count;
    const char **empty = calloc(items, sizeof *empty);
    uint32_t *positions = calloc(items, sizeof *positions);
    uint32_t *zeros = calloc(items, sizeof *zeros);
    struct assay_digest *digests = calloc(items, sizeof *digests);
    ASSAY_ASSERT(empty && positions && zeros && digests);
    for (uint32_t i = 0; i < items; i++) {
        empty[i] = "";
        positions[i] = i;
        digests[i] = item_digest(i);
    }
    const struct assay_run_facts facts = {.plan = &run->plan,
                                          .model_name = "synthetic",
                                          .engine = "assay " ASSAY_VERSION,
                                          .host = "",
                                          .created_ns = UINT64_C(1700000000000000000),
                                          .part_samples = part,
                                          .item_ids = run->ids,
                                          .item_topics = empty,
                                          .item_clusters = empty,
                                          .item_positions = positions,
                                          .item_strata = zeros,
                                          .item_prompt_tokens = zeros,
                                          .item_prompt_digests = digests,
                                          .stratum_names = &stratum,
                                          .stratum_count = 1};
    must(assay_results_write(path, journal, &facts, &err), &err);
    free(digests);
    free(zeros);
    free(positions);
    free(empty);
}

static void read_back(const char *path)
{
    struct assay_results *results;
    struct assay_error err;
    char hex[ASSAY_DIGEST_HEX];
    must(assay_results_open(&results, path, NULL, &err), &err);
    fprintf(stderr, "scale: %" PRIu64 " samples, records digest %s\n", results->sample_count,
            assay_digest_hex(&results->records_digest, hex));
    assay_results_close(results);
}

/* Of this program alone: what getrusage says counts its parent before exec. */
static long peak_kb(void)
{
    char line[128];
    long peak = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && peak < 0 && fgets(line, sizeof line, status)) {
        if (strncmp(line, "VmHWM:", 6) == 0) peak = strtol(line + 6, NULL, 10);
    }
    if (status) fclose(status);
    ASSAY_ASSERT(peak > 0);
    return peak;
}

static void report(const char *verb, uint64_t start_ns)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"verb\": \"%s\", \"seconds\": %.2f, \"user\": %.2f, \"system\": %.2f, \"peak_mb\": "
           "%ld}\n",
           verb, (double)(assay_clock_monotonic_ns() - start_ns) * 1e-9,
           (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec * 1e-6,
           (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec * 1e-6, peak_kb() / 1024);
}

int main(int argc, char **argv)
{
    struct run run;
    const char *verb = argc > 1 ? argv[1] : "";
    uint64_t start = assay_clock_monotonic_ns();
    if (argc == 3 && strcmp(verb, "open") == 0) {
        read_back(argv[2]);
    } else if (argc == 5 && strcmp(verb, "journal") == 0) {
        open_run(&run, strtoull(argv[3], NULL, 10), (uint32_t)strtoul(argv[4], NULL, 10));
        write_journal(&run, argv[2]);
        close_run(&run);
    } else if (argc == 7 && strcmp(verb, "merge") == 0) {
        open_run(&run, strtoull(argv[4], NULL, 10), (uint32_t)strtoul(argv[5], NULL, 10));
        merge(&run, argv[2], argv[3], strtoull(argv[6], NULL, 10));
        close_run(&run);
    } else {
        fprintf(stderr, "usage: see the head of tests/store/scale.c\n");
        return 2;
    }
    report(verb, start);
    return 0;
}
