/* Layouts (FORMAT.md 21.1): a structure, its codec and its names in --json come from one list of
 * fields. There is exactly one encoding of a value. */
#ifndef ASSAY_LEDGER_LAYOUT_H
#define ASSAY_LEDGER_LAYOUT_H

#include "assay/digest.h"
#include "crypto/sign.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct assay_bytes;

/* Bytes that something else owns. */
struct assay_blob {
    const uint8_t *data;
    uint32_t size;
};

enum assay_layout_kind {
    ASSAY_LAYOUT_U8,
    ASSAY_LAYOUT_U32,
    ASSAY_LAYOUT_U64,
    ASSAY_LAYOUT_D32,  /* struct assay_digest */
    ASSAY_LAYOUT_KEY,  /* struct assay_public_key */
    ASSAY_LAYOUT_S64,  /* struct assay_signature */
    ASSAY_LAYOUT_TEXT, /* char[max + 1], NUL behind it */
    ASSAY_LAYOUT_BLOB  /* struct assay_blob, lent by what was decoded */
};

struct assay_layout_field {
    const char *name;
    enum assay_layout_kind kind;
    size_t offset;
    uint64_t max; /* largest value, or longest length */
};

struct assay_layout {
    const char *name;
    const struct assay_layout_field *fields;
    size_t field_count, struct_bytes;
};

/* From a list FIELDS(X, S) of X(S, KIND, name, max): the members of a structure, and its layout. */
#define ASSAY_MEMBER(S, kind, name, max) ASSAY_MEMBER_##kind(name, max)
#define ASSAY_MEMBER_U8(name, max) uint8_t name;
#define ASSAY_MEMBER_U32(name, max) uint32_t name;
#define ASSAY_MEMBER_U64(name, max) uint64_t name;
#define ASSAY_MEMBER_D32(name, max) struct assay_digest name;
#define ASSAY_MEMBER_KEY(name, max) struct assay_public_key name;
#define ASSAY_MEMBER_S64(name, max) struct assay_signature name;
#define ASSAY_MEMBER_TEXT(name, max) char name[(max) + 1];
#define ASSAY_MEMBER_BLOB(name, max) struct assay_blob name;
#define ASSAY_LAYOUT_ROW(S, kind, name, max)                                                       \
    {#name, ASSAY_LAYOUT_##kind, offsetof(struct S, name), (max)},

/* False where the bytes are not the one encoding of a value; `out` is then unspecified. */
bool assay_layout_decode(const struct assay_layout *layout, void *out, const uint8_t *data,
                         size_t size);
/* Append. False when out of memory. A value outside its limits is an assertion. */
bool assay_layout_encode(const struct assay_layout *layout, const void *value,
                         struct assay_bytes *out);

/* A to Z, a to z, 0 to 9, point, underscore, minus; 1 to max of them. */
bool assay_label_valid(const char *text, size_t length, size_t max);

#endif
