/* Regular expressions: the only room that sees <pcre2.h>. UTF mode with Unicode properties. Always
 * PCRE2's interpreter, never its JIT: the two count the match limit differently, and a verdict must
 * be the same on every machine (20 MB/s were measured on a pre-tokeniser's pattern, JIT 90). */
#ifndef ASSAY_BASE_REGEX_H
#define ASSAY_BASE_REGEX_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>

struct assay_regex; /* may be used by one thread at a time */

struct assay_match {
    size_t start, end;             /* byte offsets of the whole match */
    size_t group_start, group_end; /* of group 1; equal to `end` both if it took no part */
};

/* EFORMAT with PCRE2's message and the offset in the pattern. */
ASSAY_MUST_CHECK enum assay_status assay_regex_create(struct assay_regex **out, const char *pattern,
                                                      struct assay_error *err);
void assay_regex_destroy(struct assay_regex *regex); /* NULL is fine */
unsigned assay_regex_groups(const struct assay_regex *regex);
/* First match at or after `from`. `text` must be valid UTF-8 (checked; an invalid one, or a match
 * limit hit, is EFORMAT). *found tells whether there is one. */
ASSAY_MUST_CHECK enum assay_status assay_regex_find(struct assay_regex *regex, const char *text,
                                                    size_t size, size_t from, bool *found,
                                                    struct assay_match *match,
                                                    struct assay_error *err);

#endif
