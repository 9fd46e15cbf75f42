/* A benchmark: items read from JSON lines, prompts made of them, answers taken out of outputs and
 * judged. */
#ifndef ASSAY_BENCHMARK_H
#define ASSAY_BENCHMARK_H

#include "assay/record.h"
#include "assay/spec.h"

struct assay_bytes;
struct assay_benchmark; /* owns its items */

struct assay_item {
    const char *id;            /* [A-Za-z0-9._/-]{1,256}, unique */
    const char *topic;         /* "" if absent */
    const char *stratum;       /* "all" if absent */
    const char *const *accept; /* accept_count ≥ 1 answers, normalised */
    size_t accept_count;
    uint32_t position; /* line of the file that has items, from 0 */
};

/* Parse JSON lines: an object each, with id, accept (or answer), optionally topic and stratum, and
 * whatever fields the spec's prompt names. Errors: "NAME:LINE: …", quoting the field. */
ASSAY_MUST_CHECK enum assay_status assay_benchmark_parse(struct assay_benchmark **out,
                                                         const char *name, const char *text,
                                                         size_t size, const struct assay_spec *spec,
                                                         struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_benchmark_open(struct assay_benchmark **out,
                                                        const struct assay_spec *spec,
                                                        struct assay_error *err);
/* Keep only the items at these ascending positions; indices are then positions in this list. EVALUE
 * when the benchmark has not that many. */
ASSAY_MUST_CHECK enum assay_status assay_benchmark_select(struct assay_benchmark *benchmark,
                                                          const uint32_t *positions, size_t count,
                                                          struct assay_error *err);
void assay_benchmark_close(struct assay_benchmark *benchmark);
uint32_t assay_benchmark_count(const struct assay_benchmark *benchmark);
const struct assay_item *assay_benchmark_item(const struct assay_benchmark *benchmark,
                                              uint32_t index);
/* Strata in order of first appearance. */
uint32_t assay_benchmark_stratum_count(const struct assay_benchmark *benchmark);
const char *assay_benchmark_stratum(const struct assay_benchmark *benchmark, uint32_t stratum);
uint32_t assay_benchmark_item_stratum(const struct assay_benchmark *benchmark, uint32_t item);

/* Append the user message of an item: the spec's prompt with its {fields} filled in. */
ASSAY_MUST_CHECK enum assay_status assay_benchmark_prompt(const struct assay_benchmark *benchmark,
                                                          uint32_t item, struct assay_bytes *out,
                                                          struct assay_error *err);
struct assay_judgement {
    enum assay_verdict verdict;
    uint32_t score_micro;
};
/* Extract the answer from an output (appended to `answer`, normalised) and judge it. */
ASSAY_MUST_CHECK enum assay_status
assay_benchmark_judge(const struct assay_benchmark *benchmark, uint32_t item,
                      struct assay_span text, enum assay_finish finish, struct assay_bytes *answer,
                      struct assay_judgement *out, struct assay_error *err);

#endif
