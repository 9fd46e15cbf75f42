/* A model: hyperparameters, tensors, and everything that makes a file one that assay cannot run. */
#include "patch.h"

#include "base/exact.h"
#include "base/file.h"
#include "model/model_parse.h"

#include <stdlib.h>
#include <unistd.h>

static struct assay_model *parse(const struct assay_bytes *bytes)
{
    struct assay_model *model = NULL;
    struct assay_error err = {0};
    check_ok(assay_model_parse(&model, bytes->data, bytes->size, &err), &err);
    return model;
}

static void check_tensor(const struct assay_tensor *tensor, const char *name, size_t rows,
                         size_t columns, enum assay_dtype dtype, size_t row_bytes)
{
    assert_string_equal(tensor->name, name);
    assert_int_equal(tensor->rows, rows);
    assert_int_equal(tensor->columns, columns);
    assert_int_equal(tensor->dtype, dtype);
    assert_int_equal(tensor->row_bytes, row_bytes);
    assert_non_null(tensor->data);
}

static void test_hyper(void **state)
{
    (void)state;
    struct assay_bytes bytes = patch_image(NULL);
    struct assay_model *model = parse(&bytes);
    const struct assay_hyper *hyper = assay_model_hyper(model);
    assert_string_equal(hyper->architecture, "llama");
    assert_string_equal(hyper->name, "tiny");
    const uint32_t got[] = {hyper->layers,    hyper->width,    hyper->ffn_width,
                            hyper->heads,     hyper->kv_heads, hyper->head_dim,
                            hyper->rope_dims, hyper->vocab,    hyper->context};
    const uint32_t expected[] = {2, 64, 96, 4, 2, 16, 16, 276, 512};
    assert_memory_equal(got, expected, sizeof got);
    assert_int_equal(assay_bits(hyper->norm_eps), assay_bits(1e-5f));
    assert_int_equal(assay_bits(hyper->rope_base), assay_bits(10000.0f));
    assert_true(hyper->rope_pairs_adjacent);
    assay_model_close(model);
    assay_bytes_fini(&bytes);
}

static void test_tensors(void **state)
{
    (void)state;
    const struct assay_test_gguf_options options = {
        .dtype = ASSAY_DTYPE_Q4_1, .embedding_dtype = ASSAY_DTYPE_Q8_0, .rope_factors = true};
    struct assay_bytes bytes = patch_image(&options);
    struct assay_model *model = parse(&bytes);
    const struct assay_model_tensors *t = assay_model_tensors(model);
    const struct assay_layer_tensors *layer = &t->layers[1];
    check_tensor(&t->embedding, "token_embd.weight", 276, 64, ASSAY_DTYPE_Q8_0, 68);
    assert_ptr_equal(t->output.data, t->embedding.data);
    check_tensor(&t->output_norm, "output_norm.weight", 1, 64, ASSAY_DTYPE_F32, 256);
    check_tensor(&layer->attn_norm, "blk.1.attn_norm.weight", 1, 64, ASSAY_DTYPE_F32, 256);
    check_tensor(&layer->q, "blk.1.attn_q.weight", 64, 64, ASSAY_DTYPE_Q4_1, 40);
    check_tensor(&layer->k, "blk.1.attn_k.weight", 32, 64, ASSAY_DTYPE_Q4_1, 40);
    check_tensor(&layer->v, "blk.1.attn_v.weight", 32, 64, ASSAY_DTYPE_Q4_1, 40);
    check_tensor(&layer->o, "blk.1.attn_output.weight", 64, 64, ASSAY_DTYPE_Q4_1, 40);
    check_tensor(&layer->ffn_norm, "blk.1.ffn_norm.weight", 1, 64, ASSAY_DTYPE_F32, 256);
    check_tensor(&layer->gate, "blk.1.ffn_gate.weight", 96, 64, ASSAY_DTYPE_Q4_1, 40);
    check_tensor(&layer->up, "blk.1.ffn_up.weight", 96, 64, ASSAY_DTYPE_Q4_1, 40);
    check_tensor(&layer->down, "blk.1.ffn_down.weight", 64, 96, ASSAY_DTYPE_Q4_1, 60);
    assert_non_null(t->rope_factors);
    for (size_t i = 0; i < 8; i++) {
        assert_true(t->rope_factors[i] >= 1.0f && t->rope_factors[i] <= 7.0f);
    }
    assay_model_close(model);
    assay_bytes_fini(&bytes);
}

