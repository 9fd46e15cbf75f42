/* Fuzz target: any bytes through a tokenizer, and back. The first byte chooses: bit 0 SentencePiece
 * in the place of byte-level BPE, bit 1 the texts of control tokens, bits 2 and 3 the splits. Both
 * vocabularies have every byte, so that what the tokens say is the text. */
#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "harness/gguf_image.h"
#include "model/gguf.h"
#include "model/tokenizer.h"

#include <stdio.h>
#include <string.h>

enum { KINDS = 5, BYTES = 256, TEXT_BYTES = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const words[] = {"<unk>",
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
enum { WORDS = sizeof words / sizeof words[0], SPM_TOKENS = WORDS + BYTES };

static void spm_keys(struct assay_gguf_image *image)
{
    static char texts[SPM_TOKENS][TEXT_BYTES];
    static const char *list[SPM_TOKENS];
    static int32_t types[SPM_TOKENS];
    static uint8_t scores[12 + 4 * SPM_TOKENS];
    assay_put_le32(scores, GGUF_F32);
    assay_put_le32(scores + 4, SPM_TOKENS);
    for (uint32_t i = 0; i < SPM_TOKENS; i++) {
        if (i < WORDS) snprintf(texts[i], TEXT_BYTES, "%s", words[i]);
        if (i >= WORDS) snprintf(texts[i], TEXT_BYTES, "<0x%02X>", i - WORDS);
        list[i] = texts[i];
        types[i] = i >= WORDS ? 6 : i < 3 ? 3 : i < 5 ? 4 : 1;
        assay_put_le32(scores + 12 + 4 * i, 0xc0000000u + (i << 10)); /* −2, lower and lower */
    }
    assay_gguf_image_text(image, "tokenizer.ggml.model", "llama");
    assay_gguf_image_texts(image, "tokenizer.ggml.tokens", list, SPM_TOKENS);
    assay_gguf_image_i32s(image, "tokenizer.ggml.token_type", types, SPM_TOKENS);
    assay_gguf_image_raw(image, "tokenizer.ggml.scores", GGUF_ARRAY, scores, sizeof scores);
    assay_gguf_image_bool(image, "tokenizer.ggml.add_space_prefix", false);
    assay_gguf_image_bool(image, "tokenizer.ggml.add_bos_token", false);
}

/* Made once, and never freed. */
static const struct assay_tokenizer *tokenizer_of(unsigned kind)
{
    static const char *const pres[] = {"smollm", "qwen2", "llama-bpe", "default"};
    static struct assay_tokenizer *made[KINDS];
    static struct assay_bytes images[KINDS];
    static struct assay_arena arenas[KINDS];
    static struct assay_gguf *ggufs[KINDS];
    if (made[kind]) return made[kind];
    struct assay_gguf_image image = {0};
    struct assay_error err;
    if (kind == KINDS - 1) {
        spm_keys(&image);
    } else {
        const struct assay_test_gguf_options options = {.pre = pres[kind]};
        assay_test_gguf_keys(&image, &options);
    }
    ASSAY_ASSERT(assay_gguf_image_finish(&image, &images[kind], &err) == ASSAY_OK);
    assay_gguf_image_fini(&image);
    ASSAY_ASSERT(assay_gguf_parse(&ggufs[kind], images[kind].data, images[kind].size, &err) ==
                 ASSAY_OK);
    ASSAY_ASSERT(assay_tokenizer_create(&made[kind], ggufs[kind], &arenas[kind], &err) == ASSAY_OK);
    return made[kind];
}

static void check_same(const struct assay_bytes *text, const char *data, size_t size, bool is_spm)
{
    static struct assay_bytes expected; /* only grows */
    assay_bytes_clear(&expected);
    ASSAY_ASSERT(assay_bytes_reserve(&expected, size + 1, NULL) == ASSAY_OK);
    if (is_spm) {
        size = assay_vocab_unescape(data, size, (char *)expected.data);
    } else {
        memcpy(expected.data, data, size);
    }
    ASSAY_ASSERT(text->size == size && (size == 0 || !memcmp(text->data, expected.data, size)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    bool is_spm = data[0] & 1, special = data[0] & 2;
    const struct assay_tokenizer *tokenizer = tokenizer_of(is_spm ? KINDS - 1u : data[0] >> 2 & 3u);
    struct assay_bytes tokens = {0}, text = {0};
    ASSAY_ASSERT(assay_tokenizer_encode(tokenizer, (const char *)data + 1, size - 1, special,
                                        &tokens, NULL) == ASSAY_OK);
    for (size_t i = 0; i < tokens.size; i += sizeof(uint32_t)) {
        const char *piece;
        size_t piece_size;
        uint32_t token;
        memcpy(&token, tokens.data + i, sizeof token);
        assay_tokenizer_piece(tokenizer, token, true, &piece, &piece_size);
        ASSAY_ASSERT(assay_bytes_append(&text, piece, piece_size, NULL) == ASSAY_OK);
    }
    check_same(&text, (const char *)data + 1, size - 1, is_spm);
    assay_bytes_fini(&text);
    assay_bytes_fini(&tokens);
    return 0;
}
