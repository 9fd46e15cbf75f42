/* GGUF files, versions 2 and 3, little-endian: metadata and tensors, checked and indexed by name.
 * The format: docs/gguf.md of ggml. */
#ifndef ASSAY_MODEL_GGUF_H
#define ASSAY_MODEL_GGUF_H

#include "assay/model.h"

/* Limits on what a file may claim; each claim is also bounded by the bytes that are there. */
enum {
    ASSAY_GGUF_KEYS_MAX = 1 << 16,
    ASSAY_GGUF_TENSORS_MAX = 1 << 16,
    ASSAY_GGUF_KEY_BYTES_MAX = 255,
    ASSAY_GGUF_NAME_BYTES_MAX = 64,
    ASSAY_GGUF_DIMS_MAX = 4,
    ASSAY_GGUF_ALIGNMENT_MIN = 8,
    ASSAY_GGUF_ALIGNMENT_MAX = 1 << 16
};

enum assay_gguf_type {
    ASSAY_GGUF_U8,
    ASSAY_GGUF_I8,
    ASSAY_GGUF_U16,
    ASSAY_GGUF_I16,
    ASSAY_GGUF_U32,
    ASSAY_GGUF_I32,
    ASSAY_GGUF_F32,
    ASSAY_GGUF_BOOL,
    ASSAY_GGUF_TEXT,
    ASSAY_GGUF_ARRAY,
    ASSAY_GGUF_U64,
    ASSAY_GGUF_I64,
    ASSAY_GGUF_F64,
    ASSAY_GGUF_TYPE_COUNT
};

/* Bytes lent from the file; not NUL-terminated, any content. */
struct assay_gguf_text {
    const char *data;
    size_t size;
};

/* `count` elements, packed as they stand in the file; checked to lie inside it. */
struct assay_gguf_array {
    enum assay_gguf_type type;
    size_t count;
    const uint8_t *data;
    size_t size;
};

struct assay_gguf_tensor {
    const char *name; /* NUL-terminated */
    enum assay_dtype dtype;
    uint32_t dim_count;
    size_t dims[ASSAY_GGUF_DIMS_MAX]; /* dims[0] is the row; those after dim_count are 1 */
    const uint8_t *data;              /* `size` bytes */
    size_t size;
    size_t offset; /* from the begin of all tensor data */
};

struct assay_gguf; /* lends names, and pointers into the bytes it was parsed from */

/* Parse `size` bytes that the caller keeps alive. Reads nothing outside them. Every byte is
 * accounted for: tensors follow one another without gap or overlap, as ggml demands, and nothing
 * but padding stands behind the last. Nested arrays are refused. */
ASSAY_MUST_CHECK enum assay_status assay_gguf_parse(struct assay_gguf **out, const uint8_t *data,
                                                    size_t size, struct assay_error *err);
void assay_gguf_destroy(struct assay_gguf *gguf); /* NULL is fine */

size_t assay_gguf_tensor_count(const struct assay_gguf *gguf);
/* In the order of their names; index < count. */
const struct assay_gguf_tensor *assay_gguf_tensor_at(const struct assay_gguf *gguf, size_t index);
/* *index is its place in that order. NULL when there is none of that name. */
const struct assay_gguf_tensor *assay_gguf_tensor_find(const struct assay_gguf *gguf,
                                                       const char *name, size_t *index);

size_t assay_gguf_key_count(const struct assay_gguf *gguf);
const char *assay_gguf_key_at(const struct assay_gguf *gguf, size_t index); /* index < count */
bool assay_gguf_has(const struct assay_gguf *gguf, const char *key);

/* Metadata by type. An absent key leaves *out as it was, or is EFORMAT when it is `required`; a
 * value of another type is EFORMAT; both name the key. */
enum assay_gguf_need { ASSAY_GGUF_OPTIONAL, ASSAY_GGUF_REQUIRED };

/* Any integer type whose value is in 0 … UINT32_MAX. */
ASSAY_MUST_CHECK enum assay_status assay_gguf_get_u32(const struct assay_gguf *gguf,
                                                      const char *key, enum assay_gguf_need need,
                                                      uint32_t *out, struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_gguf_get_f32(const struct assay_gguf *gguf,
                                                      const char *key, enum assay_gguf_need need,
                                                      float *out, struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_gguf_get_bool(const struct assay_gguf *gguf,
                                                       const char *key, enum assay_gguf_need need,
                                                       bool *out, struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_gguf_get_text(const struct assay_gguf *gguf,
                                                       const char *key, enum assay_gguf_need need,
                                                       struct assay_gguf_text *out,
                                                       struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_gguf_get_array(const struct assay_gguf *gguf,
                                                        const char *key, enum assay_gguf_need need,
                                                        enum assay_gguf_type element,
                                                        struct assay_gguf_array *out,
                                                        struct assay_error *err);
/* The text at *position of a text array, which moves behind it; begin with 0. Call it no more than
 * `count` times. */
struct assay_gguf_text assay_gguf_array_text(const struct assay_gguf_array *array,
                                             size_t *position);

#endif
