/* Tokenizer: golden ids, special tokens, bytes that are no UTF-8, vocabularies that are refused. */
#include "patch.h"

#include "base/arena.h"
#include "model/model_parse.h"
#include "model/tokenizer.h"

#include <pthread.h>
#include <stdlib.h>

enum { IDS_MAX = 16, END = ASSAY_TEST_ENDOFTEXT };

static void encode(const struct assay_tokenizer *tokenizer, const char *text, size_t size,
                   bool special, struct assay_bytes *tokens)
{
    struct assay_error err;
    assay_bytes_clear(tokens);
    check_ok(assay_tokenizer_encode(tokenizer, text, size, special, tokens, &err), &err);
}

static uint32_t token_at(const struct assay_bytes *tokens, size_t index)
{
    uint32_t token;
    memcpy(&token, tokens->data + index * sizeof token, sizeof token);
    return token;
}

static void check_ids(const struct assay_bytes *tokens, const uint32_t *expected, uint32_t end,
                      const char *what)
{
    size_t count = 0;
    while (expected[count] != end) count++;
    if (tokens->size / sizeof(uint32_t) != count) {
        fail_msg("%s: %zu tokens, not %zu", what, tokens->size / sizeof(uint32_t), count);
    }
    for (size_t i = 0; i < count; i++) {
        if (token_at(tokens, i) != expected[i]) {
            fail_msg("%s: token %zu is %u, not %u", what, i, token_at(tokens, i), expected[i]);
        }
    }
}

static const char *const pres[] = {"smollm", "gpt-2", "qwen2", "default"};

/* Ids from `tokenizers` 0.23.3 (smollm, gpt-2, qwen2) and llama.cpp (default) on the test model. */
static const struct {
    const char *text;
    uint32_t ids[4][IDS_MAX]; /* for each of `pres`, ended by END */
} golden[] = {
    {"", {{0}, {0}, {0}, {0}}},
    {"the hello", {{264, 35, 262, 0}, {264, 35, 262, 0}, {264, 35, 262, 0}, {264, 35, 262, 0}}},
    {"thehello the",
     {{264, 262, 265, 0}, {264, 262, 265, 0}, {264, 262, 265, 0}, {264, 262, 265, 0}}},
    {"hello   the",
     {{262, 269, 265, 0}, {262, 269, 265, 0}, {262, 269, 265, 0}, {262, 269, 265, 0}}},
    {"   ", {{269, 35, 0}, {269, 35, 0}, {269, 35, 0}, {269, 35, 0}}},
    {"the\n\nthe",
     {{264, 13, 13, 264, 0}, {264, 13, 13, 264, 0}, {264, 275, 264, 0}, {264, 13, 13, 264, 0}}},
    {"1212 12",
     {{52, 53, 52, 53, 35, 52, 53, 0},
      {270, 270, 35, 270, 0},
      {52, 53, 52, 53, 35, 52, 53, 0},
      {270, 52, 53, 35, 270, 0}}},
    {"\xc3\xa9 \xc3\x89",
     {{271, 35, 198, 140, 0},
      {271, 35, 198, 140, 0},
      {271, 35, 198, 140, 0},
      {271, 35, 198, 140, 0}}},
    {"it's in'S",
     {{108, 119, 272, 35, 266, 42, 86, 0},
      {108, 119, 272, 35, 266, 42, 86, 0},
      {108, 119, 272, 35, 266, 42, 86, 0},
      {108, 119, 42, 118, 35, 266, 42, 86, 0}}},
    {"in\r\n the",
     {{266, 16, 13, 265, 0}, {266, 16, 13, 265, 0}, {266, 16, 13, 265, 0}, {266, 16, 13, 265, 0}}},
    {" \n\n  a",
     {{35, 275, 35, 268, 0}, {35, 275, 35, 268, 0}, {35, 275, 35, 268, 0}, {35, 275, 35, 268, 0}}},
    {"!!\n\nin",
     {{36, 36, 13, 13, 266, 0},
      {36, 36, 13, 13, 266, 0},
      {36, 274, 13, 266, 0},
      {36, 36, 13, 13, 266, 0}}},
    {"in's", {{266, 272, 0}, {266, 272, 0}, {266, 272, 0}, {266, 42, 118, 0}}},
    {"a\xc2\xa0the",
     {{100, 197, 163, 264, 0},
      {100, 197, 163, 264, 0},
      {100, 197, 163, 264, 0},
      {100, 197, 163, 264, 0}}},
    {"\xe1\xa0\x8e\xe1\xa0\x8e in",
     {{228, 163, 145, 228, 163, 145, 35, 266, 0},
      {228, 163, 145, 228, 163, 145, 35, 266, 0},
      {228, 163, 145, 228, 163, 145, 35, 266, 0},
      {228, 163, 145, 228, 163, 145, 35, 266, 0}}},
    {"\xc2\x85 a",
     {{197, 136, 268, 0}, {197, 136, 268, 0}, {197, 136, 268, 0}, {197, 136, 268, 0}}},
    {"$12!\xe3\x80\x82the",
     {{39, 52, 53, 36, 230, 131, 133, 264, 0},
      {39, 270, 36, 230, 131, 133, 264, 0},
      {39, 52, 53, 36, 230, 131, 133, 264, 0},
      {39, 270, 36, 230, 131, 133, 264, 0}}},
    {"ell ing  ",
     {{260, 35, 267, 269, 0},
      {260, 35, 267, 269, 0},
      {260, 35, 267, 269, 0},
      {260, 35, 267, 269, 0}}},
};

