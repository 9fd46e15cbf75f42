/* A run: from a spec file to a results file. Resumes by itself. */
#ifndef ASSAY_RUN_H
#define ASSAY_RUN_H

#include "assay/backend.h"
#include "assay/benchmark.h"
#include "assay/comm.h"
#include "assay/plan.h"
#include "assay/results.h"
#include "assay/session.h"

#include <signal.h>

/* Kind choice: item i has options first[i] … first[i + 1] − 1; option o has tokens[offset[o]] up to
 * offset[o + 1], and lengths[o] bytes of text without the white space in front. */
struct assay_job_options {
    uint32_t *first;  /* items + 1 */
    uint64_t *offset; /* options + 1 */
    uint32_t *tokens, *lengths;
};

/* A spec with everything it names opened and checked: what a run needs before it computes. */
struct assay_job {
    struct assay_spec *spec;
    struct assay_model *model;
    struct assay_benchmark *benchmark;
    struct assay_assignment assignment; /* of the plan, if there is one: the job's own copy */
    struct assay_plan plan;
    /* Prompts as token ids: item i has prompt_tokens[prompt_offset[i]] up to prompt_offset[i + 1].
     */
    uint32_t *prompt_tokens;
    size_t *prompt_offset;                /* items + 1 */
    uint32_t *prompt_counts;              /* items: tokens of each prompt */
    struct assay_digest *prompt_digests;  /* items */
    struct assay_job_options options;     /* of kind choice; else all NULL */
    struct assay_file_check *model_check; /* the model's digest, or NULL: see assay_job_confirm */
    uint32_t context;     /* longest prompt and output, in tokens; at most the model's */
    char *benchmark_path; /* where a reopened job's lies, if a folder was named */
};

/* Open spec, model and benchmark, make the prompts and the plan. `model_dir` may be NULL; so may
 * `assignment`, what a network gave to a site (copied): only its items are then in the job.
 * EVALUE names the item whose prompt does not fit the model's context. */
ASSAY_MUST_CHECK enum assay_status assay_job_open(struct assay_job **out, const char *spec_path,
                                                  const char *model_dir,
                                                  const struct assay_assignment *assignment,
                                                  struct assay_error *err);
void assay_job_close(struct assay_job *job); /* NULL is fine */
/* Append the text of an item's prompt: its messages inside the chat template, or as it is. */
ASSAY_MUST_CHECK enum assay_status assay_job_render(const struct assay_spec *spec,
                                                    const struct assay_benchmark *benchmark,
                                                    const struct assay_model *model, uint32_t item,
                                                    struct assay_bytes *text,
                                                    struct assay_error *err);
/* The declared model is digested while the job goes on. Wait for it: EMISMATCH when the file is
 * another one. Nothing may be acknowledged, told or kept for others before. */
ASSAY_MUST_CHECK enum assay_status assay_job_confirm(const struct assay_job *job,
                                                     struct assay_error *err);

/* The cache of its model's packed weights: in `directory`, or, if that is NULL, beside the model.
 * Its path is appended to `path`, which must live as long as it. */
struct assay_bytes;
ASSAY_MUST_CHECK enum assay_status assay_job_cache(const struct assay_job *job,
                                                   const char *directory, struct assay_bytes *path,
                                                   struct assay_panel_cache *out,
                                                   struct assay_error *err);

/* A run made elsewhere, as its results file or its signed statement has it. Its spec is a
 * stranger's: of the paths in it only the last component is used. */
struct assay_job_origin {
    const char *spec_text; /* YAML */
    size_t spec_bytes;
    const char *path;          /* of the file that says so: files are looked for beside it … */
    const char *model_dir;     /* … a model then here, or NULL … */
    const char *benchmark_dir; /* … a benchmark only here, unless NULL */
    const char *site;          /* public key as hex, "" for a run of one's own */
    struct assay_digest spec, model, benchmark;
    const struct assay_assignment *assignment; /* or NULL; item_count 0 where it is not known */
};
/* EMISMATCH when a file, or the spec made with them, is not the one that the run had. */
ASSAY_MUST_CHECK enum assay_status assay_job_reopen(struct assay_job **out,
                                                    const struct assay_job_origin *origin,
                                                    struct assay_error *err);

