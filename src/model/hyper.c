/* Hyperparameters of architecture `llama`. The keys: gguf.md of ggml, and llama.cpp's converter. */
#include "model/hyper.h"

#include "base/arena.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

enum { QUOTE_BYTES = 96 };

/* One row per number that the pass needs.. */
struct number {
    const char *key;
    size_t at;
    uint32_t max;
};
static const struct number required[] = {
    {"llama.block_count", offsetof(struct assay_hyper, layers), ASSAY_LAYERS_MAX},
    {"llama.context_length", offsetof(struct assay_hyper, context), ASSAY_CONTEXT_MAX},
    {"llama.embedding_length", offsetof(struct assay_hyper, width), ASSAY_WIDTH_MAX},
    {"llama.feed_forward_length", offsetof(struct assay_hyper, ffn_width), ASSAY_FFN_WIDTH_MAX},
    {"llama.attention.head_count", offsetof(struct assay_hyper, heads), ASSAY_HEADS_MAX},
};

/* Keys that are read below, or that change nothing in the pass. */
static const char *const known[] = {
    "llama.block_count",
    "llama.context_length",
    "llama.embedding_length",
    "llama.feed_forward_length",
    "llama.attention.head_count",
    "llama.attention.head_count_kv",
    "llama.attention.layer_norm_rms_epsilon",
    "llama.attention.key_length",
    "llama.attention.value_length",
    "llama.attention.causal",
    "llama.rope.dimension_count",
    "llama.rope.freq_base",
    "llama.rope.scaling.type",
    "llama.rope.scaling.factor",
    "llama.rope.scaling.original_context_length",
    "llama.rope.scaling.finetuned",
    "llama.rope.scale_linear",
    "llama.vocab_size",
    "llama.expert_count",
    "llama.expert_used_count",
    "llama.tensor_data_layout",
};

static enum assay_status check_architecture(const struct assay_gguf *gguf, struct assay_error *err)
{
    struct assay_gguf_text text = {0};
    char quoted[QUOTE_BYTES];
    enum assay_status status =
        assay_gguf_get_text(gguf, "general.architecture", ASSAY_GGUF_REQUIRED, &text, err);
    if (status) return status;
    if (text.size == strlen("llama") && memcmp(text.data, "llama", text.size) == 0) return ASSAY_OK;
    return assay_fail(err, ASSAY_EUNSUPPORTED,
                      "architecture %s is not supported; supported is llama",
                      assay_text_quote(quoted, sizeof quoted, text.data, text.size));
}

static enum assay_status check_known(const struct assay_gguf *gguf, struct assay_error *err)
{
    for (size_t i = 0; i < assay_gguf_key_count(gguf); i++) {
        const char *key = assay_gguf_key_at(gguf, i);
        bool is_known = strncmp(key, "llama.", strlen("llama.")) != 0;
        for (size_t k = 0; !is_known && k < sizeof known / sizeof known[0]; k++) {
            is_known = strcmp(key, known[k]) == 0;
        }
        if (!is_known) {
            return assay_fail(err, ASSAY_EUNSUPPORTED,
                              "key %s is not known; it might change the forward pass", key);
        }
    }
    return ASSAY_OK;
}

static enum assay_status read_number(const struct assay_gguf *gguf, const char *key,
                                     enum assay_gguf_need need, uint32_t max, uint32_t *out,
                                     struct assay_error *err)
{
    enum assay_status status = assay_gguf_get_u32(gguf, key, need, out, err);
    if (status) return status;
    if (*out < 1 || *out > max) {
        return assay_fail(err, ASSAY_EFORMAT, "key %s is %u, outside of 1 to %u", key, *out, max);
    }
    return ASSAY_OK;
}

/* A key that must have this value where it is there. */
static enum assay_status expect_u32(const struct assay_gguf *gguf, const char *key,
                                    uint32_t expected, struct assay_error *err)
{
    uint32_t value = expected;
    enum assay_status status = assay_gguf_get_u32(gguf, key, ASSAY_GGUF_OPTIONAL, &value, err);
    if (status) return status;
    if (value == expected) return ASSAY_OK;
    return assay_fail(err, ASSAY_EUNSUPPORTED, "key %s is %u; supported is %u", key, value,
                      expected);
}

static enum assay_status read_heads(const struct assay_gguf *gguf, struct assay_hyper *hyper,
                                    struct assay_error *err)
{
    hyper->kv_heads = hyper->heads;
    enum assay_status status =
        read_number(gguf, "llama.attention.head_count_kv", ASSAY_GGUF_OPTIONAL, hyper->heads,
                    &hyper->kv_heads, err);
    if (status) return status;
    if (hyper->heads % hyper->kv_heads != 0 || hyper->width % hyper->heads != 0) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "width %u, heads %u and kv heads %u do not divide one another",
                          hyper->width, hyper->heads, hyper->kv_heads);
    }
    hyper->head_dim = hyper->width / hyper->heads;
    if (hyper->head_dim > ASSAY_HEAD_DIM_MAX || hyper->head_dim % 2 != 0) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "a head has %u dimensions; an even number up to %d is allowed",
                          hyper->head_dim, ASSAY_HEAD_DIM_MAX);
    }
    status = expect_u32(gguf, "llama.attention.key_length", hyper->head_dim, err);
    if (status) return status;
    return expect_u32(gguf, "llama.attention.value_length", hyper->head_dim, err);
}

