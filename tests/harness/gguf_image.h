/* GGUF files made in memory: a writer for any content (also a malformed one), and a tiny valid
 * llama model, so that whatever needs a model runs in milliseconds. */
#ifndef ASSAY_TESTS_GGUF_IMAGE_H
#define ASSAY_TESTS_GGUF_IMAGE_H

#include "assay/model.h"
#include "base/bytes.h"

/* Value types of GGUF metadata. */
enum {
    GGUF_U8,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_TEXT,
    GGUF_ARRAY,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64
};

/* Zero-initialise and set what shall differ; release with assay_gguf_image_fini. The first failure
 * stays in `status` and is given by assay_gguf_image_finish. */
struct assay_gguf_image {
    uint32_t version;   /* 0: 3 */
    uint32_t alignment; /* 0: 32; no key is written for it */
    uint64_t key_count, tensor_count;
    struct assay_bytes keys, tensors, data;
    enum assay_status status;
};

void assay_gguf_image_fini(struct assay_gguf_image *image);

/* Any value: its type and its bytes as they stand in the file. */
void assay_gguf_image_raw(struct assay_gguf_image *image, const char *key, uint32_t type,
                          const void *value, size_t size);
void assay_gguf_image_u32(struct assay_gguf_image *image, const char *key, uint32_t value);
void assay_gguf_image_f32(struct assay_gguf_image *image, const char *key, float value);
void assay_gguf_image_bool(struct assay_gguf_image *image, const char *key, bool value);
void assay_gguf_image_text(struct assay_gguf_image *image, const char *key, const char *value);
void assay_gguf_image_texts(struct assay_gguf_image *image, const char *key,
                            const char *const *values, size_t count);
void assay_gguf_image_i32s(struct assay_gguf_image *image, const char *key, const int32_t *values,
                           size_t count);

/* A tensor of GGUF type `type`; dims[0] is the length of a row. Its data go behind those of the
 * tensor before, aligned. */
void assay_gguf_image_tensor(struct assay_gguf_image *image, const char *name, uint32_t type,
                             const uint64_t *dims, uint32_t dim_count, const void *data,
                             size_t size);
/* As above, with an offset of the caller's choice; the data are appended all the same. */
void assay_gguf_image_tensor_at(struct assay_gguf_image *image, const char *name, uint32_t type,
                                const uint64_t *dims, uint32_t dim_count, uint64_t offset,
                                const void *data, size_t size);

/* Append the file to `out`. */
ASSAY_MUST_CHECK enum assay_status assay_gguf_image_finish(const struct assay_gguf_image *image,
                                                           struct assay_bytes *out,
                                                           struct assay_error *err);

/* A tiny model. Zero means the default in brackets. */
struct assay_test_gguf_options {
    const char *architecture; /* ["llama"] qwen2, qwen3, gemma3 */
    uint32_t layers;          /* [2] */
    uint32_t width;           /* [64] a multiple of 32 for block types */
    uint32_t ffn_width;       /* [96] likewise */
    uint32_t heads, kv_heads; /* [4, 2] */
    uint32_t vocab;           /* [the smallest: 256 bytes, a few merges, 3 control tokens] */
    uint32_t context;         /* [512] */
    uint32_t head_dim;        /* [width/heads] */
    uint32_t window;          /* [none; gemma3: 40] */
    enum assay_dtype dtype;   /* of the matrices; F32 is 0 and so the default */
    enum assay_dtype embedding_dtype;
    uint64_t seed;
    float norm_eps, rope_base; /* [1e-5, 10000] */
    bool output;               /* an output.weight of its own; else tied to the embedding */
    bool rope_factors;         /* with rope_freqs.weight */
    bool sentence_piece;       /* a vocabulary of its own, with every byte; no chat template */
    const char *pre;           /* ["smollm"] */
    const char *chat_template; /* [ChatML with a default system message]; "" for none */
};

/* Ids of the control tokens in every such model. */
enum { ASSAY_TEST_ENDOFTEXT, ASSAY_TEST_IM_START, ASSAY_TEST_IM_END, ASSAY_TEST_FIRST_BYTE };

/* Everything but the tensors / everything, for tests that go on from there. */
void assay_test_gguf_keys(struct assay_gguf_image *image,
                          const struct assay_test_gguf_options *options);
void assay_test_gguf_tensors(struct assay_gguf_image *image,
                             const struct assay_test_gguf_options *options);

/* The model's file; options may be NULL. The same options give the same bytes. Open it in memory
 * with assay_model_parse (model/model_parse.h): the bytes must outlive the model. */
ASSAY_MUST_CHECK enum assay_status assay_test_gguf(struct assay_bytes *out,
                                                   const struct assay_test_gguf_options *options,
                                                   struct assay_error *err);
/* The same as a file under a name made by mkstemp from `path`, which ends in XXXXXX. */
ASSAY_MUST_CHECK enum assay_status
assay_test_gguf_file(char *path, const struct assay_test_gguf_options *options,
                     struct assay_error *err);

#endif