/* Every dtype and shape that the writer can make is one that the model room reads. */
static void test_accepted(void **state)
{
    (void)state;
    static const struct assay_test_gguf_options rows[] = {
        {.dtype = ASSAY_DTYPE_F16, .embedding_dtype = ASSAY_DTYPE_Q4_0},
        {.dtype = ASSAY_DTYPE_Q8_0, .output = true, .vocab = 300},
        {.dtype = ASSAY_DTYPE_Q4_0, .layers = 1, .width = 32, .heads = 1, .kv_heads = 1},
        {.dtype = ASSAY_DTYPE_Q4_1, .heads = 2, .kv_heads = 2, .vocab = 1100},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_bytes bytes = patch_image(&rows[i]);
        struct assay_model *model = parse(&bytes);
        const struct assay_model_tensors *t = assay_model_tensors(model);
        assert_int_equal(t->layers[0].q.dtype, rows[i].dtype);
        assert_int_equal(t->output.data != t->embedding.data, rows[i].output);
        assert_null(t->rope_factors);
        if (rows[i].vocab) {
            assert_int_equal(assay_model_hyper(model)->vocab, rows[i].vocab);
            assert_int_equal(t->embedding.rows, rows[i].vocab);
        }
        assay_model_close(model);
        assay_bytes_fini(&bytes);
    }
}

/* What each architecture's pass has, and that each of its tensors is demanded. */
static const struct {
    const char *name;
    bool adjacent, biases, head_norms, post_norms, gelu;
    float embedding_scale;
    uint32_t windows[3]; /* of layers 0, 5, 6 */
    const char *missing[4];
} architecture_rows[] = {
    {"llama", true, false, false, false, false, 1.0f, {0}, {"blk.1.attn_q.weight"}},
    {"qwen2",
     false,
     true,
     false,
     false,
     false,
     1.0f,
     {0},
     {"blk.0.attn_q.bias", "blk.1.attn_k.bias", "blk.2.attn_v.bias"}},
    {"qwen3",
     false,
     false,
     true,
     false,
     false,
     1.0f,
     {0},
     {"blk.0.attn_q_norm.weight", "blk.1.attn_k_norm.weight"}},
    {"gemma3",
     false,
     false,
     true,
     true,
     true,
     8.0f,
     {40, 0, 40},
     {"blk.0.attn_q_norm.weight", "blk.1.attn_k_norm.weight", "blk.2.post_attention_norm.weight",
      "blk.3.post_ffw_norm.weight"}},
};

static void test_architectures(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(architecture_rows); i++) {
        const struct assay_test_gguf_options options = {
            .architecture = architecture_rows[i].name, .layers = 7, .head_dim = 32};
        struct assay_bytes bytes = patch_image(&options);
        struct assay_model *model = parse(&bytes);
        const struct assay_hyper *hyper = assay_model_hyper(model);
        const struct assay_layer_tensors *layer = &assay_model_tensors(model)->layers[6];
        assert_string_equal(hyper->architecture, architecture_rows[i].name);
        assert_int_equal(hyper->head_dim, 32);
        assert_int_equal(hyper->rope_pairs_adjacent, architecture_rows[i].adjacent);
        assert_int_equal(hyper->gelu, architecture_rows[i].gelu);
        assert_true(hyper->embedding_scale == architecture_rows[i].embedding_scale);
        assert_int_equal(layer->q.rows, 128);
        assert_int_equal(layer->o.columns, 128);
        assert_int_equal(layer->v_bias.data != NULL, architecture_rows[i].biases);
        assert_int_equal(layer->k_norm.data != NULL, architecture_rows[i].head_norms);
        assert_int_equal(layer->ffn_post_norm.data != NULL, architecture_rows[i].post_norms);
        for (uint32_t w = 0; w < 3; w++) {
            assert_int_equal(assay_hyper_window(hyper, w > 0 ? w + 4 : 0),
                             architecture_rows[i].windows[w]);
        }
        assay_model_close(model);
        for (size_t m = 0;
             m < COUNT_OF(architecture_rows[i].missing) && architecture_rows[i].missing[m]; m++) {
            struct assay_bytes copy = patch_image(&options);
            struct assay_error err;
            patch_find(&copy, architecture_rows[i].missing[m])[0] = 'x';
            check_refused(assay_model_parse(&model, copy.data, copy.size, &err), ASSAY_EFORMAT,
                          &err, architecture_rows[i].missing[m]);
            assay_bytes_fini(&copy);
        }
        assay_bytes_fini(&bytes);
    }
}

