/* Fuzz target: the columns of a results file, as a stranger's file may have them. The input says
 * which valid file's image is edited, how large the reader's windows are, and what the edits are;
 * then everything is checked that a reader checks. Digests that the edits have made wrong are put
 * right, or nothing behind them would be reached. What a small window shows must be what one that
 * holds all shows, also where the file is changed while it is read. libhdf5 is not in it:
 * fuzz_parts, fuzz_results_file. */
#include "base/bytes.h"
#include "store/image.h"

#include "results_base.h"

#include <inttypes.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input: u8 base, u8 samples of a window less one, u8 sixteenths of a KiB of a window, then
 * edits: a byte of kind and these fields. */
enum edit {
    EDIT_BYTE,   /* u8 column, u16 offset, u8: a byte of a column */
    EDIT_WORD,   /* u8 column, u16 row, u64: an element of at most 8 bytes */
    EDIT_TEXT,   /* u8 column, u8 row, u8 length, bytes: of a column of texts */
    EDIT_ROWS,   /* u8 shape, u16: fewer rows */
    EDIT_LABEL,  /* u8 attribute, u8 length, bytes */
    EDIT_NUMBER, /* u8 attribute, u32 */
    EDIT_LATER,  /* what follows happens once the file has been checked, to columns of samples */
    EDITS
};

/* A copy of an image in which every column is memory of its own, of exactly its size. */
struct copy {
    struct assay_image image;
    struct assay_arena texts;
    void *columns[ASSAY_COLUMN_COUNT];
};

static size_t width_of(unsigned column)
{
    return assay_element_info[assay_column_info[column].element].bytes;
}

static size_t rows_of(const struct assay_image *image, unsigned column)
{
    return (size_t)image->rows[assay_column_info[column].shape];
}

/* Take the columns of samples into memory, too. */
static void hold(struct assay_image *image)
{
    struct assay_error err;
    for (unsigned c = 0; c < ASSAY_COLUMN_COUNT; c++) {
        size_t rows = rows_of(image, c);
        if (!assay_shape_info[assay_column_info[c].shape].of_samples) continue;
        image->columns[c] = assay_arena_take(&image->arena, rows, width_of(c));
        if (!image->columns[c] ||
            assay_image_read(image, (enum assay_column)c, 0, rows, image->columns[c], &err)) {
            abort();
        }
    }
}

static void copy_make(struct copy *copy, const struct assay_image *base,
                      const struct assay_cipher_key *key)
{
    *copy = (struct copy){.image = *base};
    copy->image.arena = (struct assay_arena){0};
    copy->image.source = NULL;
    copy->image.key = key;
    for (unsigned c = 0; c < ASSAY_COLUMN_COUNT; c++) {
        size_t bytes = rows_of(base, c) * width_of(c);
        copy->columns[c] = malloc(bytes ? bytes : 1);
        if (!copy->columns[c]) abort();
        memcpy(copy->columns[c], base->columns[c], bytes);
        copy->image.columns[c] = copy->columns[c];
    }
}

static void copy_drop(struct copy *copy)
{
    for (unsigned c = 0; c < ASSAY_COLUMN_COUNT; c++) free(copy->columns[c]);
    assay_arena_fini(&copy->texts);
}

/* Fewer rows: the memory shrinks with them, so that a sanitizer sees a read behind it. */
static void shrink(struct copy *copy, unsigned shape, size_t rows)
{
    if (rows >= copy->image.rows[shape] || shape == ASSAY_SHAPE_ONE) return;
    copy->image.rows[shape] = rows;
    for (unsigned c = 0; c < ASSAY_COLUMN_COUNT; c++) {
        if (assay_column_info[c].shape != shape) continue;
        size_t bytes = rows * width_of(c);
        void *less = realloc(copy->columns[c], bytes ? bytes : 1);
        if (!less) abort();
        copy->columns[c] = copy->image.columns[c] = less;
    }
}

static const char *take_text(struct copy *copy, struct assay_reader *reader)
{
    size_t length = assay_read_u8(reader);
    const uint8_t *bytes = assay_read_span(reader, length);
    return assay_arena_text(&copy->texts, bytes ? (const char *)bytes : "", bytes ? length : 0);
}

static void edit_column(struct copy *copy, enum edit kind, struct assay_reader *reader)
{
    unsigned column = assay_read_u8(reader) % ASSAY_COLUMN_COUNT;
    bool is_text = assay_column_info[column].element == ASSAY_ELEMENT_TEXT;
    size_t rows = rows_of(&copy->image, column), width = width_of(column);
    uint8_t *to = copy->columns[column];
    if (kind == EDIT_TEXT) {
        size_t row = assay_read_u8(reader);
        const char *text = take_text(copy, reader);
        if (is_text && rows > 0) memcpy(to + row % rows * width, &text, sizeof text);
    } else if (kind == EDIT_BYTE) {
        size_t at = assay_read_le16(reader);
        uint8_t value = assay_read_u8(reader);
        if (!is_text && rows > 0) to[at % (rows * width)] = value;
    } else {
        uint8_t bytes[8];
        size_t row = assay_read_le16(reader);
        assay_put_le64(bytes, assay_read_le64(reader));
        if (!is_text && rows > 0) {
            memcpy(to + row % rows * width, bytes, width < sizeof bytes ? width : sizeof bytes);
        }
    }
}