static struct assay_model *open_test_model(struct assay_bytes *bytes, const char *pre)
{
    const struct assay_test_gguf_options options = {.layers = 1, .pre = pre};
    struct assay_model *model = NULL;
    struct assay_error err;
    *bytes = patch_image(&options);
    check_ok(assay_model_parse(&model, bytes->data, bytes->size, &err), &err);
    return model;
}

static void test_golden(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(pres); p++) {
        struct assay_bytes bytes, tokens = {0};
        struct assay_model *model = open_test_model(&bytes, pres[p]);
        for (size_t i = 0; i < COUNT_OF(golden); i++) {
            encode(assay_model_tokenizer(model), golden[i].text, strlen(golden[i].text), false,
                   &tokens);
            check_ids(&tokens, golden[i].ids[p], END, golden[i].text);
        }
        assay_bytes_fini(&tokens);
        assay_model_close(model);
        assay_bytes_fini(&bytes);
    }
}

/* Bytes that are no UTF-8 are words of their own, and the text goes on behind them. */
static void test_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        uint32_t ids[IDS_MAX];
    } rows[] = {
        {"the\xffthe", 7, {264, 258, 264, END}},
        {"\xc3", 1, {198, END}},
        {"\xc3\xc3\xa9", 3, {198, 271, END}},
        {"\xed\xa0\x80", 3, {240, 163, 131, END}},             /* a surrogate */
        {"\xf0\x9f\x98 in", 6, {243, 162, 155, 35, 266, END}}, /* cut short */
        {"\xc0\xaf", 2, {195, 178, END}},                      /* overlong */
        {"in\0in", 5, {266, 3, 266, END}},
        {"\xe2\x82", 2, {229, 133, END}},
        {"  \xff  ", 5, {269, 258, 269, END}},
    };
    struct assay_bytes bytes, tokens = {0};
    struct assay_model *model = open_test_model(&bytes, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        encode(assay_model_tokenizer(model), rows[i].text, rows[i].size, false, &tokens);
        check_ids(&tokens, rows[i].ids, END, rows[i].text);
    }
    assay_bytes_fini(&tokens);
    assay_model_close(model);
    assay_bytes_fini(&bytes);
}

/* Appended tokens' pieces are the text, whatever it is. */
static void check_pieces(const struct assay_tokenizer *tokenizer, const char *text, size_t size)
{
    struct assay_bytes tokens = {0}, back = {0};
    struct assay_error err;
    encode(tokenizer, text, size, true, &tokens);
    for (size_t i = 0; i < tokens.size / sizeof(uint32_t); i++) {
        const char *piece;
        size_t piece_size;
        assay_tokenizer_piece(tokenizer, token_at(&tokens, i), true, &piece, &piece_size);
        check_ok(assay_bytes_append(&back, piece, piece_size, &err), &err);
    }
    assert_int_equal(back.size, size);
    if (size) assert_memory_equal(back.data, text, size);
    assay_bytes_fini(&back);
    assay_bytes_fini(&tokens);
}

/* Long texts cross the chunks that the splitter searches in. */
static void test_round_trip(void **state)
{
    (void)state;
    static const char *const parts[] = {"the ",         "hello", " ",          "\n", "12",   "\xff",
                                        "\xc3\xa9",     "'s",    "<|im_end|>", "\t", "ing ", "!\n",
                                        "\xe4\xbd\xa0", "x"};
    for (size_t p = 0; p < COUNT_OF(pres); p++) {
        struct assay_bytes bytes, text = {0};
        struct assay_error err;
        struct assay_model *model = open_test_model(&bytes, pres[p]);
        uint64_t random = 7;
        for (size_t i = 0; i < 3000; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            const char *part = parts[(random >> 40) % COUNT_OF(parts)];
            check_ok(assay_bytes_append(&text, part, strlen(part), &err), &err);
            if (i % 500 == 0) {
                check_pieces(assay_model_tokenizer(model), (const char *)text.data, text.size);
            }
        }
        assay_bytes_fini(&text);
        assay_model_close(model);
        assay_bytes_fini(&bytes);
    }
}

