/* Hyperparameters. The keys: gguf.md of ggml, and llama.cpp's converter. An architecture is a row
 * of a table; what its pass does with the numbers is in FORMAT.md 1.10. */
#include "model/hyper.h"

#include "base/arena.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { QUOTE_BYTES = 96, KEY_BYTES = 96 };

static const struct architecture {
    const char *name;
    bool pairs_adjacent, qkv_biases, head_norms, post_norms, gelu, embedding_scaled;
    uint32_t window_period;
    float window_rope_base;  /* 0: as rope_base */
    uint32_t layers_refused; /* a size of the family whose pass differs; 0: none */
} architectures[] = {
    {.name = "llama", .pairs_adjacent = true},
    {.name = "qwen2", .qkv_biases = true},
    {.name = "qwen3", .head_norms = true},
    /* The largest gemma3, 27B, scales its attention by another number. */
    {.name = "gemma3",
     .head_norms = true,
     .post_norms = true,
     .gelu = true,
     .embedding_scaled = true,
     .window_period = 6,
     .window_rope_base = 10000.0f,
     .layers_refused = 62},
};

/* Keys that are read below, or that change nothing in the pass, behind "ARCHITECTURE.". */
static const char *const known[] = {
    "block_count",
    "context_length",
    "embedding_length",
    "feed_forward_length",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.layer_norm_rms_epsilon",
    "attention.key_length",
    "attention.value_length",
    "attention.causal",
    "attention.sliding_window",
    "attention.sliding_window_pattern",
    "rope.dimension_count",
    "rope.freq_base",
    "rope.freq_base_swa",
    "rope.scaling.type",
    "rope.scaling.factor",
    "rope.scaling.original_context_length",
    "rope.scaling.finetuned",
    "rope.scale_linear",
    "vocab_size",
    "expert_count",
    "expert_used_count",
    "tensor_data_layout",
};

/* What reading needs throughout. */
struct source {
    const struct assay_gguf *gguf;
    const struct architecture *architecture;
    struct assay_error *err;
};

struct key {
    char text[KEY_BYTES];
};

static struct key key_of(const struct source *source, const char *name)
{
    struct key key;
    snprintf(key.text, sizeof key.text, "%s.%s", source->architecture->name, name);
    return key;
}

uint32_t assay_hyper_window(const struct assay_hyper *hyper, uint32_t layer)
{
    bool sees_all = hyper->window_period > 0 && (layer + 1) % hyper->window_period == 0;
    return sees_all ? 0 : hyper->window;
}

static enum assay_status find_architecture(struct source *source)
{
    struct assay_gguf_text text = {0};
    char quoted[QUOTE_BYTES];
    enum assay_status status = assay_gguf_get_text(source->gguf, "general.architecture",
                                                   ASSAY_GGUF_REQUIRED, &text, source->err);
    if (status) return status;
    for (size_t i = 0; i < sizeof architectures / sizeof architectures[0]; i++) {
        const char *name = architectures[i].name;
        if (text.size == strlen(name) && memcmp(text.data, name, text.size) == 0) {
            source->architecture = &architectures[i];
            return ASSAY_OK;
        }
    }
    return assay_fail(source->err, ASSAY_EUNSUPPORTED,
                      "architecture %s is not supported; supported are llama, qwen2, qwen3 and "
                      "gemma3",
                      assay_text_quote(quoted, sizeof quoted, text.data, text.size));
}

static enum assay_status check_known(const struct source *source)
{
    size_t prefix = strlen(source->architecture->name);
    for (size_t i = 0; i < assay_gguf_key_count(source->gguf); i++) {
        const char *key = assay_gguf_key_at(source->gguf, i);
        bool is_known = strncmp(key, source->architecture->name, prefix) != 0 || key[prefix] != '.';
        for (size_t k = 0; !is_known && k < sizeof known / sizeof known[0]; k++) {
            is_known = strcmp(key + prefix + 1, known[k]) == 0;
        }
        if (!is_known) {
            return assay_fail(source->err, ASSAY_EUNSUPPORTED,
                              "key %s is not known; it might change the forward pass", key);
        }
    }
    return ASSAY_OK;
}

static enum assay_status read_number(const struct source *source, const char *name,
                                     enum assay_gguf_need need, uint32_t max, uint32_t *out)
{
    struct key key = key_of(source, name);
    enum assay_status status = assay_gguf_get_u32(source->gguf, key.text, need, out, source->err);
    if (status) return status;
    if (*out < 1 || *out > max) {
        return assay_fail(source->err, ASSAY_EFORMAT, "key %s is %u, outside of 1 to %u", key.text,
                          *out, max);
    }
    return ASSAY_OK;
}

