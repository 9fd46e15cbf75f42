/* The inside of the record codec: the rules that a record obeys on its way out and on its way in.
 */
#ifndef ASSAY_STORE_RECORD_H
#define ASSAY_STORE_RECORD_H

#include "assay/record.h"

enum {
    ASSAY_CIRCUMSTANCES_VERSION = 4,
    ASSAY_CIRCUMSTANCES_TEXT_BYTES_MAX = 1 << 26,
    ASSAY_SEALED_BYTES_MAX = ASSAY_CIRCUMSTANCES_TEXT_BYTES_MAX + 4 * ASSAY_RECORD_TOKENS_MAX +
                             2 * ASSAY_RECORD_ANSWER_BYTES_MAX + 512, /* FORMAT.md 13 */
    ASSAY_RUNS_MAX = 10,            /* the last verdict of a sandbox */
    ASSAY_RECORD_FIXED_BYTES = 106, /* a canonical part without names, answer and tokens */
    ASSAY_RECORD_BYTES_MAX = ASSAY_RECORD_FIXED_BYTES + 2 * ASSAY_RECORD_NAME_BYTES_MAX +
                             ASSAY_RECORD_ANSWER_BYTES_MAX + 8 * ASSAY_RECORD_TOKENS_MAX
};

/* What is wrong with a record or a grade, as words for a message, or NULL. */
const char *assay_record_fault(const struct assay_record *record);
const char *assay_grade_fault(const struct assay_grade *grade);
const char *assay_options_fault(const struct assay_circumstances *circumstances);
/* Whether something is in clear beside a sealed cell. */
const char *assay_sealed_fault(const struct assay_circumstances *circumstances);

#endif
