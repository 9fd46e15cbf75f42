/* A model file: hyperparameters, tensors, tokenizer, chat template. Read-only, memory-mapped. */
#ifndef ASSAY_MODEL_H
#define ASSAY_MODEL_H

#include "assay/spec.h"
#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* name, id in GGUF files, elements in a block, bytes of a block. Source: ggml.h, gguf
 * specification. */
#define ASSAY_DTYPE_LIST(X)                                                                        \
    X(F32, 0, 1, 4)                                                                                \
    X(F16, 1, 1, 2)                                                                                \
    X(BF16, 30, 1, 2)                                                                              \
    X(Q4_0, 2, 32, 18)                                                                             \
    X(Q4_1, 3, 32, 20)                                                                             \
    X(Q5_0, 6, 32, 22)                                                                             \
    X(Q5_1, 7, 32, 24)                                                                             \
    X(Q8_0, 8, 32, 34)                                                                             \
    X(Q4_K, 12, 256, 144)                                                                          \
    X(Q5_K, 13, 256, 176)                                                                          \
    X(Q6_K, 14, 256, 210)

enum assay_dtype {
#define ASSAY_DTYPE_ROW(name, gguf_id, elements, bytes) ASSAY_DTYPE_##name,
    ASSAY_DTYPE_LIST(ASSAY_DTYPE_ROW)
#undef ASSAY_DTYPE_ROW
        ASSAY_DTYPE_COUNT
};
const char *assay_dtype_name(enum assay_dtype dtype);
size_t assay_dtype_block_elements(enum assay_dtype dtype);
size_t assay_dtype_block_bytes(enum assay_dtype dtype);

/* A matrix in the file: `rows` rows of `columns` elements, rows contiguous, each row_bytes long. A
 * vector has rows = 1. */
struct assay_tensor {
    const char *name;
    enum assay_dtype dtype;
    size_t rows, columns, row_bytes;
    const uint8_t *data; /* rows × row_bytes bytes; any alignment */
};

struct assay_hyper {
    const char *architecture; /* "llama", "qwen2", "qwen3", "gemma3" */
    const char *name;         /* general.name, or "" */
    uint32_t layers, width /* embedding_length */, ffn_width;
    uint32_t heads, kv_heads, head_dim, rope_dims;
    uint32_t vocab, context;
    float norm_eps, rope_base;
    float rope_scale;         /* frequencies are divided by it; 1: as they are */
    bool rope_pairs_adjacent; /* (2i, 2i+1), else (i, i + rope_dims/2) */

    /* What an architecture's pass has beyond llama's (FORMAT.md 1.10). */
    bool qkv_biases;        /* added to q, k and v */
    bool head_norms;        /* each head of q and k is normalised */
    bool post_norms;        /* so is what a block adds to the residual stream */
    bool gelu;              /* the gate, else SiLU */
    float embedding_scale;  /* 1: none */
    uint32_t window;        /* positions that a windowed layer sees; 0: there is none */
    uint32_t window_period; /* each window_period-th layer has no window; 0: every one has it */
    float window_rope_base; /* of windowed layers, which rope_scale does not concern */
};
/* Positions that a layer sees, its own included; 0: all before it. */
uint32_t assay_hyper_window(const struct assay_hyper *hyper, uint32_t layer);

struct assay_layer_tensors {
    struct assay_tensor attn_norm, q, k, v, o, ffn_norm, gate, up, down;
    /* Vectors that not every architecture has; data is NULL where it has not. */
    struct assay_tensor q_bias, k_bias, v_bias, q_norm, k_norm, attn_post_norm, ffn_post_norm;
};
struct assay_model_tensors {
    struct assay_tensor embedding, output_norm,
        output;                               /* output is the embedding where the two are tied */
    const float *rope_factors;                /* head rope_dims/2 divisors, or NULL */
    const struct assay_layer_tensors *layers; /* hyper.layers of them */
};

struct assay_model;     /* owns the mapping; everything lent below dies with it */
struct assay_tokenizer; /* owned by the model */

/* Map and check a GGUF file. Of one in parts (NAME-00001-of-00003.gguf …) the path is the first
 * part's, and all must lie beside it. Errors: ENOTFOUND, EFORMAT (truncated, wrong magic, offset
 * out of bounds, …), EUNSUPPORTED (version, tensor type, architecture, tokenizer), each naming the
 * file and the offending entry; EMISMATCH: parts that do not belong together. */
ASSAY_MUST_CHECK enum assay_status assay_model_open(struct assay_model **out, const char *path,
                                                    struct assay_error *err);
void assay_model_close(struct assay_model *model); /* NULL is fine */

/* Bytes of the file, or of all its parts: mapped, not copied. */
uint64_t assay_model_file_bytes(const struct assay_model *model);
const struct assay_hyper *assay_model_hyper(const struct assay_model *model);
const struct assay_model_tensors *assay_model_tensors(const struct assay_model *model);
/* The tensor's bytes are not needed soon: give their memory back where they are a file's. They can
 * be read all the same. */
void assay_model_forget(const struct assay_model *model, const struct assay_tensor *tensor);
const struct assay_tokenizer *assay_model_tokenizer(const struct assay_model *model);

/* --- tokenizer --- */
struct assay_bytes;

/* Append the token ids of `text` (UTF-8; other bytes are tokenised as bytes) to *tokens as uint32_t
 * in native order (tokens->size grows by 4 each). With `special`, the texts of control tokens in
 * `text` become those tokens. */
ASSAY_MUST_CHECK enum assay_status assay_tokenizer_encode(const struct assay_tokenizer *tokenizer,
                                                          const char *text, size_t size,
                                                          bool special, struct assay_bytes *tokens,
                                                          struct assay_error *err);
/* A whole prompt: as assay_tokenizer_encode, with `chat` (the text comes from assay_chat_render,
 * which says all) as `special`; without it, behind the token that the file wants in front of every
 * text, if it wants one. */
ASSAY_MUST_CHECK enum assay_status
assay_tokenizer_encode_prompt(const struct assay_tokenizer *tokenizer, const char *text,
                              size_t size, bool chat, struct assay_bytes *tokens,
                              struct assay_error *err);
/* The bytes of one token (not NUL-terminated; lent). Control tokens give their text only if
 * `special`, else nothing. */
void assay_tokenizer_piece(const struct assay_tokenizer *tokenizer, uint32_t token, bool special,
                           const char **data, size_t *size);
uint32_t assay_tokenizer_vocab(const struct assay_tokenizer *tokenizer);
bool assay_tokenizer_is_end(const struct assay_tokenizer *tokenizer,
                            uint32_t token); /* FORMAT.md 2.5 */

/* What was said and is to be answered; all lent. */
struct assay_chat_talk {
    const char *system; /* NULL or "": the template's own */
    const struct assay_chat_turn *turns;
    size_t turn_count;
    const char *user;
};
/* Append the prompt for a talk, ready for the assistant's answer, by the chat template in the file
 * (a default system message in it is used when there is none) or by the family that `choice` names.
 * EUNSUPPORTED when the file has no template or one of no known family, when the template takes no
 * system message, when it is not known what it makes of turns, when the vocabulary lacks the
 * family's marks. `choice` is not ASSAY_CHAT_NONE. */
ASSAY_MUST_CHECK enum assay_status assay_chat_render(const struct assay_model *model,
                                                     enum assay_chat choice,
                                                     const struct assay_chat_talk *talk,
                                                     struct assay_bytes *out,
                                                     struct assay_error *err);
const char *assay_chat_name(enum assay_chat choice); /* "llama3" */

#endif
