/* The members of a statement's predicate, once: writer, reader and comparison work from them. */
#ifndef ASSAY_ATTEST_FIELDS_H
#define ASSAY_ATTEST_FIELDS_H

#include "assay/statement.h"
#include "base/arena.h"

enum assay_field_kind {
    ASSAY_FIELD_TEXT,
    ASSAY_FIELD_TIME,
    ASSAY_FIELD_DIGEST,
    ASSAY_FIELD_NUMBER,
    ASSAY_FIELD_CONSTANT
};

struct assay_field {
    const char *group, *name;
    enum assay_field_kind kind;
    size_t offset;        /* in struct assay_statement */
    const char *constant; /* what a CONSTANT must be */
    bool compared;        /* follows from the results file */
};

enum { ASSAY_FIELD_COUNT = 24 };
extern const struct assay_field assay_fields[ASSAY_FIELD_COUNT];

/* What a caller of assay_statement_of_results or assay_statement_parse holds: the arena owns every
 * text. */
struct assay_statement_owner {
    struct assay_statement public;
    struct assay_arena arena;
};

/* A chain or a task. */
bool assay_statement_is_name(const char *text);
/* What is wrong with the numbers, as words, or NULL. */
const char *assay_statement_fault(const struct assay_statement *statement);

#endif
