/* A run: from a spec file to a results file. Resumes by itself. */
#ifndef ASSAY_RUN_H
#define ASSAY_RUN_H

#include "assay/backend.h"
#include "assay/benchmark.h"
#include "assay/plan.h"
#include "assay/results.h"
#include "assay/session.h"

#include <signal.h>

/* A spec with everything it names opened and checked: what a run needs before it computes. */
struct assay_job {
    struct assay_spec *spec;
    struct assay_model *model;
    struct assay_benchmark *benchmark;
    struct assay_plan plan;
    /* Prompts as token ids: item i has prompt_tokens[prompt_offset[i]] up to prompt_offset[i + 1].
     */
    uint32_t *prompt_tokens;
    size_t *prompt_offset;               /* items + 1 */
    uint32_t *prompt_counts;             /* items: tokens of each prompt */
    struct assay_digest *prompt_digests; /* items */
    uint32_t context; /* longest prompt + max_tokens, in tokens; at most the model's */
};

/* Open spec, model and benchmark, make the prompts and the plan. `model_dir` may be NULL.
 * EVALUE names the item whose prompt does not fit the model's context. */
ASSAY_MUST_CHECK enum assay_status assay_job_open(struct assay_job **out, const char *spec_path,
                                                  const char *model_dir, struct assay_error *err);
void assay_job_close(struct assay_job *job); /* NULL is fine */

struct assay_run_progress {
    uint64_t samples_total;
    uint64_t samples_resumed; /* found in the journal */
    uint64_t samples_done;    /* resumed + finished in this run */
    uint64_t correct;         /* of those finished in this run */
    uint64_t torn_bytes;      /* cut from the journal on recovery */
    struct assay_session_counters counters;
    double seconds;           /* since the first pass */
    double tokens_per_second; /* output tokens, over the last few seconds */
    double eta_seconds;       /* NAN while unknown */
};

struct assay_run_options {
    const char *results; /* path of the results file; its journal lies beside it as "….journal" */
    const struct assay_backend *backend;
    uint32_t batch, threads, prefill_rows; /* see struct assay_session_options */
    const volatile sig_atomic_t *stop; /* non-zero: sync and return EINTERRUPTED; NULL is fine */
    void (*progress)(void *context, const struct assay_run_progress *progress); /* or NULL */
    void *context;
};

enum assay_run_outcome {
    ASSAY_RUN_FINISHED,        /* computed (what was missing) and written */
    ASSAY_RUN_ALREADY_COMPLETE /* the results file of this very plan was there; nothing was done */
};

/* Compute every sample of the job that its journal lacks, then merge the journal into the results
 * file and remove it. EMISMATCH when the results file or the journal belongs to another plan;
 * EINTERRUPTED when stopped: run again to resume. On every failure the journal keeps all
 * acknowledged samples. `progress` gets the final figures. */
ASSAY_MUST_CHECK enum assay_status assay_run(const struct assay_job *job,
                                             const struct assay_run_options *options,
                                             enum assay_run_outcome *outcome,
                                             struct assay_run_progress *progress,
                                             struct assay_error *err);

#endif