/* Optional keys that say what the defaults say. */
static void test_harmless_keys(void **state)
{
    (void)state;
    struct assay_gguf_image image = {0};
    struct assay_bytes bytes = {0};
    struct assay_error err;
    assay_test_gguf_keys(&image, NULL);
    assay_gguf_image_u32(&image, "llama.attention.key_length", 16);
    assay_gguf_image_u32(&image, "llama.attention.value_length", 16);
    assay_gguf_image_text(&image, "llama.rope.scaling.type", "none");
    assay_gguf_image_f32(&image, "llama.rope.scaling.factor", 1.0f);
    assay_gguf_image_u32(&image, "llama.expert_count", 0);
    assay_gguf_image_bool(&image, "llama.attention.causal", true);
    assay_gguf_image_text(&image, "quantize.imatrix.file", "anything");
    assay_test_gguf_tensors(&image, NULL);
    check_ok(assay_gguf_image_finish(&image, &bytes, &err), &err);
    assay_model_close(parse(&bytes));
    assay_bytes_fini(&bytes);
    assay_gguf_image_fini(&image);
}

/* One number or text of a good file changed. */
static const struct {
    const char *key;  /* number `value`, or */
    const char *from; /* text to */
    const char *to;
    uint32_t value;
    enum assay_status status;
    const char *message;
} changed_rows[] = {
    {.from = "llama",
     .to = "mamba",
     .status = ASSAY_EUNSUPPORTED,
     .message =
         "architecture \"mamba\" is not supported; supported are llama, qwen2, qwen3 and gemma3"},
    {.from = "general.architecture",
     .to = "general.architectura",
     .status = ASSAY_EFORMAT,
     .message = "key general.architecture is missing"},
    {.from = "llama.block_count",
     .to = "llama.block_coumt",
     .status = ASSAY_EFORMAT,
     .message = "key llama.block_count is missing"},
    {.from = "llama.context_length",
     .to = "mlama.context_length",
     .status = ASSAY_EFORMAT,
     .message = "key llama.context_length is missing"},
    {.from = "llama.embedding_length",
     .to = "mlama.embedding_length",
     .status = ASSAY_EFORMAT,
     .message = "key llama.embedding_length is missing"},
    {.from = "llama.feed_forward_length",
     .to = "mlama.feed_forward_length",
     .status = ASSAY_EFORMAT,
     .message = "key llama.feed_forward_length is missing"},
    {.from = "llama.attention.head_count",
     .to = "mlama.attention.head_count",
     .status = ASSAY_EFORMAT,
     .message = "key llama.attention.head_count is missing"},
    {.from = "llama.attention.layer_norm_rms_epsilon",
     .to = "mlama.attention.layer_norm_rms_epsilon",
     .status = ASSAY_EFORMAT,
     .message = "layer_norm_rms_epsilon is missing"},
    {.key = "llama.block_count",
     .value = 0,
     .status = ASSAY_EFORMAT,
     .message = "key llama.block_count is 0, outside of 1 to 1024"},
    {.key = "llama.block_count",
     .value = 1025,
     .status = ASSAY_EFORMAT,
     .message = "outside of 1 to 1024"},
    {.key = "llama.block_count",
     .value = 3,
     .status = ASSAY_EFORMAT,
     .message = "tensor blk.2.attn_norm.weight is missing"},
    {.key = "llama.block_count",
     .value = 1,
     .status = ASSAY_EUNSUPPORTED,
     .message = "tensor blk.1.attn_k.weight has no place in the forward pass"},
    {.key = "llama.context_length",
     .value = 1048577,
     .status = ASSAY_EFORMAT,
     .message = "key llama.context_length is 1048577"},
    {.key = "llama.embedding_length",
     .value = 1u << 31,
     .status = ASSAY_EFORMAT,
     .message = "key llama.embedding_length is 2147483648"},
    {.key = "llama.embedding_length",
     .value = 66,
     .status = ASSAY_EFORMAT,
     .message = "width 66, heads 4 and kv heads 2 do not divide one another"},
    {.key = "llama.embedding_length",
     .value = 60,
     .status = ASSAY_EFORMAT,
     .message = "a head has 15 dimensions"},
    {.key = "llama.embedding_length",
     .value = 72,
     .status = ASSAY_EFORMAT,
     .message = "tensor token_embd.weight is 64 × 276 × 1 × 1; the hyperparameters say 72 × "
                "276"},
    {.key = "llama.embedding_length",
     .value = 8192,
     .status = ASSAY_EFORMAT,
     .message = "a head has 2048 dimensions"},
    {.key = "llama.feed_forward_length",
     .value = 64,
     .status = ASSAY_EFORMAT,
     .message = "tensor blk.0.ffn_gate.weight is 64 × 96"},
    {.key = "llama.attention.head_count",
     .value = 0,
     .status = ASSAY_EFORMAT,
     .message = "head_count is 0"},
    {.key = "llama.attention.head_count_kv",
     .value = 3,
     .status = ASSAY_EFORMAT,
     .message = "do not divide"},
    {.key = "llama.attention.head_count_kv",
     .value = 8,
     .status = ASSAY_EFORMAT,
     .message = "head_count_kv is 8, outside of 1 to 4"},
    {.key = "llama.attention.head_count_kv",
     .value = 1,
     .status = ASSAY_EFORMAT,
     .message = "tensor blk.0.attn_k.weight is 64 × 32 × 1 × 1; the hyperparameters say 64 × "
                "16"},
    {.key = "llama.rope.dimension_count",
     .value = 15,
     .status = ASSAY_EFORMAT,
     .message = "dimension_count is 15, an odd number"},
    {.key = "llama.rope.dimension_count",
     .value = 18,
     .status = ASSAY_EFORMAT,
     .message = "dimension_count is 18, outside of 1 to 16"},
    {.key = "llama.rope.freq_base",
     .value = 0x7fc00000,
     .status = ASSAY_EFORMAT,
     .message = "freq_base is nan"},
    {.key = "llama.rope.freq_base",
     .value = 0x3f000000,
     .status = ASSAY_EFORMAT,
     .message = "freq_base is 0.5"},
    {.key = "llama.attention.layer_norm_rms_epsilon",
     .value = 0,
     .status = ASSAY_EFORMAT,
     .message = "epsilon is 0, outside"},
    {.key = "llama.attention.layer_norm_rms_epsilon",
     .value = 0x7f800000,
     .status = ASSAY_EFORMAT,
     .message = "epsilon is inf"},
    {.key = "llama.vocab_size",
     .value = 275,
     .status = ASSAY_EFORMAT,
     .message = "llama.vocab_size is 275, but there are 276 tokens"},
    {.key = "tokenizer.ggml.eos_token_id",
     .value = 276,
     .status = ASSAY_EFORMAT,
     .message = "eos_token_id is 276; there are 276 tokens"},
    {.key = "tokenizer.ggml.eos_token_id",
     .value = UINT32_MAX,
     .status = ASSAY_EFORMAT,
     .message = "eos_token_id is 4294967295"},
    {.from = "gpt2",
     .to = "bert",
     .status = ASSAY_EUNSUPPORTED,
     .message = "tokenizer \"bert\" is not supported; supported are gpt2 and llama"},
    {.from = "smollm",
     .to = "falcon",
     .status = ASSAY_EUNSUPPORTED,
     .message = "pre-tokeniser \"falcon\" is not supported; supported are smollm, gpt-2"},
    {.from = "tokenizer.ggml.pre",
     .to = "tokenizer.ggml.pra",
     .status = ASSAY_EFORMAT,
     .message = "key tokenizer.ggml.pre is missing"},
    {.from = "tokenizer.ggml.merges",
     .to = "tokenizer.ggml.mergez",
     .status = ASSAY_EFORMAT,
     .message = "key tokenizer.ggml.merges is missing"},
};

