/* Fuzz target: the columns of a results file, as a stranger's file may have them. The input is a
 * list of edits to the image of a valid one (its first byte says which); then everything is checked
 * that a reader checks, and what passes is looked at. libhdf5 is not in it: fuzz_results_file. */
#include "base/bytes.h"
#include "store/image.h"

#include "results_base.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An edit is a byte of kind and these fields. */
enum edit {
    EDIT_BYTE,   /* u8 column, u16 offset, u8: a byte of a column */
    EDIT_WORD,   /* u8 column, u16 row, u64: an element of at most 8 bytes */
    EDIT_TEXT,   /* u8 column, u8 row, u8 length, bytes: of a column of texts */
    EDIT_ROWS,   /* u8 shape, u16: fewer rows */
    EDIT_LABEL,  /* u8 attribute, u8 length, bytes */
    EDIT_NUMBER, /* u8 attribute, u32 */
    EDITS
};

/* A copy of an image in which every column is memory of its own, of exactly its size. */
struct copy {
    struct assay_image image;
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

static void copy_make(struct copy *copy, const struct assay_image *base)
{
    *copy = (struct copy){.image = *base};
    copy->image.arena = (struct assay_arena){0};
    copy->image.source = NULL;
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
    return assay_arena_text(&copy->image.arena, bytes ? (const char *)bytes : "",
                            bytes ? length : 0);
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

static void edit(struct copy *copy, struct assay_reader *reader)
{
    enum edit kind = (enum edit)(assay_read_u8(reader) % EDITS);
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
}

static uint64_t sum_of(struct assay_span span)
{
    uint64_t sum = span.size;
    for (size_t i = 0; i < span.size; i++) sum += (uint8_t)span.data[i];
    return sum;
}

/* What a caller may do with results that were accepted. */
static uint64_t look(struct assay_results *results)
{
    uint64_t sum = 0;
    for (uint64_t s = results->sample_count; s-- > 0;) {
        struct assay_results_sample sample;
        struct assay_error err;
        if (assay_results_sample(results, s, &sample, &err)) abort(); /* nothing has changed */
        const struct assay_record *record = &sample.record;
        for (size_t i = 0; i < record->token_count; i++) sum += record->tokens[i];
        sum += sum_of(sample.circumstances.text) + sum_of(record->answer) + sum_of(record->item_id);
        sum += results->outcome[s] + results->token_offset[s + 1];
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct assay_image bases[BASES];
    static struct assay_bytes files[BASES];
    struct assay_reader reader = {.data = data, .size = size};
    struct assay_results *results;
    struct assay_error err;
    struct copy copy;
    for (unsigned i = 0; i < BASES && !files[i].data; i++) {
        files[i] = base_make(i);
        if (assay_image_load(&bases[i], "base", files[i].data, files[i].size, &err)) abort();
        hold(&bases[i]);
    }
    copy_make(&copy, &bases[assay_read_u8(&reader) % BASES]);
    while (!reader.failed && reader.position < reader.size) edit(&copy, &reader);
    if (assay_results_take(&results, &copy.image, "copy", &err) == ASSAY_OK) {
        if (look(results) == 0) abort();
        assay_results_close(results);
    }
    copy_drop(&copy);
    return 0;
}
