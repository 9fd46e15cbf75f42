/* A tiny model with pseudo-random weights of sensible scale, and a byte-level BPE vocabulary:
 * 3 control tokens, 256 bytes, merges. */
#include "harness/gguf_image.h"

#include "base/exact.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In the order of their ranks. "\xc4\xa0" stands for a space, "\xc4\x8a" for a line feed. */
static const char *const words[][2] = {
    {"l", "l"},
    {"e", "ll"},
    {"h", "ell"},
    {"hell", "o"},
    {"h", "e"},
    {"t", "he"},
    {"\xc4\xa0", "the"},
    {"i", "n"},
    {"in", "g"},
    {"\xc4\xa0", "a"},
    {"\xc4\xa0", "\xc4\xa0"},
    {"1", "2"},
    {"\xc3\x83", "\xc2\xa9"},
    {"'", "s"},
    {"n", "'"},
    {"!", "\xc4\x8a"},
    {"\xc4\x8a", "\xc4\x8a"},
};
enum {
    WORDS = sizeof words / sizeof words[0],
    BYTES = 256,
    LETTERS = 26,
    SMALLEST = ASSAY_TEST_FIRST_BYTE + BYTES + WORDS,
    TEXT_BYTES = 32,
    KEY_BYTES = 96
};

/* Of the SentencePiece vocabulary, which has every byte behind them. */
static const char *const pieces[] = {"<unk>",
                                     "<s>",
                                     "</s>",
                                     "  ",
                                     "\n\n",
                                     "t",
                                     "h",
                                     "e",
                                     "th",
                                     "the",
                                     "\xe2\x96\x81",
                                     "\xe2\x96\x81the",
                                     "he",
                                     "\xc3\xa9",
                                     "\xc3\xa9\xc3\xa9",
                                     "eth"};
enum { PIECES = sizeof pieces / sizeof pieces[0], PIECE_TOKENS = PIECES + BYTES };

static const char *const default_template =
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a test.<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

static struct assay_test_gguf_options complete(const struct assay_test_gguf_options *options)
{
    struct assay_test_gguf_options o = {0};
    if (options) o = *options;
    if (!o.architecture) o.architecture = "llama";
    if (!o.layers) o.layers = 2;
    if (!o.width) o.width = 64;
    if (!o.ffn_width) o.ffn_width = 96;
    if (!o.heads) o.heads = 4;
    if (!o.kv_heads) o.kv_heads = o.heads > 1 ? o.heads / 2 : 1;
    if (!o.vocab) o.vocab = o.sentence_piece ? (uint32_t)PIECE_TOKENS : (uint32_t)SMALLEST;
    if (!o.context) o.context = 512;
    if (!o.head_dim) o.head_dim = o.width / o.heads;
    if (!o.window && !strcmp(o.architecture, "gemma3")) o.window = 40;
    if (!(o.norm_eps > 0)) o.norm_eps = 1e-5f;
    if (!(o.rope_base > 0)) o.rope_base = 10000.0f;
    if (!o.pre) o.pre = "smollm";
    if (!o.chat_template) o.chat_template = default_template;
    return o;
}

/* GPT-2's printable stand-in for a byte, as UTF-8. */
static void byte_text(unsigned byte, char to[TEXT_BYTES])
{
    unsigned code = byte, hidden = 0;
    for (unsigned b = 0; b <= byte; b++) {
        bool shown = (b >= 33 && b <= 126) || (b >= 161 && b != 173);
        if (!shown)
            code = 256 + hidden++;
        else
            code = b;
    }
    if (code < 128) {
        to[0] = (char)code;
        to[1] = 0;
    } else {
        to[0] = (char)(0xc0 | code >> 6);
        to[1] = (char)(0x80 | (code & 63));
        to[2] = 0;
    }
}

struct vocabulary {
    char (*texts)[TEXT_BYTES], (*merges)[TEXT_BYTES];
    const char **text_list, **merge_list;
    int32_t *types;
    size_t merge_count;
};

static void vocabulary_fini(struct vocabulary *v)
{
    free(v->texts);
    free(v->merges);
    free(v->text_list);
    free(v->merge_list);
    free(v->types);
}