static void test_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(changed_rows); i++) {
        struct assay_bytes bytes = patch_image(NULL);
        struct assay_model *model = NULL;
        struct assay_error err;
        if (changed_rows[i].key) {
            patch_u32(&bytes, changed_rows[i].key, changed_rows[i].value);
        } else {
            patch_text(&bytes, changed_rows[i].from, changed_rows[i].to);
        }
        check_refused(assay_model_parse(&model, bytes.data, bytes.size, &err),
                      changed_rows[i].status, &err, changed_rows[i].message);
        assert_null(model);
        assay_bytes_fini(&bytes);
    }
}

/* A key more. */
static void test_added_keys(void **state)
{
    (void)state;
    static const struct {
        uint32_t type;
        const char *key, *text;
        float number;
        const char *message;
    } rows[] = {
        {GGUF_TEXT, "llama.rope.scaling.type", "yarn", 0,
         "\"yarn\"; supported are \"none\" and \"linear\""},
        {GGUF_U32, "llama.attention.value_length", NULL, 8, "value_length is 8; supported is 16"},
        {GGUF_U32, "llama.expert_count", NULL, 8, "llama.expert_count is 8; supported is 0"},
        {GGUF_BOOL, "llama.attention.causal", NULL, 0, "causal is false; supported is true"},
        {GGUF_U32, "llama.attention.sliding_window_pattern", NULL, 6,
         "sliding_window_pattern is 6; supported is 0"},
        {GGUF_U32, "llama.attention.clamp_kqv", NULL, 9,
         "key llama.attention.clamp_kqv is not known"},
        {GGUF_BOOL, "tokenizer.ggml.add_eos_token", NULL, 1, "add_eos_token is true"},
        {GGUF_BOOL, "tokenizer.ggml.add_space_prefix", NULL, 1, "add_space_prefix is true"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_gguf_image image = {0};
        struct assay_bytes bytes = {0};
        struct assay_model *model = NULL;
        struct assay_error err;
        assay_test_gguf_keys(&image, NULL);
        if (rows[i].type == GGUF_TEXT) assay_gguf_image_text(&image, rows[i].key, rows[i].text);
        if (rows[i].type == GGUF_F32) assay_gguf_image_f32(&image, rows[i].key, rows[i].number);
        if (rows[i].type == GGUF_U32) {
            assay_gguf_image_u32(&image, rows[i].key, (uint32_t)rows[i].number);
        }
        if (rows[i].type == GGUF_BOOL) {
            assay_gguf_image_bool(&image, rows[i].key, rows[i].number > 0);
        }
        assay_test_gguf_tensors(&image, NULL);
        check_ok(assay_gguf_image_finish(&image, &bytes, &err), &err);
        check_refused(assay_model_parse(&model, bytes.data, bytes.size, &err), ASSAY_EUNSUPPORTED,
                      &err, rows[i].message);
        assay_bytes_fini(&bytes);
        assay_gguf_image_fini(&image);
    }
}

/* A tensor more, or one renamed so that another is missing. */
static const uint64_t flat[] = {64, 64}, pairs[] = {8}, nine[] = {9};
static const float ones[64 * 64] = {1, 1, 1, 1, 1, 1, 1, 0};
static const struct {
    const char *from, *to; /* renamed, or */
    const char *added;
    uint32_t type;
    const uint64_t *dims;
    uint32_t dim_count;
    size_t size;
    enum assay_status status;
    const char *message;
} tensor_refusals_rows[] = {
    {.from = "blk.1.ffn_up.weight",
     .to = "blk.1.ffn_uq.weight",
     .status = ASSAY_EFORMAT,
     .message = "tensor blk.1.ffn_up.weight is missing"},
    {.from = "token_embd.weight",
     .to = "token_embe.weight",
     .status = ASSAY_EFORMAT,
     .message = "tensor token_embd.weight is missing"},
    {.from = "output_norm.weight",
     .to = "output_norn.weight",
     .status = ASSAY_EFORMAT,
     .message = "tensor output_norm.weight is missing"},
    {.added = "blk.0.attn_q.bias",
     .dims = flat,
     .dim_count = 1,
     .size = 256,
     .status = ASSAY_EUNSUPPORTED,
     .message = "tensor blk.0.attn_q.bias has no place in the forward pass of architecture "
                "llama"},
    {.added = "blk.9.attn_q.weight",
     .dims = flat,
     .dim_count = 2,
     .size = 64 * 64 * 4,
     .status = ASSAY_EUNSUPPORTED,
     .message = "blk.9.attn_q.weight has no place"},
    {.added = "output.weight",
     .dims = flat,
     .dim_count = 2,
     .size = 64 * 64 * 4,
     .status = ASSAY_EFORMAT,
     .message = "tensor output.weight is 64 × 64 × 1 × 1; the hyperparameters say 64 × 276"},
    {.added = "rope_freqs.weight",
     .dims = nine,
     .dim_count = 1,
     .size = 36,
     .status = ASSAY_EFORMAT,
     .message = "tensor rope_freqs.weight is 9 × 1"},
    {.added = "rope_freqs.weight",
     .type = 1,
     .dims = pairs,
     .dim_count = 1,
     .size = 16,
     .status = ASSAY_EUNSUPPORTED,
     .message = "tensor rope_freqs.weight is F16; supported is F32"},
    {.added = "rope_freqs.weight",
     .dims = pairs,
     .dim_count = 1,
     .size = 32,
     .status = ASSAY_EFORMAT,
     .message = "rope_freqs.weight: factor 7 is 0"},
};

static void test_tensor_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(tensor_refusals_rows); i++) {
        struct assay_gguf_image image = {0};
        struct assay_bytes bytes = {0};
        struct assay_model *model = NULL;
        struct assay_error err;
        assay_test_gguf_keys(&image, NULL);
        assay_test_gguf_tensors(&image, NULL);
        if (tensor_refusals_rows[i].added) {
            assay_gguf_image_tensor(&image, tensor_refusals_rows[i].added,
                                    tensor_refusals_rows[i].type, tensor_refusals_rows[i].dims,
                                    tensor_refusals_rows[i].dim_count, ones,
                                    tensor_refusals_rows[i].size);
        }
        check_ok(assay_gguf_image_finish(&image, &bytes, &err), &err);
        if (tensor_refusals_rows[i].from)
            patch_text(&bytes, tensor_refusals_rows[i].from, tensor_refusals_rows[i].to);
        check_refused(assay_model_parse(&model, bytes.data, bytes.size, &err),
                      tensor_refusals_rows[i].status, &err, tensor_refusals_rows[i].message);
        assay_bytes_fini(&bytes);
        assay_gguf_image_fini(&image);
    }
}