/* The key that a group's samples draw from (FORMAT.md 2.1). */
struct assay_digest assay_job_group_key(const struct assay_job *job, uint32_t item,
                                        const struct assay_profile *profile);

/* Of all ranks; complete at rank 0 only. */
struct assay_run_progress {
    uint32_t ranks;
    uint64_t samples_total;
    uint64_t samples_resumed; /* found in the journal */
    uint64_t samples_done;    /* resumed + finished in this run */
    uint64_t correct;         /* of those finished in this run */
    uint64_t torn_bytes;      /* in torn tails of the journal */
    uint32_t torn_files;
    bool unlocked; /* the file system has no locks: a second run at the same time is not kept out */
    uint64_t output_tokens;
    struct assay_session_counters counters; /* once the run is over */
    double seconds;                         /* since the first pass */
    double tokens_per_second;               /* output tokens, over the last few seconds */
    double eta_seconds;                     /* NAN while unknown */
    double idle_share; /* largest part of the time that a rank waited at the end for others */
};

/* Ranks that compute alike: those of a host in a component, or, where these are many, those of all
 * hosts of one kind. */
enum { ASSAY_RANKS_TEXT = 64, ASSAY_RANKS_HOSTS_EACH = 8 };
struct assay_ranks {
    char host[ASSAY_RANKS_TEXT], last_host[ASSAY_RANKS_TEXT]; /* equal where there is one */
    char component[ASSAY_RANKS_TEXT];                         /* "1 gpu", or "" */
    char device[ASSAY_RANKS_TEXT], isa[16];
    char list[ASSAY_RANKS_TEXT]; /* "0-3,8"; cut with "…" */
    uint32_t ranks, hosts, threads /* of each rank */;
    uint64_t memory_bytes; /* what each may use, at least */
};

struct assay_run_options {
    const char *results; /* path of the results file; its journal lies beside it as "….journal" */
    const struct assay_backend *backend;
    uint64_t part_records; /* more records than this go into part files of that many; 0: never */
    uint32_t batch, prefill_rows; /* see struct assay_session_options */
    uint32_t threads;             /* of this rank; 0: one a core of its part of the machine */
    const char *cache_dir; /* of packed weights (struct assay_panel_cache): NULL: beside the model;
                              "": none */
    const volatile sig_atomic_t *stop; /* non-zero: sync and return EINTERRUPTED; NULL is fine */
    void (*progress)(void *context, const struct assay_run_progress *progress); /* or NULL */
    /* Once, at rank 0, before anything is computed: who computes. At most one row a host and
     * component for up to RANKS_HOSTS_EACH, else one a kind. Or NULL. */
    void (*announce)(void *context, const struct assay_ranks *rows, size_t count);
    void *context;
};

enum assay_run_outcome {
    ASSAY_RUN_FINISHED,        /* computed (what was missing) and written */
    ASSAY_RUN_ALREADY_COMPLETE /* the results file of this very plan was there; nothing was done */
};

/* Collective: every rank calls it with the same job, and all get the same status; rank 0's error
 * says whose it is. Compute every sample of the job that its journal lacks, then merge the journal
 * into the results file and remove it. EMISMATCH when the results file or the journal belongs to
 * another plan, or the ranks have different ones; EINTERRUPTED when stopped: run again to resume,
 * with any number of ranks. On every failure the journal keeps all acknowledged samples. `progress`
 * gets the final figures. */
ASSAY_MUST_CHECK enum assay_status assay_run(const struct assay_job *job, struct assay_comm *comm,
                                             const struct assay_run_options *options,
                                             enum assay_run_outcome *outcome,
                                             struct assay_run_progress *progress,
                                             struct assay_error *err);

#endif