static bool vocabulary_take(struct vocabulary *v, size_t count)
{
    v->texts = calloc(count, sizeof *v->texts);
    v->merges = calloc(count, sizeof *v->merges);
    v->text_list = calloc(count, sizeof *v->text_list);
    v->merge_list = calloc(count, sizeof *v->merge_list);
    v->types = calloc(count, sizeof *v->types);
    return v->texts && v->merges && v->text_list && v->merge_list && v->types;
}

static bool is_word(const char *left, const char *right)
{
    for (size_t i = 0; i < WORDS; i++) {
        if (!strcmp(left, words[i][0]) && !strcmp(right, words[i][1])) return true;
    }
    return false;
}

static void add_merge(struct vocabulary *v, size_t id, const char *left, const char *right)
{
    snprintf(v->texts[id], TEXT_BYTES, "%s%s", left, right);
    snprintf(v->merges[v->merge_count++], TEXT_BYTES, "%s %s", left, right);
    v->types[id] = 1;
}

/* The words first, then pairs of letters until the vocabulary is full, then unused tokens. */
static void fill_vocabulary(struct vocabulary *v, size_t count)
{
    static const char *const control[] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
    size_t id = 0;
    for (; id < ASSAY_TEST_FIRST_BYTE; id++) {
        snprintf(v->texts[id], TEXT_BYTES, "%s", control[id]);
        v->types[id] = 3;
    }
    for (unsigned b = 0; b < BYTES; b++, id++) {
        byte_text(b, v->texts[id]);
        v->types[id] = 1;
    }
    for (size_t i = 0; i < WORDS; i++) add_merge(v, id++, words[i][0], words[i][1]);
    for (unsigned i = 0; id < count && i < LETTERS * LETTERS; i++) {
        char left[2] = {(char)('a' + i / LETTERS), 0}, right[2] = {(char)('a' + i % LETTERS), 0};
        if (!is_word(left, right)) add_merge(v, id++, left, right);
    }
    for (; id < count; id++) {
        snprintf(v->texts[id], TEXT_BYTES, "<unused%zu>", id);
        v->types[id] = 5;
    }
    for (size_t i = 0; i < count; i++) v->text_list[i] = v->texts[i];
    for (size_t i = 0; i < v->merge_count; i++) v->merge_list[i] = v->merges[i];
}

static void add_sentence_piece(struct assay_gguf_image *image)
{
    static char texts[PIECE_TOKENS][TEXT_BYTES];
    static const char *list[PIECE_TOKENS];
    static int32_t types[PIECE_TOKENS];
    static uint8_t scores[12 + 4 * PIECE_TOKENS];
    assay_put_le32(scores, GGUF_F32);
    assay_put_le32(scores + 4, PIECE_TOKENS);
    for (uint32_t i = 0; i < PIECE_TOKENS; i++) {
        if (i < PIECES) snprintf(texts[i], TEXT_BYTES, "%s", pieces[i]);
        if (i >= PIECES) snprintf(texts[i], TEXT_BYTES, "<0x%02X>", i - PIECES);
        list[i] = texts[i];
        types[i] = i >= PIECES ? 6 : i < 3 ? 3 : i < 5 ? 4 : 1;
        assay_put_le32(scores + 12 + 4 * i, 0xc0000000u + (i << 10)); /* −2, lower and lower */
    }
    assay_gguf_image_text(image, "tokenizer.ggml.model", "llama");
    assay_gguf_image_texts(image, "tokenizer.ggml.tokens", list, PIECE_TOKENS);
    assay_gguf_image_i32s(image, "tokenizer.ggml.token_type", types, PIECE_TOKENS);
    assay_gguf_image_raw(image, "tokenizer.ggml.scores", GGUF_ARRAY, scores, sizeof scores);
    assay_gguf_image_bool(image, "tokenizer.ggml.add_space_prefix", false);
    assay_gguf_image_bool(image, "tokenizer.ggml.add_bos_token", false);
}

