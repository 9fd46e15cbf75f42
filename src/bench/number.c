/* Numbers as people write them, in one spelling: "$1,200.50", "-3.", "+07", "25 %". */
#include "bench/benchmark.h"

#include <string.h>

/* Signs of money and marks around a number; none changes its value. */
static const char *const marks[] = {"$", "\xe2\x82\xac", "\xc2\xa3", "\xc2\xa5", "*",
                                    "`", "\"",           " "};

static size_t mark_at(const char *text, size_t size)
{
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        size_t length = strlen(marks[i]);
        if (size >= length && memcmp(text, marks[i], length) == 0) return length;
    }
    return size > 0 && strchr("\t\r\n", text[0]) && text[0] ? 1 : 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits of the whole part without their commas; a comma has three digits behind it, and at most
 * three before the first one. *used counts what was read; false: the commas are no separators. */
static bool take_whole(const char *text, size_t size, struct assay_bytes *out, size_t *used,
                       enum assay_status *status, struct assay_error *err)
{
    size_t i = 0, group = 0;
    bool grouped = false;
    for (; i < size && (is_digit(text[i]) || text[i] == ','); i++) {
        if (text[i] == ',') {
            bool more = i + 1 < size && is_digit(text[i + 1]);
            if (!more) break; /* a comma of the sentence */
            if (group == 0 || group > 3 || (grouped && group != 3)) return false;
            grouped = true;
            group = 0;
            continue;
        }
        group++;
        *status = assay_bytes_append(out, text + i, 1, err);
        if (*status) return false;
    }
    *used = i;
    return !grouped || group == 3;
}

/* What may stand behind a number: a percent sign, marks, the end of a sentence. */
static bool is_tail(const char *text, size_t size)
{
    while (size > 0) {
        size_t mark = strchr("%.,;:!?)", text[0]) && text[0] ? 1 : mark_at(text, size);
        if (mark == 0) return false;
        text += mark;
        size -= mark;
    }
    return true;
}

/* Take zeros without value from the digits at `start`: "007.50" is "7.5". */
static void trim_zeros(struct assay_bytes *out, size_t start, size_t whole)
{
    size_t zeros = 0;
    while (zeros + 1 < whole && out->data[start + zeros] == '0') zeros++;
    memmove(out->data + start, out->data + start + zeros, out->size - start - zeros);
    out->size -= zeros;
    if (memchr(out->data + start, '.', out->size - start)) {
        while (out->data[out->size - 1] == '0') out->size--;
        if (out->data[out->size - 1] == '.') out->size--;
    }
    out->data[out->size] = 0;
}

static enum assay_status read_digits(const char *text, size_t size, struct assay_bytes *out,
                                     bool *valid, struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    size_t start = out->size, used = 0, decimals = 0;
    if (!take_whole(text, size, out, &used, &status, err)) return status;
    if (out->size == start) { /* ".5" */
        status = assay_bytes_append(out, "0", 1, err);
        if (status) return status;
        used = 0;
        if (size < 2 || text[0] != '.' || !is_digit(text[1])) return ASSAY_OK;
    }
    size_t whole = out->size - start;
    if (used + 1 < size && text[used] == '.') {
        while (used + 1 + decimals < size && is_digit(text[used + 1 + decimals])) decimals++;
    }
    if (decimals > 0) {
        status = assay_bytes_append(out, text + used, 1 + decimals, err);
        used += 1 + decimals;
    }
    if (status || !is_tail(text + used, size - used)) return status;
    trim_zeros(out, start, whole);
    *valid = true;
    return ASSAY_OK;
}

enum assay_status assay_number_normalise(const char *text, size_t size, struct assay_bytes *out,
                                         bool *valid, struct assay_error *err)
{
    size_t start = out->size, mark;
    bool negative = false, signed_ = false;
    *valid = false;
    for (;;) {
        bool minus = size >= 3 && memcmp(text, "\xe2\x88\x92", 3) == 0;
        if (!signed_ && size > 0 && (text[0] == '-' || text[0] == '+' || minus)) {
            signed_ = true;
            negative = text[0] != '+';
            mark = minus ? 3 : 1;
        } else if ((mark = mark_at(text, size)) == 0) {
            break;
        }
        text += mark;
        size -= mark;
    }
    enum assay_status status = negative ? assay_bytes_append(out, "-", 1, err) : ASSAY_OK;
    if (!status) status = read_digits(text, size, out, valid, err);
    if (status || !*valid) {
        out->size = start;
        return status;
    }
    if (negative && out->size - start == 2 && out->data[start + 1] == '0') { /* −0 is 0 */
        out->data[start] = '0';
        out->size--;
        out->data[out->size] = 0;
    }
    return ASSAY_OK;
}
