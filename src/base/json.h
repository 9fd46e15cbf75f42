/* JSON values: the only room that sees <jansson.h>. A small vocabulary for reading items and for
 * writing --json. */
#ifndef ASSAY_BASE_JSON_H
#define ASSAY_BASE_JSON_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct assay_bytes;
struct assay_json; /* a value; reference-counted inside, destroyed once by its creator */

enum assay_json_type {
    ASSAY_JSON_NULL,
    ASSAY_JSON_BOOLEAN,
    ASSAY_JSON_INTEGER,
    ASSAY_JSON_REAL,
    ASSAY_JSON_TEXT,
    ASSAY_JSON_ARRAY,
    ASSAY_JSON_OBJECT
};

/* Parse exactly one value; duplicate keys and trailing bytes are refused. EFORMAT "LINE:COLUMN: …".
 */
ASSAY_MUST_CHECK enum assay_status assay_json_parse(struct assay_json **out, const char *text,
                                                    size_t size, struct assay_error *err);
void assay_json_destroy(struct assay_json *json); /* NULL is fine; never on a lent value */

/* Reading. Values are lent by the root. */
enum assay_json_type assay_json_type(const struct assay_json *json);
const char *assay_json_type_name(enum assay_json_type type); /* "an object" */
const struct assay_json *assay_json_member(const struct assay_json *object,
                                           const char *name); /* or NULL */
const char *assay_json_member_name(const struct assay_json *object,
                                   size_t index); /* NULL past the last one */
size_t assay_json_count(const struct assay_json *array_or_object);
const struct assay_json *assay_json_element(const struct assay_json *array, size_t index);
const char *
assay_json_text(const struct assay_json *json); /* NULL unless a text; no NUL inside (refused) */
int64_t assay_json_integer(const struct assay_json *json); /* 0 unless an integer */
double assay_json_real(const struct assay_json *json);     /* integers too */

/* Writing. Each makes a value; NULL on out of memory. A NULL child makes the parent's set/add
 * return false, so that only the last call needs a check. The parent takes the child, also on
 * failure. A parent that refused one child refuses all further ones and cannot be written. */
struct assay_json *assay_json_new_object(void);
struct assay_json *assay_json_new_array(void);
struct assay_json *assay_json_new_text(const char *text); /* invalid UTF-8 is replaced by U+FFFD */
struct assay_json *assay_json_new_integer(int64_t value);
struct assay_json *assay_json_new_real(double value); /* NaN and infinities become null */
struct assay_json *assay_json_new_boolean(bool value);
struct assay_json *assay_json_new_null(void);
bool assay_json_set(struct assay_json *object, const char *name, struct assay_json *take);
bool assay_json_add(struct assay_json *array, struct assay_json *take);

/* Append as text. canonical: members sorted by name, no white space (FORMAT.md 4.1); else indented
 * by two, insertion order. */
ASSAY_MUST_CHECK enum assay_status assay_json_write(const struct assay_json *json, bool canonical,
                                                    struct assay_bytes *out,
                                                    struct assay_error *err);

#endif
