/* Fuzz target: a model file, from its magic number to what is done with a model. The first byte
 * chooses: 0 a file, byte by byte; else a tiny model of some kind, to which the rest are edits: u8
 * kind, u16 offset, u8 length, and the bytes. */
#include "harness/gguf_image.h"
#include "harness/model_use.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct assay_test_gguf_options tiny[] = {
    {.dtype = ASSAY_DTYPE_Q8_0},
    {.architecture = "qwen2", .pre = "qwen2", .output = true, .dtype = ASSAY_DTYPE_Q4_1},
    {.architecture = "qwen3", .pre = "default", .head_dim = 8},
    {.architecture = "gemma3", .sentence_piece = true, .dtype = ASSAY_DTYPE_BF16},
    {.pre = "llama-bpe", .rope_factors = true, .embedding_dtype = ASSAY_DTYPE_Q5_0}};
enum { MODELS = sizeof tiny / sizeof tiny[0], ROOM_BYTES = 1 << 16 };

enum edit { EDIT_PUT, EDIT_INSERT, EDIT_REMOVE, EDIT_CUT, EDITS };

static const struct assay_bytes *model_of(size_t which)
{
    static struct assay_bytes files[MODELS];
    if (files[which].data) return &files[which];
    struct assay_test_gguf_options options = tiny[which];
    options.layers = 1;
    options.width = options.ffn_width = 32;
    options.heads = 2;
    ASSAY_ASSERT(assay_test_gguf(&files[which], &options, NULL) == ASSAY_OK);
    ASSAY_ASSERT(files[which].size < ROOM_BYTES);
    return &files[which];
}

/* Gives the size of the file afterwards; `to` has 256 bytes more than that. */
static size_t edit(uint8_t *to, size_t size, struct assay_reader *reader)
{
    enum edit kind = (enum edit)(assay_read_u8(reader) % EDITS);
    size_t at = assay_read_le16(reader) % (size + 1), length = assay_read_u8(reader);
    if (kind == EDIT_CUT) return at;
    if (kind == EDIT_REMOVE) {
        if (length > size - at) length = size - at;
        memmove(to + at, to + at + length, size - at - length);
        return size - length;
    }
    const uint8_t *bytes = assay_read_span(reader, length);
    if (!bytes) return size;
    if (kind == EDIT_INSERT) {
        memmove(to + at + length, to + at, size - at);
        size += length;
    }
    memcpy(to + at, bytes, length);
    return at + length > size ? at + length : size;
}

static void parse(const uint8_t *data, size_t size)
{
    struct assay_model *model = NULL;
    struct assay_error err = {.text = ""};
    if (assay_model_parse(&model, data, size, &err) == ASSAY_OK) {
        model_use(model);
    } else {
        ASSAY_ASSERT(!model && err.text[0] != '\0');
    }
    assay_model_close(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t room[2 * ROOM_BYTES];
    struct assay_reader reader = {.data = data, .size = size};
    size_t choice = assay_read_u8(&reader) % (MODELS + 1);
    if (choice == 0) {
        if (size > 0) parse(data + 1, size - 1);
        return 0;
    }
    const struct assay_bytes *file = model_of(choice - 1);
    size_t length = file->size;
    memcpy(room, file->data, length);
    while (!reader.failed && reader.position < reader.size && length < sizeof room - 256) {
        length = edit(room, length, &reader);
    }
    /* Of exactly this size, so that a sanitizer sees the first read behind it. */
    uint8_t *exact = malloc(length > 0 ? length : 1);
    ASSAY_ASSERT(exact);
    memcpy(exact, room, length);
    parse(exact, length);
    free(exact);
    return 0;
}
