/* SentencePiece: a small vocabulary and texts, from the library itself (golden/spm_model.py). */
#include "patch.h"

#include "base/arena.h"
#include "model/gguf.h"
#include "model/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>

enum { TOKENS_MAX = 1024, TEXT_BYTES = 64, LINE_BYTES = 1 << 16, IDS_MAX = 4096 };

/* The vocabulary of spm.txt, as a file holds it. */
struct vocabulary {
    size_t count;
    char texts[TOKENS_MAX][TEXT_BYTES];
    const char *list[TOKENS_MAX];
    int32_t types[TOKENS_MAX];
    uint8_t scores[12 + 4 * TOKENS_MAX]; /* as an array in a GGUF file */
};

static struct vocabulary vocabulary;
static char line[LINE_BYTES];

static FILE *open_golden(void)
{
    FILE *file = fopen(ASSAY_TESTS "/golden/spm.txt", "r");
    assert_non_null(file);
    return file;
}

/* "-" is empty. Returns the bytes in `to`, which is ended by 0. */
static size_t unhex(const char *hex, char *to)
{
    size_t size = 0;
    for (; hex[0] != '-' && hex[2 * size] > ' '; size++) {
        unsigned byte = 0;
        assert_int_equal(sscanf(hex + 2 * size, "%2x", &byte), 1);
        to[size] = (char)byte;
    }
    to[size] = 0;
    return size;
}

static void read_vocabulary(void)
{
    FILE *file = open_golden();
    struct vocabulary *v = &vocabulary;
    v->count = 0;
    while (fgets(line, sizeof line, file)) {
        unsigned type, bits;
        int at = 0;
        if (sscanf(line, "V %u %x %n", &type, &bits, &at) < 2) continue;
        assert_true(v->count < TOKENS_MAX && strlen(line + at) / 2 < TEXT_BYTES);
        unhex(line + at, v->texts[v->count]);
        v->list[v->count] = v->texts[v->count];
        v->types[v->count] = (int32_t)type;
        assay_put_le32(v->scores + 12 + 4 * v->count++, bits);
    }
    fclose(file);
    assay_put_le32(v->scores, GGUF_F32);
    assay_put_le32(v->scores + 4, (uint32_t)v->count);
    assay_put_le32(v->scores + 8, 0);
    assert_int_equal(v->count, 700);
}

enum { NO_PREFIX, PREFIX, PREFIX_UNSAID };

struct fixture {
    struct assay_bytes bytes;
    struct assay_gguf *gguf;
    struct assay_arena arena;
    struct assay_tokenizer *tokenizer;
};

static enum assay_status open_tokenizer(struct fixture *f, int prefix, bool begin,
                                        struct assay_error *err)
{
    struct assay_gguf_image image = {0};
    *f = (struct fixture){.gguf = NULL};
    assay_gguf_image_text(&image, "tokenizer.ggml.model", "llama");
    assay_gguf_image_texts(&image, "tokenizer.ggml.tokens", vocabulary.list, vocabulary.count);
    assay_gguf_image_i32s(&image, "tokenizer.ggml.token_type", vocabulary.types, vocabulary.count);
    assay_gguf_image_raw(&image, "tokenizer.ggml.scores", GGUF_ARRAY, vocabulary.scores,
                         12 + 4 * vocabulary.count);
    assay_gguf_image_u32(&image, "tokenizer.ggml.eos_token_id", 2);
    if (prefix != PREFIX_UNSAID) {
        assay_gguf_image_bool(&image, "tokenizer.ggml.add_space_prefix", prefix == PREFIX);
    }
    if (begin) assay_gguf_image_u32(&image, "tokenizer.ggml.bos_token_id", 1);
    if (!begin) assay_gguf_image_bool(&image, "tokenizer.ggml.add_bos_token", false);
    check_ok(assay_gguf_image_finish(&image, &f->bytes, err), err);
    assay_gguf_image_fini(&image);
    check_ok(assay_gguf_parse(&f->gguf, f->bytes.data, f->bytes.size, err), err);
    return assay_tokenizer_create(&f->tokenizer, f->gguf, &f->arena, err);
}

static void close_tokenizer(struct fixture *f)
{
    assay_tokenizer_destroy(f->tokenizer);
    assay_arena_fini(&f->arena);
    assay_gguf_destroy(f->gguf);
    assay_bytes_fini(&f->bytes);
}

static void check_line(struct fixture *f, const char *hex, struct assay_bytes *tokens)
{
    static char text[LINE_BYTES];
    struct assay_error err;
    size_t size = unhex(hex, text), count = 0;
    const char *at = hex + strcspn(hex, " \n");
    assay_bytes_clear(tokens);
    check_ok(assay_tokenizer_encode(f->tokenizer, text, size, false, tokens, &err), &err);
    for (char *end; *at == ' '; at = end, count++) {
        uint32_t token, expected = (uint32_t)strtoul(at, &end, 10);
        if (count >= tokens->size / sizeof token) fail_msg("\"%s\" ends after %zu", text, count);
        memcpy(&token, tokens->data + count * sizeof token, sizeof token);
        if (token != expected) {
            fail_msg("\"%s\", token %zu: %u for %u", text, count, token, expected);
        }
    }
    assert_int_equal(tokens->size / sizeof(uint32_t), count);
}

