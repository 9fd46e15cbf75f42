/* The forms that members of our JSON have: texts, digests as hex, integers as decimal digits, bytes
 * as base64. Each has one spelling to write; what is read in another is refused by its name. */
#ifndef ASSAY_ATTEST_FORM_H
#define ASSAY_ATTEST_FORM_H

#include "assay/digest.h"
#include "base/arena.h"
#include "base/json.h"

/* Where a member stands, for messages: "predicate.records." and "treeSize". */
struct assay_form {
    const struct assay_json *object; /* NULL: an object that is missing */
    const char *where;
};

struct assay_json *assay_form_new_number(uint64_t value);
struct assay_json *assay_form_new_digest(const struct assay_digest *digest);
struct assay_json *assay_form_new_base64(const void *data, size_t size);

/* Lent by the object. EFORMAT when it is missing or no text, EVALUE when it is longer than
 * bytes_max or holds a control character. */
ASSAY_MUST_CHECK enum assay_status assay_form_text(const char **out, struct assay_form form,
                                                   const char *name, size_t bytes_max,
                                                   struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_form_digest(struct assay_digest *out,
                                                     struct assay_form form, const char *name,
                                                     struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_form_number(uint64_t *out, struct assay_form form,
                                                     const char *name, struct assay_error *err);
/* Decoded into the arena, with a NUL behind it. */
ASSAY_MUST_CHECK enum assay_status assay_form_base64(const uint8_t **out, size_t *size,
                                                     struct assay_arena *arena,
                                                     struct assay_form form, const char *name,
                                                     struct assay_error *err);

#endif
