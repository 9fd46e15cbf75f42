/* Answers: one spelling for what people and models write in many (FORMAT.md 3.2). */
#include "bench/benchmark.h"

#include "base/bytes.h"
#include "base/text.h"

#include <stdbool.h>
#include <string.h>

/* Quotation marks outside ASCII that models put around an answer. */
static const char *const quotes[] = {"\xe2\x80\x98", "\xe2\x80\x99", "\xe2\x80\x9c",
                                     "\xe2\x80\x9d"};

/* Bytes of a strippable character at the front of `text`, 0 if it is not one. */
static size_t strippable(const char *text, size_t size)
{
    if (size > 0 && text[0] != 0 && strchr(" \t\r\n\v\f\"'`*.,;:!?", text[0])) return 1;
    for (size_t i = 0; i < sizeof quotes / sizeof quotes[0]; i++) {
        if (size >= 3 && memcmp(text, quotes[i], 3) == 0) return 3;
    }
    return 0;
}

static size_t strippable_at_end(const char *text, size_t size)
{
    if (size > 0 && strippable(text + size - 1, 1) == 1) return 1;
    return size >= 3 && strippable(text + size - 3, 3) == 3 ? 3 : 0;
}

static enum assay_status normalise_text(const char *text, size_t size, struct assay_bytes *out,
                                        struct assay_error *err)
{
    size_t cut;
    while ((cut = strippable(text, size)) > 0) {
        text += cut;
        size -= cut;
    }
    while ((cut = strippable_at_end(text, size)) > 0) size -= cut;
    size_t start = out->size;
    enum assay_status status = assay_bytes_append(out, text, size, err);
    if (status) return status;
    for (size_t i = start; i < out->size; i++) {
        uint8_t byte = out->data[i];
        if (byte >= 'A' && byte <= 'Z') out->data[i] = (uint8_t)(byte + ('a' - 'A'));
    }
    return ASSAY_OK;
}

enum assay_status assay_answer_normalise(enum assay_scorer scorer, const char *text, size_t size,
                                         struct assay_bytes *out, bool *valid,
                                         struct assay_error *err)
{
    size_t start = out->size;
    enum assay_status status;
    if (scorer == ASSAY_SCORER_NUMBER) return assay_number_normalise(text, size, out, valid, err);
    if (scorer == ASSAY_SCORER_EXACT) {
        assay_text_trim(&text, &size);
        status = assay_bytes_append(out, text, size, err);
    } else {
        status = normalise_text(text, size, out, err);
    }
    *valid = out->size > start;
    return status;
}

enum assay_status assay_answer_utf8(const char *text, size_t size, struct assay_bytes *out,
                                    struct assay_error *err)
{
    for (;;) {
        size_t valid = assay_text_utf8_prefix(text, size);
        enum assay_status status = assay_bytes_append(out, text, valid, err);
        if (status || valid == size) return status;
        status = assay_bytes_append(out, "\xef\xbf\xbd", 3, err);
        if (status) return status;
        text += valid + 1;
        size -= valid + 1;
    }
}