/* A chunk ends where a word does, so a text of many chunks has the words of its parts. */
static void test_chunks(void **state)
{
    (void)state;
    static const char part[] = "hello the ingell 12 it's!";
    struct assay_bytes bytes, text = {0}, tokens = {0}, alone = {0};
    struct assay_error err;
    struct assay_model *model = open_test_model(&bytes, "gpt-2");
    const struct assay_tokenizer *tokenizer = assay_model_tokenizer(model);
    encode(tokenizer, " hello the ingell 12 it's!", sizeof part, false, &alone);
    for (size_t i = 0; i < 200; i++) {
        check_ok(assay_bytes_format(&text, &err, " %s", part), &err);
    }
    encode(tokenizer, (const char *)text.data, text.size, false, &tokens);
    assert_int_equal(tokens.size, 200 * alone.size);
    for (size_t i = 0; i < 200; i++) {
        assert_memory_equal(tokens.data + i * alone.size, alone.data, alone.size);
    }
    assay_bytes_fini(&alone);
    assay_bytes_fini(&tokens);
    assay_bytes_fini(&text);
    assay_model_close(model);
    assay_bytes_fini(&bytes);
}

/* A word of a million bytes takes no longer than its share. */
static void test_long_word(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    struct assay_bytes bytes, tokens = {0};
    struct assay_model *model = open_test_model(&bytes, NULL);
    char *text = malloc(SIZE);
    assert_non_null(text);
    for (size_t i = 0; i < SIZE; i++) text[i] = "hello"[i % 5];
    encode(assay_model_tokenizer(model), text, SIZE, false, &tokens);
    assert_int_equal(tokens.size / sizeof(uint32_t), SIZE / 5 + 1);
    memset(text, ' ', SIZE);
    encode(assay_model_tokenizer(model), text, SIZE, false, &tokens);
    assert_int_equal(tokens.size / sizeof(uint32_t), SIZE / 2);
    free(text);
    assay_bytes_fini(&tokens);
    assay_model_close(model);
    assay_bytes_fini(&bytes);
}

static void test_pieces(void **state)
{
    (void)state;
    static const struct {
        uint32_t token;
        bool special;
        const char *text;
    } rows[] = {
        {ASSAY_TEST_IM_START, true, "<|im_start|>"},
        {ASSAY_TEST_IM_START, false, ""},
        {262, false, "hello"},
        {265, true, " the"},
        {271, false, "\xc3\xa9"},
        {275, false, "\n\n"},
        {13, false, "\n"},
        {258, false, "\xff"},
    };
    struct assay_bytes bytes;
    struct assay_model *model = open_test_model(&bytes, NULL);
    const struct assay_tokenizer *tokenizer = assay_model_tokenizer(model);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *piece;
        size_t size;
        assay_tokenizer_piece(tokenizer, rows[i].token, rows[i].special, &piece, &size);
        assert_int_equal(size, strlen(rows[i].text));
        assert_memory_equal(piece, rows[i].text, size);
    }
    assert_int_equal(assay_tokenizer_vocab(tokenizer), 276);
    assert_true(assay_tokenizer_is_end(tokenizer, ASSAY_TEST_ENDOFTEXT));
    assert_true(assay_tokenizer_is_end(tokenizer, ASSAY_TEST_IM_END));
    assert_false(assay_tokenizer_is_end(tokenizer, ASSAY_TEST_IM_START));
    assert_false(assay_tokenizer_is_end(tokenizer, UINT32_MAX));
    assay_model_close(model);
    assay_bytes_fini(&bytes);
}

/* What was in the buffer stays, and the ids go behind it. */
static void test_appends(void **state)
{
    (void)state;
    struct assay_bytes bytes, tokens = {0};
    struct assay_error err;
    struct assay_model *model = open_test_model(&bytes, NULL);
    const struct assay_tokenizer *tokenizer = assay_model_tokenizer(model);
    check_ok(assay_tokenizer_encode(tokenizer, "the", 3, false, &tokens, &err), &err);
    check_ok(assay_tokenizer_encode(tokenizer, "<|im_end|>", 10, true, &tokens, &err), &err);
    check_ids(&tokens, (const uint32_t[]){264, ASSAY_TEST_IM_END, END}, END, "appended");
    check_refused(assay_tokenizer_encode(tokenizer, "the", (size_t)ASSAY_ENCODE_BYTES_MAX + 1,
                                         false, &tokens, &err),
                  ASSAY_EVALUE, &err, "a text of 1073741825 bytes");
    assert_int_equal(tokens.size, 8);
    assay_bytes_fini(&tokens);
    assay_model_close(model);
    assay_bytes_fini(&bytes);
}

