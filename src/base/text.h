/* Text from outside: quoting it in messages, suggesting what was meant, reading decimals exactly.
 */
#ifndef ASSAY_BASE_TEXT_H
#define ASSAY_BASE_TEXT_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The name nearest to `word` by edit distance (insert, delete, replace, swap), or NULL if none is
 * within a third of its length + 1. Names end with NULL. */
const char *assay_text_nearest(const char *word, const char *const *names);

/* Write `text` in double quotes into to[size], control bytes and invalid UTF-8 as \xNN, cut with
 * "…" where it is too long. Returns `to`. */
const char *assay_text_quote(char *to, size_t size, const char *text, size_t length);

/* A decimal such as "0.7" in thousandths, exactly: digits, optionally a point and 1 to 3 digits; a
 * fourth decimal is refused unless zero. No sign, exponent, or space. False if it is none of that
 * or ≥ 2^32. */
bool assay_text_milli(const char *text, uint32_t *out);
/* Digits only, ≤ max. */
bool assay_text_unsigned(const char *text, uint64_t max, uint64_t *out);

/* Whether there is a byte below 0x20, or 0x7f: nothing that a terminal should be shown. */
bool assay_text_has_control(const char *text);

/* Length of the longest valid UTF-8 prefix. */
size_t assay_text_utf8_prefix(const char *text, size_t length);

/* Cut white space from both ends, as Python's str.strip() and Jinja's trim do. */
void assay_text_trim(const char **text, size_t *size);

#endif
