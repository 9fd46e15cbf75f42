/* An audit: records of a run, ours or a stranger's, checked by computing them again. Each is given
 * its place in the plan, its prompt is rendered anew, its tokens are replayed (assay/replay.h), and
 * its text is graded again. What comes out for a record is either valid or the first thing that
 * does not hold. */
#ifndef ASSAY_AUDIT_H
#define ASSAY_AUDIT_H

#include "assay/replay.h"
#include "assay/run.h"

/* In the order in which they are looked for. */
#define ASSAY_FAULT_LIST(X)                                                                        \
    X(NONE, "valid")                                                                               \
    X(INCLUSION, "inclusion") /* not under the signed root, or no record at all */                 \
    X(CELL, "cell")           /* not the item, profile, replicate, draw of its place */            \
    X(KEY, "key")             /* not the key of its random words: another seed or site */          \
    X(PROMPT, "prompt")                                                                            \
    X(TOKEN, "token")                                                                              \
    X(LOG_PROB, "log-probability")                                                                 \
    X(FINISH, "finish")                                                                            \
    X(ANSWER, "answer")                                                                            \
    X(GRADE, "grade")

enum assay_fault {
#define ASSAY_FAULT_ROW(name, text) ASSAY_FAULT_##name,
    ASSAY_FAULT_LIST(ASSAY_FAULT_ROW)
#undef ASSAY_FAULT_ROW
        ASSAY_FAULT_COUNT
};
const char *assay_fault_name(enum assay_fault fault);

/* A record to be audited. */
struct assay_audit_leaf {
    uint64_t index;             /* of its sample */
    const char *not_included;   /* why it is not under the root, or NULL */
    struct assay_record record; /* not looked at when it is not included */
};

struct assay_audit_verdict {
    enum assay_fault fault;
    bool has_position;
    size_t position; /* TOKEN, LOG_PROB, FINISH: output tokens before it that are right */
    char detail[256];
};

struct assay_audit_options {
    struct assay_session_options session; /* its context is the job's */
    void (*progress)(void *context);      /* after each verdict; or NULL */
    void *context;
};

struct assay_audit; /* a session on the job's model; the job outlives it */
ASSAY_MUST_CHECK enum assay_status assay_audit_open(struct assay_audit **out,
                                                    const struct assay_job *job,
                                                    const struct assay_audit_options *options,
                                                    struct assay_error *err);
void assay_audit_close(struct assay_audit *audit); /* NULL is fine */

/* Audit `count` records into verdicts[count]. Ascending by index they share prompts best. An
 * invalid record is a verdict and no error. */
ASSAY_MUST_CHECK enum assay_status
assay_audit_check(struct assay_audit *audit, const struct assay_audit_leaf *leaves, size_t count,
                  struct assay_audit_verdict *verdicts, struct assay_error *err);
struct assay_session_counters assay_audit_counters(const struct assay_audit *audit);

/* At least `samples` sample indices in whole groups drawn at random without replacement, ascending
 * (FORMAT.md 10): the same for everybody who knows `binding` and the seed. Release with free(). */
ASSAY_MUST_CHECK enum assay_status
assay_audit_choose(uint64_t **out, size_t *count, const struct assay_plan *plan, uint64_t samples,
                   const struct assay_digest *binding, uint64_t seed, struct assay_error *err);

#endif