static void test_golden(void **state)
{
    (void)state;
    struct fixture plain, prefixed, unsaid;
    struct assay_bytes tokens = {0};
    struct assay_error err;
    check_ok(open_tokenizer(&plain, NO_PREFIX, false, &err), &err);
    check_ok(open_tokenizer(&prefixed, PREFIX, false, &err), &err);
    check_ok(open_tokenizer(&unsaid, PREFIX_UNSAID, false, &err), &err);
    FILE *file = open_golden();
    size_t lines = 0;
    for (; fgets(line, sizeof line, file); lines += line[0] == 'T') {
        if (line[0] != 'T') continue;
        check_line(line[2] == '1' ? &prefixed : &plain, line + 4, &tokens);
        if (line[2] == '1') check_line(&unsaid, line + 4, &tokens);
    }
    assert_true(lines > 450);
    fclose(file);
    assay_bytes_fini(&tokens);
    close_tokenizer(&plain);
    close_tokenizer(&prefixed);
    close_tokenizer(&unsaid);
}

/* What is encoded is given back by the pieces, whatever bytes it is made of. */
static void test_there_and_back(void **state)
{
    (void)state;
    struct fixture f;
    struct assay_bytes tokens = {0}, text = {0};
    struct assay_error err;
    char all[512];
    for (size_t i = 0; i < sizeof all; i++) all[i] = (char)(i * 7 + i / 256);
    check_ok(open_tokenizer(&f, NO_PREFIX, false, &err), &err);
    for (size_t size = 0; size <= sizeof all; size++) {
        assay_bytes_clear(&tokens);
        assay_bytes_clear(&text);
        check_ok(assay_tokenizer_encode(f.tokenizer, all, size, false, &tokens, &err), &err);
        for (size_t i = 0; i < tokens.size; i += sizeof(uint32_t)) {
            const char *piece;
            size_t piece_size;
            uint32_t token;
            memcpy(&token, tokens.data + i, sizeof token);
            assay_tokenizer_piece(f.tokenizer, token, false, &piece, &piece_size);
            check_ok(assay_bytes_append(&text, piece, piece_size, &err), &err);
        }
        assert_int_equal(text.size, size);
        if (size > 0) assert_memory_equal(text.data, all, size);
    }
    assay_bytes_fini(&text);
    assay_bytes_fini(&tokens);
    close_tokenizer(&f);
}

/* A raw prompt stands behind the begin token, a chat's says itself whether it does. */
static void test_begin(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool chat;
        uint32_t first;
        size_t count;
    } rows[] = {{"", false, 1, 1}, {"<s>", true, 1, 1}, {"<s></s>", true, 1, 2}};
    struct assay_bytes tokens = {0};
    struct assay_error err;
    struct fixture f;
    check_ok(open_tokenizer(&f, NO_PREFIX, true, &err), &err);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint32_t token;
        assay_bytes_clear(&tokens);
        check_ok(assay_tokenizer_encode_prompt(f.tokenizer, rows[i].text, strlen(rows[i].text),
                                               rows[i].chat, &tokens, &err),
                 &err);
        memcpy(&token, tokens.data, sizeof token);
        assert_int_equal(token, rows[i].first);
        assert_int_equal(tokens.size / sizeof token, rows[i].count);
    }
    assert_true(assay_tokenizer_is_end(f.tokenizer, 2));
    assert_false(assay_tokenizer_is_end(f.tokenizer, 1));
    assay_bytes_fini(&tokens);
    close_tokenizer(&f);
}

static void wrong_type(void)
{
    vocabulary.types[30] = 7;
}
static void wrong_byte(void)
{
    vocabulary.texts[8 + 0x41][3] = 'x';
}
static void byte_missing(void)
{
    vocabulary.types[8 + 0xfe] = 3;
}
static void score_nan(void)
{
    assay_put_le32(vocabulary.scores + 12 + 4 * 300, 0x7fc00000);
}
static void token_twice(void)
{
    memcpy(vocabulary.texts[400], vocabulary.texts[401], TEXT_BYTES);
}
static void token_empty(void)
{
    vocabulary.texts[500][0] = 0;
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        void (*damage)(void);
        enum assay_status status;
        const char *quoted;
    } rows[] = {
        {wrong_type, ASSAY_EUNSUPPORTED, "token 30 has the type 7"},
        {wrong_byte, ASSAY_EFORMAT, "token 73 stands for a byte, but is not \"<0xNN>\""},
        {byte_missing, ASSAY_EFORMAT, "there is no token for the byte 0xFE"},
        {score_nan, ASSAY_EFORMAT, "the score of token 300 is not a number"},
        {token_twice, ASSAY_EFORMAT, "token 401 repeats token 400"},
        {token_empty, ASSAY_EFORMAT, "token 500 is empty"},
    };
    struct fixture f;
    struct assay_error err;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        read_vocabulary();
        rows[i].damage();
        check_refused(open_tokenizer(&f, PREFIX, false, &err), rows[i].status, &err,
                      rows[i].quoted);
        close_tokenizer(&f);
    }
    read_vocabulary();
}

int main(void)
{
    read_vocabulary();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden), cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_begin), cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
