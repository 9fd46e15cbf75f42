/* Prompt templates: text with {field}s of an item. A literal brace is doubled; a field's name is
 * 1 to 64 characters of A-Z, a-z, 0-9 and _ - . : (a path into the item, a filter behind the
 * colon). */
#ifndef ASSAY_SPEC_TEMPLATE_H
#define ASSAY_SPEC_TEMPLATE_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>

enum { ASSAY_TEMPLATE_FIELD_BYTES_MAX = 64 };

/* Bytes of the template: a field's name without its braces, or literal text. */
struct assay_template_piece {
    bool is_field;
    const char *text;
    size_t size;
};

/* The piece at `*position`, which moves behind it; *found is false at the end of the template.
 * Begin with *position = 0. EFORMAT names the place in characters from 1. */
ASSAY_MUST_CHECK enum assay_status assay_template_next(const char *template, size_t *position,
                                                       bool *found,
                                                       struct assay_template_piece *piece,
                                                       struct assay_error *err);

#endif