static void add_tokenizer(struct assay_gguf_image *image, const struct assay_test_gguf_options *o)
{
    struct vocabulary v = {0};
    if (o->vocab < SMALLEST || !vocabulary_take(&v, o->vocab)) {
        image->status = o->vocab < SMALLEST ? ASSAY_EVALUE : ASSAY_EMEMORY;
        vocabulary_fini(&v);
        return;
    }
    fill_vocabulary(&v, o->vocab);
    assay_gguf_image_text(image, "tokenizer.ggml.model", "gpt2");
    assay_gguf_image_text(image, "tokenizer.ggml.pre", o->pre);
    assay_gguf_image_texts(image, "tokenizer.ggml.tokens", v.text_list, o->vocab);
    assay_gguf_image_i32s(image, "tokenizer.ggml.token_type", v.types, o->vocab);
    assay_gguf_image_texts(image, "tokenizer.ggml.merges", v.merge_list, v.merge_count);
    assay_gguf_image_u32(image, "tokenizer.ggml.eos_token_id", ASSAY_TEST_IM_END);
    assay_gguf_image_bool(image, "tokenizer.ggml.add_bos_token", false);
    if (o->chat_template[0]) {
        assay_gguf_image_text(image, "tokenizer.chat_template", o->chat_template);
    }
    vocabulary_fini(&v);
}

void assay_test_gguf_keys(struct assay_gguf_image *image,
                          const struct assay_test_gguf_options *options)
{
    struct assay_test_gguf_options o = complete(options);
    const struct {
        const char *name;
        uint32_t value;
    } numbers[] = {{"block_count", o.layers},         {"context_length", o.context},
                   {"embedding_length", o.width},     {"feed_forward_length", o.ffn_width},
                   {"attention.head_count", o.heads}, {"attention.head_count_kv", o.kv_heads},
                   {"vocab_size", o.vocab},           {"rope.dimension_count", o.head_dim}};
    char key[KEY_BYTES];
    assay_gguf_image_text(image, "general.architecture", o.architecture);
    assay_gguf_image_text(image, "general.name", "tiny");
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        snprintf(key, sizeof key, "%s.%s", o.architecture, numbers[i].name);
        assay_gguf_image_u32(image, key, numbers[i].value);
    }
    snprintf(key, sizeof key, "%s.rope.freq_base", o.architecture);
    assay_gguf_image_f32(image, key, o.rope_base);
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", o.architecture);
    assay_gguf_image_f32(image, key, o.norm_eps);
    snprintf(key, sizeof key, "%s.attention.key_length", o.architecture);
    if (o.head_dim != o.width / o.heads) assay_gguf_image_u32(image, key, o.head_dim);
    snprintf(key, sizeof key, "%s.attention.sliding_window", o.architecture);
    if (o.window) assay_gguf_image_u32(image, key, o.window);
    if (o.sentence_piece) {
        add_sentence_piece(image);
    } else {
        add_tokenizer(image, &o);
    }
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Uniform in (−1, 1). */
static float uniform(uint64_t *state)
{
    return (float)((double)(next(state) >> 11) * 0x1p-52 - 1.0);
}

static void put_f16(uint8_t *to, float value)
{
    assay_put_le16(to, assay_to_f16(value));
}

/* Bits at random, and scales with which the values are in about ±scale. */
static void put_other_block(uint8_t *to, enum assay_dtype dtype, float scale, uint64_t *state)
{
    static const size_t bytes[] = {[ASSAY_DTYPE_Q5_0] = 22,
                                   [ASSAY_DTYPE_Q5_1] = 24,
                                   [ASSAY_DTYPE_Q4_K] = 144,
                                   [ASSAY_DTYPE_Q5_K] = 176,
                                   [ASSAY_DTYPE_Q6_K] = 210};
    float varied = scale * (1.0f + 0.25f * uniform(state));
    for (size_t i = 0; i < bytes[dtype]; i++) to[i] = (uint8_t)(next(state) >> 56);
    if (dtype == ASSAY_DTYPE_Q5_0) put_f16(to, varied / 16.0f);
    if (dtype == ASSAY_DTYPE_Q5_1) put_f16(to, varied / 16.0f);
    if (dtype == ASSAY_DTYPE_Q5_1) put_f16(to + 2, -varied);
    if (dtype == ASSAY_DTYPE_Q4_K) put_f16(to, varied / (63.0f * 8.0f));
    if (dtype == ASSAY_DTYPE_Q5_K) put_f16(to, varied / (63.0f * 16.0f));
    if (dtype == ASSAY_DTYPE_Q4_K || dtype == ASSAY_DTYPE_Q5_K) put_f16(to + 2, varied / 63.0f);
    if (dtype == ASSAY_DTYPE_Q6_K) put_f16(to + 208, varied / (128.0f * 32.0f));
}