/* An F16 norm: well-formed, but not what the pass takes. */
static void test_norm_type(void **state)
{
    (void)state;
    struct assay_gguf_image image = {0};
    struct assay_bytes bytes = {0};
    struct assay_model *model = NULL;
    struct assay_error err;
    static const uint64_t width[] = {64};
    static const uint8_t data[128];
    const struct assay_test_gguf_options options = {.layers = 1};
    assay_test_gguf_keys(&image, &options);
    assay_gguf_image_tensor(&image, "output_norm.weight", 1, width, 1, data, sizeof data);
    assay_test_gguf_tensors(&image, &options);
    check_ok(assay_gguf_image_finish(&image, &bytes, &err), &err);
    /* The writer's own norm goes out of the way: the first of that name is ours. */
    uint8_t *ours = patch_find(&bytes, "output_norm.weight");
    memcpy(ours, "output_norm.weighx", 18);
    patch_text(&bytes, "output_norm.weight", "output_norm.weighy");
    memcpy(ours, "output_norm.weight", 18);
    check_refused(assay_model_parse(&model, bytes.data, bytes.size, &err), ASSAY_EUNSUPPORTED, &err,
                  "tensor output_norm.weight is F16; supported is F32");
    assay_bytes_fini(&bytes);
    assay_gguf_image_fini(&image);
}

