/* A benchmark: items read from a data file, prompts made of them, answers taken out of outputs and
 * judged (FORMAT.md 3.2, 6). */
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
    const char *cluster;       /* "" if absent */
    const char *const *accept; /* accept_count answers, normalised; ≥ 1 but for kind code: 0 */
    size_t accept_count;
    const char *const *choices; /* choice_count options, 0 or 2 … 26, as in the data */
    const uint32_t *order;      /* choice_count: the option that is shown at each place */
    uint32_t choice_count;
    uint32_t gold;           /* the right one of choices */
    const char *test;        /* kind code: Python; else "" */
    const char *entry_point; /* kind code: the function under test; "" if absent */
    uint32_t position;       /* row of the data that has items, from 0 */
    uint32_t line;           /* of the data file, from 1 */
};

/* Read the items of `size` bytes of data (JSON lines or CSV, plain or gzip). Errors:
 * "NAME:LINE: …", quoting the field. The spec must outlive the benchmark. Examples of another file
 * are read from it. */
ASSAY_MUST_CHECK enum assay_status assay_benchmark_parse(struct assay_benchmark **out,
                                                         const char *name, const char *text,
                                                         size_t size, const struct assay_spec *spec,
                                                         struct assay_error *err);
/* The same from the file that the spec's data were found in. */
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

/* The examples of an item as turns before its question, at most 64 into `turns`, lent; the first is
 * opened by `opening`, which is cleared and must live as long. *count is 0 unless the definition
 * wants turns. */
ASSAY_MUST_CHECK enum assay_status assay_benchmark_turns(const struct assay_benchmark *benchmark,
                                                         uint32_t item, struct assay_bytes *opening,
                                                         struct assay_chat_turn *turns,
                                                         size_t *count, struct assay_error *err);
/* Append the user message of an item: opening, solved examples, the question; behind turns the
 * question alone. */
ASSAY_MUST_CHECK enum assay_status assay_benchmark_prompt(const struct assay_benchmark *benchmark,
                                                          uint32_t item, struct assay_bytes *out,
                                                          struct assay_error *err);
/* The ids of the solved examples in it, in their order: at most 64 into `ids`, lent. */
size_t assay_benchmark_examples(const struct assay_benchmark *benchmark, uint32_t item,
                                const char *ids[64]);
/* Kind choice: append what is scored behind the prompt for choices[choice], its first space
 * included. */
ASSAY_MUST_CHECK enum assay_status assay_benchmark_option(const struct assay_benchmark *benchmark,
                                                          uint32_t item, uint32_t choice,
                                                          struct assay_bytes *out,
                                                          struct assay_error *err);
/* Kind code: append the program that an output makes: prompt, output, test. *test_at is where the
 * test begins. */
ASSAY_MUST_CHECK enum assay_status assay_benchmark_program(const struct assay_benchmark *benchmark,
                                                           uint32_t item, struct assay_span text,
                                                           struct assay_bytes *out, size_t *test_at,
                                                           struct assay_error *err);

/* Zero-initialise; release with assay_judgement_fini; may be used again. */
struct assay_judgement {
    enum assay_verdict verdict; /* by the strict rule: the record's */
    uint32_t score_micro;
    struct assay_span answer; /* normalised; it and what `grade` points to die with the next use */
    struct assay_grade grade;
    struct assay_judging *judging; /* owned */
};
void assay_judgement_fini(struct assay_judgement *judgement);
/* Extract the answer from an output and judge it. For kind code only the outcome is judged. */
ASSAY_MUST_CHECK enum assay_status assay_benchmark_judge(const struct assay_benchmark *benchmark,
                                                         uint32_t item, struct assay_span text,
                                                         enum assay_finish finish,
                                                         struct assay_judgement *out,
                                                         struct assay_error *err);

#endif