/* Absent, or without an effect. A factor alone means linear scaling to llama.cpp. */
static enum assay_status check_rope_scaling(const struct assay_gguf *gguf, struct assay_error *err)
{
    static const char *const factors[] = {"llama.rope.scaling.factor", "llama.rope.scale_linear"};
    struct assay_gguf_text type = {"none", strlen("none")};
    char quoted[QUOTE_BYTES];
    enum assay_status status =
        assay_gguf_get_text(gguf, "llama.rope.scaling.type", ASSAY_GGUF_OPTIONAL, &type, err);
    if (status) return status;
    if (type.size != strlen("none") || memcmp(type.data, "none", type.size) != 0) {
        return assay_fail(err, ASSAY_EUNSUPPORTED,
                          "key llama.rope.scaling.type is %s; supported is \"none\"",
                          assay_text_quote(quoted, sizeof quoted, type.data, type.size));
    }
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
        float factor = 1.0f;
        status = assay_gguf_get_f32(gguf, factors[i], ASSAY_GGUF_OPTIONAL, &factor, err);
        if (status) return status;
        if (factor < 1.0f || factor > 1.0f || isnan(factor)) {
            return assay_fail(err, ASSAY_EUNSUPPORTED, "key %s is %g; supported is 1", factors[i],
                              (double)factor);
        }
    }
    return ASSAY_OK;
}

static enum assay_status read_rope(const struct assay_gguf *gguf, struct assay_hyper *hyper,
                                   struct assay_error *err)
{
    hyper->rope_pairs_adjacent = true;
    hyper->rope_dims = hyper->head_dim;
    enum assay_status status = read_number(gguf, "llama.rope.dimension_count", ASSAY_GGUF_OPTIONAL,
                                           hyper->head_dim, &hyper->rope_dims, err);
    if (status) return status;
    if (hyper->rope_dims % 2 != 0) {
        return assay_fail(err, ASSAY_EFORMAT, "key llama.rope.dimension_count is %u, an odd number",
                          hyper->rope_dims);
    }
    hyper->rope_base = 10000.0f;
    status = assay_gguf_get_f32(gguf, "llama.rope.freq_base", ASSAY_GGUF_OPTIONAL,
                                &hyper->rope_base, err);
    if (status) return status;
    if (!(hyper->rope_base >= 1.0f && hyper->rope_base <= 1e12f)) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "key llama.rope.freq_base is %g, outside of 1 to 1e12",
                          (double)hyper->rope_base);
    }
    return check_rope_scaling(gguf, err);
}

static enum assay_status read_norm(const struct assay_gguf *gguf, struct assay_hyper *hyper,
                                   struct assay_error *err)
{
    static const char key[] = "llama.attention.layer_norm_rms_epsilon";
    enum assay_status status =
        assay_gguf_get_f32(gguf, key, ASSAY_GGUF_REQUIRED, &hyper->norm_eps, err);
    if (status) return status;
    if (!(hyper->norm_eps >= 1e-12f && hyper->norm_eps <= 1e-1f)) {
        return assay_fail(err, ASSAY_EFORMAT, "key %s is %g, outside of 1e-12 to 0.1", key,
                          (double)hyper->norm_eps);
    }
    return ASSAY_OK;
}

/* Variants of the architecture that the pass does not have. */
static enum assay_status check_variants(const struct assay_gguf *gguf, struct assay_error *err)
{
    bool causal = true;
    enum assay_status status = expect_u32(gguf, "llama.expert_count", 0, err);
    if (status) return status;
    status = assay_gguf_get_bool(gguf, "llama.attention.causal", ASSAY_GGUF_OPTIONAL, &causal, err);
    if (status) return status;
    if (!causal) {
        return assay_fail(err, ASSAY_EUNSUPPORTED,
                          "key llama.attention.causal is false; supported is true");
    }
    return check_known(gguf, err);
}

static enum assay_status read_name(const struct assay_gguf *gguf, struct assay_arena *arena,
                                   const char **out, struct assay_error *err)
{
    struct assay_gguf_text name = {"", 0};
    enum assay_status status =
        assay_gguf_get_text(gguf, "general.name", ASSAY_GGUF_OPTIONAL, &name, err);
    if (status) return status;
    *out = assay_arena_text(arena, name.data, name.size);
    return *out ? ASSAY_OK : assay_fail(err, ASSAY_EMEMORY, "no memory for the model's name");
}

enum assay_status assay_hyper_read(struct assay_hyper *out, const struct assay_gguf *gguf,
                                   struct assay_arena *arena, struct assay_error *err)
{
    struct assay_hyper hyper = {.architecture = "llama"};
    enum assay_status status = check_architecture(gguf, err);
    if (status) return status;
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        status = read_number(gguf, required[i].key, ASSAY_GGUF_REQUIRED, required[i].max,
                             (uint32_t *)(void *)((char *)&hyper + required[i].at), err);
        if (status) return status;
    }
    if (assay_gguf_has(gguf, "llama.vocab_size")) {
        status = read_number(gguf, "llama.vocab_size", ASSAY_GGUF_REQUIRED, ASSAY_VOCAB_MAX,
                             &hyper.vocab, err);
        if (status) return status;
    }
    status = read_heads(gguf, &hyper, err);
    if (status) return status;
    status = read_rope(gguf, &hyper, err);
    if (status) return status;
    status = read_norm(gguf, &hyper, err);
    if (status) return status;
    status = check_variants(gguf, err);
    if (status) return status;
    status = read_name(gguf, arena, &hyper.name, err);
    if (status) return status;
    *out = hyper;
    return ASSAY_OK;
}