static enum assay_status read_float(const struct source *source, const char *name,
                                    enum assay_gguf_need need, float min, float max, float *out)
{
    struct key key = key_of(source, name);
    enum assay_status status = assay_gguf_get_f32(source->gguf, key.text, need, out, source->err);
    if (status) return status;
    if (!(*out >= min && *out <= max)) {
        return assay_fail(source->err, ASSAY_EFORMAT, "key %s is %g, outside of %g to %g", key.text,
                          (double)*out, (double)min, (double)max);
    }
    return ASSAY_OK;
}

/* A key that must have this value where it is there. */
static enum assay_status expect_u32(const struct source *source, const char *name,
                                    uint32_t expected)
{
    struct key key = key_of(source, name);
    uint32_t value = expected;
    enum assay_status status =
        assay_gguf_get_u32(source->gguf, key.text, ASSAY_GGUF_OPTIONAL, &value, source->err);
    if (status) return status;
    if (value == expected) return ASSAY_OK;
    return assay_fail(source->err, ASSAY_EUNSUPPORTED, "key %s is %u; supported is %u", key.text,
                      value, expected);
}

static enum assay_status read_sizes(const struct source *source, struct assay_hyper *hyper)
{
    const struct {
        const char *name;
        uint32_t *to;
        uint32_t max;
    } rows[] = {
        {"block_count", &hyper->layers, ASSAY_LAYERS_MAX},
        {"context_length", &hyper->context, ASSAY_CONTEXT_MAX},
        {"embedding_length", &hyper->width, ASSAY_WIDTH_MAX},
        {"feed_forward_length", &hyper->ffn_width, ASSAY_FFN_WIDTH_MAX},
        {"attention.head_count", &hyper->heads, ASSAY_HEADS_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum assay_status status =
            read_number(source, rows[i].name, ASSAY_GGUF_REQUIRED, rows[i].max, rows[i].to);
        if (status) return status;
    }
    if (hyper->layers == source->architecture->layers_refused) {
        return assay_fail(source->err, ASSAY_EUNSUPPORTED,
                          "%s with %u layers scales its attention in another way",
                          source->architecture->name, hyper->layers);
    }
    if (!assay_gguf_has(source->gguf, key_of(source, "vocab_size").text)) return ASSAY_OK;
    return read_number(source, "vocab_size", ASSAY_GGUF_REQUIRED, ASSAY_VOCAB_MAX, &hyper->vocab);
}

static enum assay_status read_heads(const struct source *source, struct assay_hyper *hyper)
{
    hyper->kv_heads = hyper->heads;
    enum assay_status status = read_number(source, "attention.head_count_kv", ASSAY_GGUF_OPTIONAL,
                                           hyper->heads, &hyper->kv_heads);
    if (status) return status;
    bool has_length = assay_gguf_has(source->gguf, key_of(source, "attention.key_length").text);
    if (hyper->heads % hyper->kv_heads != 0 || (!has_length && hyper->width % hyper->heads != 0)) {
        return assay_fail(source->err, ASSAY_EFORMAT,
                          "width %u, heads %u and kv heads %u do not divide one another",
                          hyper->width, hyper->heads, hyper->kv_heads);
    }
    hyper->head_dim = hyper->width / hyper->heads;
    if (has_length) {
        status = read_number(source, "attention.key_length", ASSAY_GGUF_REQUIRED,
                             ASSAY_HEAD_DIM_MAX, &hyper->head_dim);
        if (status) return status;
    }
    if (hyper->head_dim > ASSAY_HEAD_DIM_MAX || hyper->head_dim < 2 || hyper->head_dim % 2 != 0) {
        return assay_fail(source->err, ASSAY_EFORMAT,
                          "a head has %u dimensions; an even number up to %d is allowed",
                          hyper->head_dim, ASSAY_HEAD_DIM_MAX);
    }
    return expect_u32(source, "attention.value_length", hyper->head_dim);
}

/* None, or linear. A factor alone means linear scaling to llama.cpp. */
static enum assay_status read_rope_scaling(const struct source *source, struct assay_hyper *hyper)
{
    static const char *const factors[] = {"rope.scaling.factor", "rope.scale_linear"};
    struct assay_gguf_text type = {"linear", strlen("linear")};
    struct key key = key_of(source, "rope.scaling.type");
    char quoted[QUOTE_BYTES];
    enum assay_status status =
        assay_gguf_get_text(source->gguf, key.text, ASSAY_GGUF_OPTIONAL, &type, source->err);
    if (status) return status;
    bool none = type.size == strlen("none") && memcmp(type.data, "none", type.size) == 0;
    bool linear = type.size == strlen("linear") && memcmp(type.data, "linear", type.size) == 0;
    if (!none && !linear) {
        return assay_fail(source->err, ASSAY_EUNSUPPORTED,
                          "key %s is %s; supported are \"none\" and \"linear\"", key.text,
                          assay_text_quote(quoted, sizeof quoted, type.data, type.size));
    }
    hyper->rope_scale = 1.0f;
    for (size_t i = 0; !none && i < sizeof factors / sizeof factors[0]; i++) {
        status =
            read_float(source, factors[i], ASSAY_GGUF_OPTIONAL, 1.0f, 1e6f, &hyper->rope_scale);
        if (status) return status;
    }
    return ASSAY_OK;
}

static enum assay_status read_rope(const struct source *source, struct assay_hyper *hyper)
{
    hyper->rope_pairs_adjacent = source->architecture->pairs_adjacent;
    hyper->rope_dims = hyper->head_dim;
    enum assay_status status = read_number(source, "rope.dimension_count", ASSAY_GGUF_OPTIONAL,
                                           hyper->head_dim, &hyper->rope_dims);
    if (status) return status;
    if (hyper->rope_dims % 2 != 0) {
        return assay_fail(source->err, ASSAY_EFORMAT, "key %s is %u, an odd number",
                          key_of(source, "rope.dimension_count").text, hyper->rope_dims);
    }
    hyper->rope_base = 10000.0f;
    status =
        read_float(source, "rope.freq_base", ASSAY_GGUF_OPTIONAL, 1.0f, 1e12f, &hyper->rope_base);
    if (status) return status;
    hyper->window_rope_base = source->architecture->window_rope_base > 0.0f
                                  ? source->architecture->window_rope_base
                                  : hyper->rope_base;
    status = read_float(source, "rope.freq_base_swa", ASSAY_GGUF_OPTIONAL, 1.0f, 1e12f,
                        &hyper->window_rope_base);
    if (status) return status;
    return read_rope_scaling(source, hyper);
}

/* gemma3 without a window would not be gemma3. */
static enum assay_status read_window(const struct source *source, struct assay_hyper *hyper)
{
    struct key key = key_of(source, "attention.sliding_window");
    uint32_t period = source->architecture->window_period;
    hyper->window_period = period;
    if (assay_gguf_has(source->gguf, key.text) || period > 0) {
        enum assay_status status = read_number(source, "attention.sliding_window",
                                               ASSAY_GGUF_REQUIRED, UINT32_MAX, &hyper->window);
        if (status) return status;
    }
    return expect_u32(source, "attention.sliding_window_pattern", period);
}

/* Variants of the architecture that the pass does not have. */
static enum assay_status check_variants(const struct source *source)
{
    struct key key = key_of(source, "attention.causal");
    bool causal = true;
    enum assay_status status = expect_u32(source, "expert_count", 0);
    if (status) return status;
    status = assay_gguf_get_bool(source->gguf, key.text, ASSAY_GGUF_OPTIONAL, &causal, source->err);
    if (status) return status;
    if (!causal) {
        return assay_fail(source->err, ASSAY_EUNSUPPORTED, "key %s is false; supported is true",
                          key.text);
    }
    return check_known(source);
}

static enum assay_status read_name(const struct source *source, struct assay_arena *arena,
                                   const char **out)
{
    struct assay_gguf_text name = {"", 0};
    enum assay_status status =
        assay_gguf_get_text(source->gguf, "general.name", ASSAY_GGUF_OPTIONAL, &name, source->err);
    if (status) return status;
    *out = assay_arena_text(arena, name.data, name.size);
    return *out ? ASSAY_OK
                : assay_fail(source->err, ASSAY_EMEMORY, "no memory for the model's name");
}

enum assay_status assay_hyper_read(struct assay_hyper *out, const struct assay_gguf *gguf,
                                   struct assay_arena *arena, struct assay_error *err)
{
    struct source source = {gguf, NULL, err};
    struct assay_hyper hyper = {0};
    enum assay_status status = find_architecture(&source);
    if (status) return status;
    const struct architecture *architecture = source.architecture;
    hyper.architecture = architecture->name;
    hyper.qkv_biases = architecture->qkv_biases;
    hyper.head_norms = architecture->head_norms;
    hyper.post_norms = architecture->post_norms;
    hyper.gelu = architecture->gelu;
    status = read_sizes(&source, &hyper);
    if (status) return status;
    hyper.embedding_scale = architecture->embedding_scaled ? sqrtf((float)hyper.width) : 1.0f;
    status = read_heads(&source, &hyper);
    if (status) return status;
    status = read_rope(&source, &hyper);
    if (status) return status;
    status = read_window(&source, &hyper);
    if (status) return status;
    status = read_float(&source, "attention.layer_norm_rms_epsilon", ASSAY_GGUF_REQUIRED, 1e-12f,
                        1e-1f, &hyper.norm_eps);
    if (status) return status;
    status = check_variants(&source);
    if (status) return status;
    status = read_name(&source, arena, &hyper.name);
    if (status) return status;
    *out = hyper;
    return ASSAY_OK;
}
