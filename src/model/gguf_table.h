/* The parsed file as gguf.c makes it and gguf_get.c reads it. */
#ifndef ASSAY_MODEL_GGUF_TABLE_H
#define ASSAY_MODEL_GGUF_TABLE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "model/gguf.h"

struct assay_gguf_value {
    const char *key;
    enum assay_gguf_type type;
    struct assay_gguf_array array; /* of an array its elements, of a text its bytes (count 1), else
                                      the value's own bytes */
};

struct assay_gguf {
    struct assay_arena arena;
    uint32_t alignment;
    size_t key_count, tensor_count;
    struct assay_gguf_value *values;   /* by key */
    struct assay_gguf_tensor *tensors; /* by name */
};

struct assay_gguf_parser {
    struct assay_gguf *gguf;
    struct assay_reader reader;
    struct assay_error *err;
};

/* "truncated: … in WHAT" */
enum assay_status assay_gguf_truncated(struct assay_gguf_parser *parser, const char *what);
/* A key or a tensor's name, which becomes a C string. */
ASSAY_MUST_CHECK enum assay_status assay_gguf_read_name(struct assay_gguf_parser *parser,
                                                        const char *what, size_t bytes_max,
                                                        const char **out);
/* gguf->key_count values, sorted; and the alignment, which is one of them. */
ASSAY_MUST_CHECK enum assay_status assay_gguf_read_values(struct assay_gguf_parser *parser);

/* Bytes of a value of this type; 0 for texts and arrays. */
size_t assay_gguf_type_bytes(enum assay_gguf_type type);

#endif