/* --- small vocabularies of a test's own --- */

struct small {
    const char *tokens[20]; /* ended by NULL */
    int32_t types[20];      /* 0 means normal */
    const char *merges[8];
};

struct own {
    struct assay_bytes bytes;
    struct assay_gguf *gguf;
    struct assay_arena arena;
    struct assay_tokenizer *tokenizer;
};

static enum assay_status own_create(struct own *own, const struct small *small,
                                    struct assay_error *err)
{
    struct assay_gguf_image image = {0};
    int32_t types[20];
    size_t tokens = 0, merges = 0;
    for (; tokens < COUNT_OF(small->tokens) && small->tokens[tokens]; tokens++) {
        types[tokens] = small->types[tokens] ? small->types[tokens] : 1;
    }
    while (merges < COUNT_OF(small->merges) && small->merges[merges]) merges++;
    *own = (struct own){0};
    assay_gguf_image_text(&image, "tokenizer.ggml.model", "gpt2");
    assay_gguf_image_text(&image, "tokenizer.ggml.pre", "gpt-2");
    assay_gguf_image_texts(&image, "tokenizer.ggml.tokens", small->tokens, tokens);
    assay_gguf_image_i32s(&image, "tokenizer.ggml.token_type", types, tokens);
    assay_gguf_image_texts(&image, "tokenizer.ggml.merges", small->merges, merges);
    assay_gguf_image_u32(&image, "tokenizer.ggml.eot_token_id", 1);
    check_ok(assay_gguf_image_finish(&image, &own->bytes, err), err);
    assay_gguf_image_fini(&image);
    check_ok(assay_gguf_parse(&own->gguf, own->bytes.data, own->bytes.size, err), err);
    return assay_tokenizer_create(&own->tokenizer, own->gguf, &own->arena, err);
}

static void own_destroy(struct own *own)
{
    assay_tokenizer_destroy(own->tokenizer);
    assay_arena_fini(&own->arena);
    assay_gguf_destroy(own->gguf);
    assay_bytes_fini(&own->bytes);
}

