/* From journal to results file: what the job knows besides its samples. */
#include "run/merge.h"

#include "base/clock.h"
#include "base/file.h"
#include "crypto/digest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum assay_status assay_merge(const struct assay_job *job, const char *path,
                              const char *journal_path, uint64_t part_samples,
                              struct assay_error *err)
{
    uint32_t items = job->plan.item_count;
    uint32_t strata = assay_benchmark_stratum_count(job->benchmark);
    const char **texts = calloc((size_t)items * 3 + strata, sizeof *texts);
    uint32_t *item_strata = calloc(items, sizeof *item_strata);
    uint32_t *positions = calloc(items, sizeof *positions);
    char host[256] = "";
    enum assay_status status = ASSAY_OK;
    if (!texts || !item_strata || !positions) {
        status = assay_fail(err, ASSAY_EMEMORY, "no memory for the results file");
        goto done;
    }
    gethostname(host, sizeof host - 1);
    for (uint32_t i = 0; i < items; i++) {
        const struct assay_item *item = assay_benchmark_item(job->benchmark, i);
        texts[i] = item->id;
        texts[items + i] = item->topic;
        texts[2 * (size_t)items + i] = item->cluster;
        positions[i] = item->position;
        item_strata[i] = assay_benchmark_item_stratum(job->benchmark, i);
    }
    for (uint32_t i = 0; i < strata; i++) {
        texts[3 * (size_t)items + i] = assay_benchmark_stratum(job->benchmark, i);
    }
    struct assay_run_facts facts = {.plan = &job->plan,
                                    .model_name = assay_model_hyper(job->model)->name,
                                    .engine = "assay " ASSAY_VERSION,
                                    .host = host,
                                    .created_ns = assay_clock_epoch_ns(),
                                    .part_samples = part_samples,
                                    .item_ids = texts,
                                    .item_topics = texts + items,
                                    .item_clusters = texts + 2 * (size_t)items,
                                    .item_positions = positions,
                                    .item_strata = item_strata,
                                    .item_prompt_tokens = job->prompt_counts,
                                    .item_prompt_digests = job->prompt_digests,
                                    .stratum_names = texts + 3 * (size_t)items,
                                    .stratum_count = strata};
    status = assay_results_write(path, journal_path, &facts, err);
done:
    free(positions);
    free(item_strata);
    free(texts);
    return status;
}

enum assay_status assay_merge_check_existing(const struct assay_job *job, const char *path,
                                             bool *complete, struct assay_error *err)
{
    struct assay_results_head head;
    char theirs[ASSAY_DIGEST_HEX], ours[ASSAY_DIGEST_HEX];
    *complete = false;
    if (!assay_file_exists(path)) return ASSAY_OK;
    enum assay_status status = assay_results_peek(&head, path, err);
    if (status) return status;
    *complete = assay_digest_equal(&head.plan_digest, &job->plan.digest);
    if (*complete) return ASSAY_OK;
    return assay_fail(err, ASSAY_EMISMATCH,
                      "%s: holds results of another spec (digest %.12s…, this one's is %.12s…); "
                      "name another file with --output, or remove it",
                      path, assay_digest_hex(&head.spec_digest, theirs),
                      assay_digest_hex(&job->spec->digest, ours));
}