/* One block of values in about ±scale. */
static void put_block(uint8_t *to, enum assay_dtype dtype, float scale, uint64_t *state)
{
    size_t head = 2;
    switch (dtype) {
    case ASSAY_DTYPE_F32:
        assay_put_le32(to, assay_bits(scale * uniform(state)));
        return;
    case ASSAY_DTYPE_F16:
        put_f16(to, scale * uniform(state));
        return;
    case ASSAY_DTYPE_Q8_0:
        put_f16(to, scale * (1.0f + 0.25f * uniform(state)) / 127.0f);
        for (size_t i = 0; i < 32; i++) to[2 + i] = (uint8_t)(int8_t)(127.0f * uniform(state));
        return;
    case ASSAY_DTYPE_BF16:
        assay_put_le16(to, (uint16_t)(assay_bits(scale * uniform(state)) >> 16));
        return;
    case ASSAY_DTYPE_Q5_0:
    case ASSAY_DTYPE_Q5_1:
    case ASSAY_DTYPE_Q4_K:
    case ASSAY_DTYPE_Q5_K:
    case ASSAY_DTYPE_Q6_K:
        put_other_block(to, dtype, scale, state);
        return;
    case ASSAY_DTYPE_Q4_1:
        put_f16(to + 2, -scale * (1.0f + 0.25f * uniform(state)));
        head = 4;
        break;
    case ASSAY_DTYPE_Q4_0:
    case ASSAY_DTYPE_COUNT:
        break;
    }
    put_f16(to, scale * (1.0f + 0.25f * uniform(state)) / 7.5f);
    for (size_t i = 0; i < 16; i++) to[head + i] = (uint8_t)(next(state) >> 56);
}

/* GGUF's ids and block sizes, written down here on their own: they check the model room's table. */
static const struct {
    uint32_t id;
    size_t elements, bytes;
} block_of[ASSAY_DTYPE_COUNT] = {
    [ASSAY_DTYPE_F32] = {0, 1, 4},       [ASSAY_DTYPE_F16] = {1, 1, 2},
    [ASSAY_DTYPE_Q4_0] = {2, 32, 18},    [ASSAY_DTYPE_Q4_1] = {3, 32, 20},
    [ASSAY_DTYPE_Q8_0] = {8, 32, 34},    [ASSAY_DTYPE_BF16] = {30, 1, 2},
    [ASSAY_DTYPE_Q5_0] = {6, 32, 22},    [ASSAY_DTYPE_Q5_1] = {7, 32, 24},
    [ASSAY_DTYPE_Q4_K] = {12, 256, 144}, [ASSAY_DTYPE_Q5_K] = {13, 256, 176},
    [ASSAY_DTYPE_Q6_K] = {14, 256, 210},
};

static void add_matrix(struct assay_gguf_image *image, const char *name, enum assay_dtype dtype,
                       uint64_t columns, uint64_t rows, float scale, uint64_t *state)
{
    const uint64_t dims[] = {columns, rows};
    size_t blocks = (size_t)(columns * rows) / block_of[dtype].elements;
    size_t size = blocks * block_of[dtype].bytes;
    uint8_t *data = malloc(size);
    if (!data) {
        image->status = ASSAY_EMEMORY;
        return;
    }
    for (size_t i = 0; i < blocks; i++) {
        put_block(data + i * block_of[dtype].bytes, dtype, scale, state);
    }
    assay_gguf_image_tensor(image, name, block_of[dtype].id, dims, 2, data, size);
    free(data);
}

/* base ± spread. */
static void add_vector(struct assay_gguf_image *image, const char *name, uint64_t count, float base,
                       float spread, uint64_t *state)
{
    uint8_t *data = malloc(count * 4);
    if (!data) {
        image->status = ASSAY_EMEMORY;
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        assay_put_le32(data + 4 * i, assay_bits(base + spread * uniform(state)));
    }
    assay_gguf_image_tensor(image, name, 0, &count, 1, data, count * 4);
    free(data);
}

