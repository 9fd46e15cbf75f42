/* Grading programs beside the engine: what is sampled is handed to the sandbox and becomes a record
 * when its verdict is there. Samples wait in copies; the engine goes on. */
#ifndef ASSAY_RUN_GRADER_H
#define ASSAY_RUN_GRADER_H

#include "assay/benchmark.h"
#include "assay/sandbox.h"
#include "assay/session.h"

struct assay_grader; /* owns the pool and the samples that wait */

/* Start the pool; before threads are made, because it forks. */
ASSAY_MUST_CHECK enum assay_status assay_grader_open(struct assay_grader **out,
                                                     const struct assay_benchmark *benchmark,
                                                     struct assay_error *err);
/* Interpreter, its version, what holds it, and why not more: one line. */
const char *assay_grader_facts(const struct assay_grader *grader);
/* Take a copy of a sample of this item, and its program. Never waits. */
ASSAY_MUST_CHECK enum assay_status assay_grader_submit(struct assay_grader *grader, uint32_t item,
                                                       const struct assay_sample *sample,
                                                       struct assay_error *err);
/* A graded sample, lent until the next call, and its judgement; *taken is false when there is none
 * after wait_ms (negative: until there is one, or nothing waits). */
ASSAY_MUST_CHECK enum assay_status assay_grader_take(struct assay_grader *grader, int wait_ms,
                                                     struct assay_sample *sample,
                                                     struct assay_judgement *judgement, bool *taken,
                                                     struct assay_error *err);
size_t assay_grader_waiting(const struct assay_grader *grader); /* submitted, not taken */
void assay_grader_close(struct assay_grader *grader);           /* NULL is fine */

/* One output graded now: what an audit does. `detail` keeps the words that the grade points to. */
ASSAY_MUST_CHECK enum assay_status assay_grader_judge(struct assay_grader *grader, uint32_t item,
                                                      struct assay_span text,
                                                      enum assay_finish finish,
                                                      struct assay_judgement *judgement,
                                                      struct assay_error *err);

#endif