static void test_open(void **state)
{
    (void)state;
    char path[] = "test-model-XXXXXX";
    struct assay_model *model = NULL;
    struct assay_error err;
    check_refused(assay_model_open(&model, "no-such-file.gguf", &err), ASSAY_ENOTFOUND, &err,
                  "no-such-file.gguf");
    check_ok(assay_test_gguf_file(path, NULL, &err), &err);
    check_ok(assay_model_open(&model, path, &err), &err);
    assert_int_equal(assay_model_hyper(model)->layers, 2);
    assert_int_equal(assay_tokenizer_vocab(assay_model_tokenizer(model)), 276);
    assay_model_close(model);
    model = NULL;
    assert_int_equal(truncate(path, 3000), 0);
    check_refused(assay_model_open(&model, path, &err), ASSAY_EFORMAT, &err, "truncated");
    assert_non_null(strstr(err.text, path));
    assert_int_equal(truncate(path, 0), 0);
    check_refused(assay_model_open(&model, path, &err), ASSAY_EFORMAT, &err, path);
    assert_null(model);
    unlink(path);
    assay_model_close(NULL);
}

/* The same options give the same bytes, another seed gives others. */
static void test_deterministic(void **state)
{
    (void)state;
    const struct assay_test_gguf_options seeded = {.seed = 1};
    struct assay_bytes a = patch_image(NULL), b = patch_image(NULL), c = patch_image(&seeded);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    assert_int_equal(a.size, c.size);
    assert_true(memcmp(a.data, c.data, a.size) != 0);
    assay_bytes_fini(&a);
    assay_bytes_fini(&b);
    assay_bytes_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hyper),         cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_accepted),      cmocka_unit_test(test_architectures),
        cmocka_unit_test(test_harmless_keys), cmocka_unit_test(test_changed),
        cmocka_unit_test(test_added_keys),    cmocka_unit_test(test_tensor_refusals),
        cmocka_unit_test(test_norm_type),     cmocka_unit_test(test_open),
        cmocka_unit_test(test_deterministic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