static void add_layer(struct assay_gguf_image *image, const struct assay_test_gguf_options *o,
                      uint32_t layer, uint64_t *state)
{
    const uint32_t width = o->width, kv = o->head_dim * o->kv_heads, all = o->head_dim * o->heads;
    const bool gemma3 = !strcmp(o->architecture, "gemma3"),
               qwen2 = !strcmp(o->architecture, "qwen2");
    const bool norms = gemma3 || !strcmp(o->architecture, "qwen3");
    const struct {
        const char *name;
        uint32_t columns, rows; /* rows 0: a vector */
        float base, spread;     /* of a vector */
        bool there;
    } parts[] = {
        {"attn_norm.weight", width, 0, 1.0f, 0.1f, true},
        {"attn_q.weight", width, all, 0, 0, true},
        {"attn_k.weight", width, kv, 0, 0, true},
        {"attn_v.weight", width, kv, 0, 0, true},
        {"attn_q.bias", all, 0, 0.0f, 1.0f, qwen2},
        {"attn_k.bias", kv, 0, 0.0f, 1.0f, qwen2},
        {"attn_v.bias", kv, 0, 0.0f, 1.0f, qwen2},
        {"attn_q_norm.weight", o->head_dim, 0, 1.5f, 0.5f, norms},
        {"attn_k_norm.weight", o->head_dim, 0, 1.5f, 0.5f, norms},
        {"attn_output.weight", all, width, 0, 0, true},
        {"post_attention_norm.weight", width, 0, 1.0f, 0.5f, gemma3},
        {"ffn_norm.weight", width, 0, 1.0f, 0.1f, true},
        {"ffn_gate.weight", width, o->ffn_width, 0, 0, true},
        {"ffn_up.weight", width, o->ffn_width, 0, 0, true},
        {"ffn_down.weight", o->ffn_width, width, 0, 0, true},
        {"post_ffw_norm.weight", width, 0, 1.0f, 0.5f, gemma3},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char name[64];
        if (!parts[i].there) continue;
        snprintf(name, sizeof name, "blk.%u.%s", layer, parts[i].name);
        if (parts[i].rows == 0) {
            add_vector(image, name, parts[i].columns, parts[i].base, parts[i].spread, state);
        } else {
            float scale = sqrtf(3.0f / (float)parts[i].columns);
            add_matrix(image, name, o->dtype, parts[i].columns, parts[i].rows, scale, state);
        }
    }
}

void assay_test_gguf_tensors(struct assay_gguf_image *image,
                             const struct assay_test_gguf_options *options)
{
    struct assay_test_gguf_options o = complete(options);
    uint64_t state = o.seed;
    if (o.output) add_matrix(image, "output.weight", o.dtype, o.width, o.vocab, 0.3f, &state);
    add_matrix(image, "token_embd.weight", o.embedding_dtype, o.width, o.vocab,
               o.output ? 1.0f : 0.3f, &state);
    for (uint32_t i = 0; i < o.layers; i++) add_layer(image, &o, i, &state);
    add_vector(image, "output_norm.weight", o.width, 1.0f, 0.1f, &state);
    if (o.rope_factors) {
        add_vector(image, "rope_freqs.weight", o.head_dim / 2, 4.0f, 3.0f, &state);
    }
}

enum assay_status assay_test_gguf(struct assay_bytes *out,
                                  const struct assay_test_gguf_options *options,
                                  struct assay_error *err)
{
    struct assay_gguf_image image = {0};
    assay_test_gguf_keys(&image, options);
    assay_test_gguf_tensors(&image, options);
    enum assay_status status = assay_gguf_image_finish(&image, out, err);
    assay_gguf_image_fini(&image);
    return status;
}

enum assay_status assay_test_gguf_file(char *path, const struct assay_test_gguf_options *options,
                                       struct assay_error *err)
{
    struct assay_bytes bytes = {0};
    int fd = -1;
    enum assay_status status = assay_test_gguf(&bytes, options, err);
    if (status) goto done;
    fd = mkstemp(path);
    if (fd < 0) {
        status = assay_fail(err, ASSAY_EIO, "%s: mkstemp failed", path);
        goto done;
    }
    status = assay_file_write_all(fd, bytes.data, bytes.size, path, err);
done:
    if (fd >= 0) close(fd);
    assay_bytes_fini(&bytes);
    return status;
}