static void test_specials(void **state)
{
    (void)state;
    enum { NONE = 99 };
    static const struct small small = {
        .tokens = {"a", "b", "<", ">", "s", "ab", "<s>", "<s>a", "<u>", "<k>", "<n>", "u", "\xff"},
        .types = {[6] = 3, [7] = 3, [8] = 4, [9] = 2, [10] = 5, [12] = 3},
        .merges = {"a b"},
    };
    static const struct {
        const char *text;
        uint32_t with[IDS_MAX], without[IDS_MAX];
    } rows[] = {
        {"ab", {5, NONE}, {5, NONE}},
        {"a<s>b", {0, 6, 1, NONE}, {0, 2, 4, 3, 1, NONE}},
        {"<s>ab", {7, 1, NONE}, {2, 4, 3, 5, NONE}}, /* the longest */
        {"<s><s>", {6, 6, NONE}, {2, 4, 3, 2, 4, 3, NONE}},
        {"a<u>b", {0, 8, 1, NONE}, {0, 8, 1, NONE}}, /* user-defined: always */
        {"<k>", {9, NONE}, {2, 3, NONE}},            /* no token for k */
        {"<n>", {2, 3, NONE}, {2, 3, NONE}},         /* unused: never */
        {"<s", {2, 4, NONE}, {2, 4, NONE}},
        {"a\xff"
         "b",
         {0, 12, 1, NONE},
         {0, 1, NONE}},
        {"a?b", {0, 1, NONE}, {0, 1, NONE}}, /* left out, and a word of its own */
    };
    struct own own;
    struct assay_bytes tokens = {0};
    struct assay_error err;
    check_ok(own_create(&own, &small, &err), &err);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        encode(own.tokenizer, rows[i].text, strlen(rows[i].text), true, &tokens);
        check_ids(&tokens, rows[i].with, NONE, rows[i].text);
        encode(own.tokenizer, rows[i].text, strlen(rows[i].text), false, &tokens);
        check_ids(&tokens, rows[i].without, NONE, rows[i].text);
    }
    assert_true(assay_tokenizer_is_end(own.tokenizer, 1));
    assert_false(assay_tokenizer_is_end(own.tokenizer, 0));
    assay_bytes_fini(&tokens);
    own_destroy(&own);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        struct small small;
        enum assay_status status;
        const char *message;
    } rows[] = {
        {{.tokens = {NULL}}, ASSAY_EFORMAT, "0 tokens; 1 to 1048576"},
        {{.tokens = {"a", ""}}, ASSAY_EFORMAT, "token 1 is empty"},
        {{.tokens = {"a", "b", "a"}}, ASSAY_EFORMAT, "token 2 repeats token 0, \"a\""},
        {{.tokens = {"a", "b"}, .types = {0, 6}}, ASSAY_EUNSUPPORTED, "token 1 has the type 6"},
        {{.tokens = {"a", "b"}, .types = {0, -1}}, ASSAY_EUNSUPPORTED, "token 1 has the type -1"},
        {{.tokens = {"a"}}, ASSAY_EFORMAT, "eot_token_id is 1; there are 1 tokens"},
        {{.tokens = {"a", "b", "ab"}, .merges = {"ab"}},
         ASSAY_EFORMAT,
         "merge 0, \"ab\", has no space"},
        {{.tokens = {"a", "b", "ab"}, .merges = {"a b", "a b"}},
         ASSAY_EFORMAT,
         "merge 1, \"a b\", is there twice"},
        {{.tokens = {"a", "b"}, .merges = {"a b"}},
         ASSAY_EFORMAT,
         "merge 0, \"a b\", has a part or a whole that is not in the vocabulary"},
        {{.tokens = {"a", "ab"}, .merges = {"a b"}}, ASSAY_EFORMAT, "not in the vocabulary"},
        {{.tokens = {"a", "b"}, .merges = {" a"}}, ASSAY_EFORMAT, "not in the vocabulary"},
        {{.tokens = {"a", "b", "ab"}, .merges = {"a b c"}},
         ASSAY_EFORMAT,
         "merge 0, \"a b c\", is not in byte-level form"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct own own;
        struct assay_error err;
        check_refused(own_create(&own, &rows[i].small, &err), rows[i].status, &err,
                      rows[i].message);
        assert_null(own.tokenizer);
        own_destroy(&own);
    }
}

static void test_decode(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int byte; /* −1: refused */
    } rows[] = {
        {"!", '!'},         {"~", '~'},         {"\xc2\xa1", 0xa1}, {"\xc3\xbf", 0xff},
        {"\xc4\x80", 0},    {"\xc4\x8a", '\n'}, {"\xc4\xa0", ' '},  {"\xc4\xa1", 0x7f},
        {"\xc5\x82", 0xa0}, {"\xc5\x83", 0xad}, {"\xc5\x84", -1},   {" ", -1},
        {"\x7f", -1},       {"\xc2\xad", -1},   {"\xc2\xa0", -1},   {"\xe4\xbd\xa0", -1},
        {"\xc4", -1},       {"\xc4\x41", -1},   {"\xa0", -1},       {"\n", -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char out[4] = {0};
        size_t size = 0;
        bool ok = assay_vocab_decode(rows[i].text, strlen(rows[i].text), out, &size);
        assert_int_equal(ok, rows[i].byte >= 0);
        if (ok) {
            assert_int_equal(size, 1);
            assert_int_equal((uint8_t)out[0], rows[i].byte);
        }
    }
}

/* --- a tokenizer shared by threads --- */

static void *encode_often(void *context)
{
    const struct assay_tokenizer *tokenizer = context;
    struct assay_bytes tokens = {0};
    uintptr_t bad = 0;
    for (unsigned i = 0; i < 100; i++) {
        assay_bytes_clear(&tokens);
        if (assay_tokenizer_encode(tokenizer, "the hello 12", 12, true, &tokens, NULL) ||
            tokens.size != 6 * sizeof(uint32_t) || token_at(&tokens, 2) != 262) {
            bad++;
        }
    }
    assay_bytes_fini(&tokens);
    return (void *)bad;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct assay_bytes bytes;
    struct assay_model *model = open_test_model(&bytes, NULL);
    void *tokenizer = (void *)(uintptr_t)assay_model_tokenizer(model);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, encode_often, tokenizer), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *bad = NULL;
        assert_int_equal(pthread_join(threads[i], &bad), 0);
        assert_null(bad);
    }
    assay_model_close(model);
    assay_bytes_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),     cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_long_word),  cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_appends),    cmocka_unit_test(test_specials),
        cmocka_unit_test(test_refusals),   cmocka_unit_test(test_decode),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
