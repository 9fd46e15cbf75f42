/* The results file (HDF5, schema in src/store/schema.h) and the journal it is made from. */
#ifndef ASSAY_RESULTS_H
#define ASSAY_RESULTS_H

#include "assay/cipher.h"
#include "assay/plan.h"
#include "assay/process.h"
#include "assay/record.h"

/* --- journal (FORMAT.md 5): the only truth while computing --- */
struct assay_journal; /* one writer's open file, and the index of everything the directory already
                         holds */

struct assay_journal_recovery {
    uint64_t samples;    /* acknowledged samples found, all writers together */
    uint64_t torn_bytes; /* in torn tails, all writers together; this rank's was cut */
    uint32_t torn_files;
    uint32_t files;
    bool locked; /* false where the file system has no locks: nothing then keeps a second run out */
};

/* Which samples a journal holds: bit i % 8 of byte i / 8 is sample i. */
struct assay_journal_present {
    const uint8_t *bits;
    size_t bytes; /* sample_count / 8 + 1 */
};

struct assay_journal_options {
    uint32_t rank;
    uint32_t sync_records;               /* fdatasync after this many records … */
    uint64_t sync_ns;                    /* … or this long after the first unsynced one */
    const struct assay_process *process; /* written before the first sample; read at open only */
    /* What rank 0 has found, for the ranks that join it: they read no file but their own. NULL:
     * read the whole directory. */
    const struct assay_journal_present *joining;
};

/* Create or recover the directory `path` for this plan and open this rank's file for appending.
 * Rank 0 opens first and its lock keeps a second run out; the others join with what it found.
 * EMISMATCH when it belongs to another plan (both digests quoted); nothing is changed then. */
ASSAY_MUST_CHECK enum assay_status assay_journal_open(struct assay_journal **out, const char *path,
                                                      const struct assay_plan *plan,
                                                      const struct assay_journal_options *options,
                                                      struct assay_journal_recovery *recovery,
                                                      struct assay_error *err);