/* False where the later edits begin. */
static bool edit(struct copy *copy, struct assay_reader *reader)
{
    enum edit kind = (enum edit)(assay_read_u8(reader) % EDITS);
    if (kind == EDIT_LATER) return false;
    if (kind == EDIT_ROWS) {
        unsigned shape = assay_read_u8(reader) % ASSAY_SHAPE_COUNT;
        shrink(copy, shape, assay_read_le16(reader));
    } else if (kind == EDIT_LABEL || kind == EDIT_NUMBER) {
        unsigned name = assay_read_u8(reader) % ASSAY_ATTRIBUTE_COUNT;
        bool is_text = assay_attribute_info[name].element == ASSAY_ELEMENT_TEXT;
        if (kind == EDIT_LABEL) {
            const char *text = take_text(copy, reader);
            if (is_text) copy->image.texts[name] = text;
        } else {
            uint32_t number = assay_read_le32(reader);
            if (!is_text) copy->image.numbers[name] = number;
        }
    } else {
        edit_column(copy, kind, reader);
    }
    return true;
}

/* Results of the copy as it is, which stays the owner; NULL where they are refused. */
static struct assay_results *take(const struct copy *copy, struct assay_window_size window,
                                  struct assay_error *err)
{
    struct assay_image image = copy->image;
    struct assay_results *results = NULL;
    image.window = window;
    if (assay_results_take(&results, &image, "copy", err)) ASSAY_ASSERT(err->text[0] && !results);
    return results;
}

/* Put right the digest that a refusal is about; false where it is about something else. */
static bool put_right(struct copy *copy, const struct assay_error *err)
{
    static const char gives[] = ", but the file's content gives ";
    for (unsigned i = 0; i < ASSAY_ATTRIBUTE_COUNT; i++) {
        char about[64];
        snprintf(about, sizeof about, "copy: %s is ", assay_attribute_info[i].name);
        const char *found = strstr(err->text, gives);
        if (!found || strncmp(err->text, about, strlen(about)) != 0) continue;
        copy->image.texts[i] =
            assay_arena_text(&copy->texts, found + sizeof gives - 1, 2 * ASSAY_DIGEST_BYTES);
        return true;
    }
    return false;
}

static void check_kept(const struct assay_results *a, const struct assay_results *b)
{
    size_t count = (size_t)a->sample_count;
    ASSAY_ASSERT(b->sample_count == count && a->token_count == b->token_count);
    ASSAY_ASSERT(a->started_ns == b->started_ns && a->finished_ns == b->finished_ns);
    ASSAY_ASSERT(memcmp(a->item_index, b->item_index, 4 * count) == 0);
    ASSAY_ASSERT(memcmp(a->replicate, b->replicate, 4 * count) == 0);
    ASSAY_ASSERT(memcmp(a->score_micro, b->score_micro, 4 * count) == 0);
    ASSAY_ASSERT(memcmp(a->outcome, b->outcome, count) == 0);
    ASSAY_ASSERT(memcmp(a->token_offset, b->token_offset, 8 * (count + 1)) == 0);
}

/* `whole` has read everything and is not told of changes: what `windowed` shows is that, or, once
 * something is changed, nothing. */
static void compare(struct assay_results *whole, struct assay_results *windowed, bool changed)
{
    static struct assay_bytes a, b; /* only grow */
    for (uint64_t i = 0; i < whole->sample_count; i++) {
        uint64_t index = i * 7 % whole->sample_count;
        ASSAY_ASSERT(base_sample(whole, index, &a));
        if (!base_sample(windowed, index, &b)) {
            ASSAY_ASSERT(changed);
        } else {
            ASSAY_ASSERT(a.size == b.size && memcmp(a.data, b.data, a.size) == 0);
        }
    }
}

static void change(struct copy *copy, struct assay_reader *reader)
{
    enum edit kind = assay_read_u8(reader) % 2 ? EDIT_WORD : EDIT_BYTE;
    struct assay_reader ahead = *reader;
    unsigned column = assay_read_u8(&ahead) % ASSAY_COLUMN_COUNT;
    if (assay_shape_info[assay_column_info[column].shape].of_samples) {
        edit_column(copy, kind, reader);
    } else {
        (void)assay_read_u8(reader);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct assay_window_size all = {1 << 20, 1 << 24};
    static struct assay_image bases[BASES];
    static struct assay_bytes files[BASES];
    struct assay_reader reader = {.data = data, .size = size};
    struct assay_error err, other;
    struct copy copy;
    for (unsigned i = 0; i < BASES && !files[i].data; i++) {
        files[i] = base_make((enum base)i);
        if (assay_image_load(&bases[i], "base", files[i].data, files[i].size, &err)) abort();
        hold(&bases[i]);
    }
    /* Of an encrypted benchmark with and without its data. */
    uint8_t which = assay_read_u8(&reader);
    copy_make(&copy, &bases[which % BASES], which / BASES % 2 ? &base_key : NULL);
    struct assay_window_size window = {.samples = 1 + (uint32_t)assay_read_u8(&reader)};
    window.bytes = 64 * (uint32_t)assay_read_u8(&reader);
    while (!reader.failed && reader.position < reader.size && edit(&copy, &reader)) {
    }
    struct assay_results *whole = take(&copy, all, &err);
    for (unsigned tries = 0; !whole && tries < 4 && put_right(&copy, &err); tries++) {
        whole = take(&copy, all, &err);
    }
    struct assay_results *windowed = take(&copy, window, &other);
    ASSAY_ASSERT(!whole == !windowed);
    if (whole) {
        check_kept(whole, windowed);
        compare(whole, windowed, false);
        while (!reader.failed && reader.position < reader.size) change(&copy, &reader);
        compare(whole, windowed, true);
    }
    assay_results_close(windowed);
    assay_results_close(whole);
    copy_drop(&copy);
    return 0;
}