bool assay_journal_has(const struct assay_journal *journal, uint64_t sample_index);
struct assay_journal_present assay_journal_present(const struct assay_journal *journal); /* lent */
ASSAY_MUST_CHECK enum assay_status
assay_journal_append(struct assay_journal *journal, uint64_t sample_index,
                     const struct assay_record *record,
                     const struct assay_circumstances *circumstances, struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_journal_sync(struct assay_journal *journal,
                                                      struct assay_error *err);
/* Sync and close; the error of a last sync that failed is returned, the memory is freed all the
 * same. */
ASSAY_MUST_CHECK enum assay_status assay_journal_close(struct assay_journal *journal,
                                                       struct assay_error *err);
/* Remove a journal directory after its results file is durable. */
ASSAY_MUST_CHECK enum assay_status assay_journal_remove(const char *path, struct assay_error *err);

/* A journal read back: every distinct sample and the processes they belong to. */
struct assay_journal_reader;
ASSAY_MUST_CHECK enum assay_status assay_journal_read(struct assay_journal_reader **out,
                                                      const char *path,
                                                      const struct assay_plan *plan,
                                                      struct assay_error *err);
void assay_journal_reader_close(struct assay_journal_reader *reader); /* NULL is fine */
/* The processes that have samples; lent as long as the reader. */
const struct assay_process *assay_journal_processes(const struct assay_journal_reader *reader,
                                                    uint32_t *count);
/* One visit per distinct sample, ascending by index; `process` is a row of assay_journal_processes,
 * spans are lent for the call. A status other than OK ends it. */
typedef enum assay_status assay_journal_visit(void *context, uint64_t sample_index,
                                              uint32_t process, const struct assay_record *record,
                                              const struct assay_circumstances *circumstances,
                                              struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_journal_each(struct assay_journal_reader *reader,
                                                      assay_journal_visit *visit, void *context,
                                                      struct assay_error *err);

/* --- results file --- */
/* What a run knows besides its samples. Arrays are lent. */
struct assay_run_facts {
    const struct assay_plan *plan;
    const char *model_name;      /* general.name of the model, or "" */
    const char *engine;          /* "assay 0.1.0" */
    const char *host;            /* of the merge */
    uint64_t created_ns;         /* of the merge, since the Unix epoch */
    uint64_t part_samples;       /* more samples than this go into parts of that many; 0: never */
    const char *const *item_ids; /* plan->item_count each of these … */
    const char *const *item_topics;
    const char *const *item_clusters;
    const uint32_t *item_positions; /* in the benchmark */
    const uint32_t *item_strata;    /* index into stratum_names */
    const uint32_t *item_prompt_tokens;
    const struct assay_digest *item_prompt_digests;
    const char *const *stratum_names;
    uint32_t stratum_count;
};

/* Merge a journal into `path`, and into parts in the folder `path`.parts if there are more samples
 * than one may hold: temporary names, close, fsync, rename, fsync of the directory. All samples
 * must be there. Memory does not grow with them, but for 32 bytes each. Rerunnable. On any failure
 * the temporary files are removed and what was at `path` is untouched. */
ASSAY_MUST_CHECK enum assay_status assay_results_write(const char *path, const char *journal_path,
                                                       const struct assay_run_facts *facts,
                                                       struct assay_error *err);

/* A results file that was read and checked: its tables, and of each sample the few numbers that
 * statistics need, 29 bytes. The rest stays in the file, which stays open. Owned by the handle. */
struct assay_results {
    const char *path;
    uint32_t schema_version;
    bool encrypted;     /* the benchmark says so … */
    bool sealed;        /* … and no key was given */
    uint8_t arithmetic; /* enum assay_arithmetic, of all records */
    const char *spec_name, *spec_canonical, *spec_source, *model_name; /* … */
    const char *spec_definition; /* the benchmark's definition (YAML), or "" */
    const char *engine, *host, *created;
    const char *backend, *isa; /* of the processes; several are joined by "+" … */
    const char *build, *cpu;   /* … and those beyond 240 bytes are "…" */
    const char *site;          /* a public key as hex, "" for a run of one's own */
    const char *chain, *task, *round, *round_seed; /* of a network's assignment, or "" */
    struct assay_digest spec_digest, plan_digest, records_digest, circumstances_digest,
        model_digest, benchmark_digest, data_digest,
        examples_digest; /* the last 0 if there are none */
    uint32_t item_count, profile_count, stratum_count, replicates, sets;
    uint64_t sample_count, token_count;
    const char *const *item_ids, *const *item_topics, *const *item_clusters, *const *stratum_names;
    const uint32_t *item_positions; /* in the benchmark */
    const uint32_t *item_strata, *item_prompt_tokens;
    const struct assay_digest *item_prompt_digests;
    const struct assay_profile *profiles;
    const struct assay_process *processes;
    uint32_t process_count;
    uint64_t started_ns, finished_ns; /* the first start and the last end of a sample */
    /* sample_count each, in sample order (FORMAT.md 4.3) */
    const uint32_t *item_index, *profile_index, *replicate, *score_micro;
    const uint8_t *finish, *verdict;
    const uint8_t *outcome, *flexible_verdict, *run; /* of struct assay_grade */
    const uint64_t *token_offset;                    /* sample_count + 1 */
};

/* All of one sample. Of `sealed` results it lacks what is encrypted. */
struct assay_results_sample {
    struct assay_record record; /* the canonical part */
    struct assay_circumstances circumstances;
    uint32_t process;       /* row of processes */
    struct assay_span cell; /* as it is stored (FORMAT.md 13); empty unless encrypted */
};

/* Read and check a file: schema, shapes, enums, and that the records digest recomputed from the
 * columns is the stored one; memory does not grow with tokens and texts. Of an encrypted benchmark
 * that needs the key (NULL or not known: there is none), as do tokens, answers, texts and details,
 * which otherwise are 0 or empty: `sealed`. EFAILED naming the sample when a cell does not open. */
ASSAY_MUST_CHECK enum assay_status assay_results_open(struct assay_results **out, const char *path,
                                                      const struct assay_cipher_key *key,
                                                      struct assay_error *err);
/* Who sees the records while they are read and checked for the first time, so that nobody need read
 * them again for what takes all of them: one call for each sample in turn, with its canonical part
 * (FORMAT.md 4), lent for the call. The digest is compared behind the last: what was seen holds
 * only if the file opens. Of `sealed` results there are no calls. */
struct assay_results_visitor {
    enum assay_status (*visit)(void *context, uint64_t index, uint64_t sample_count,
                               const void *canonical, size_t size, struct assay_error *err);
    void *context;
};
/* As assay_results_open, for a visitor (NULL: none). data_path: the benchmark's data, which give
 * the key; NULL where they were not named. EMISMATCH when they are others. */
ASSAY_MUST_CHECK enum assay_status
assay_results_open_visited(struct assay_results **out, const char *path, const char *data_path,
                           const struct assay_results_visitor *visitor, struct assay_error *err);
/* The same for who needs all of it: never `sealed`. EUSAGE when the data are needed. */
ASSAY_MUST_CHECK enum assay_status
assay_results_open_clear(struct assay_results **out, const char *path, const char *data_path,
                         const struct assay_results_visitor *visitor, struct assay_error *err);
void assay_results_close(struct assay_results *results);
/* Read a sample (asserts the range). What it points to is lent until the next call; ascending is
 * the fast way. EMISMATCH when the file is no more what it was when it was opened. */
ASSAY_MUST_CHECK enum assay_status assay_results_sample(struct assay_results *results,
                                                        uint64_t index,
                                                        struct assay_results_sample *out,
                                                        struct assay_error *err);

/* Only the head: enough to tell whose file it is (spec, plan and records digests). ENOTFOUND if
 * there is none. */
struct assay_results_head {
    uint32_t schema_version;
    uint8_t arithmetic; /* enum assay_arithmetic, of all records */
    struct assay_digest spec_digest, plan_digest, records_digest, data_digest;
};
ASSAY_MUST_CHECK enum assay_status assay_results_peek(struct assay_results_head *out,
                                                      const char *path, struct assay_error *err);

#endif
