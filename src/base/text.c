/* Text from outside: quoted for messages, matched with what was meant, read exactly. */
#include "base/text.h"

#include "base/assert.h"

#include <string.h>

enum { WORD_BYTES_MAX = 64 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: insert, delete, replace, and swap of two neighbours cost 1 each. */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][WORD_BYTES_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_length; j++) last[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = smaller(last[j], row[j - 1]) + 1;
            row[j] = smaller(row[j], last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = smaller(row[j], before[j - 2] + 1);
            }
        }
        size_t *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b_length];
}

const char *assay_text_nearest(const char *word, const char *const *names)
{
    size_t length = strlen(word);
    if (length > WORD_BYTES_MAX) return NULL;
    size_t best_distance = length / 3 + 2;
    const char *best = NULL;
    for (; *names; names++) {
        size_t name_length = strlen(*names);
        if (name_length > WORD_BYTES_MAX) continue;
        size_t distance = edit_distance(word, length, *names, name_length);
        if (distance < best_distance) {
            best_distance = distance;
            best = *names;
        }
    }
    return best;
}

/* The next piece of a quotation: the bytes used up of `text`; what is shown goes to `shown`. */
static size_t quote_piece(const char *text, size_t left, char shown[5], size_t *shown_length)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t byte = (uint8_t)text[0];
    size_t character = 1;
    while (character < 4 && character < left && ((uint8_t)text[character] & 0xc0) == 0x80) {
        character++;
    }
    bool valid = assay_text_utf8_prefix(text, character) == character;
    bool control = byte < 0x20 || byte == 0x7f ||
                   (byte == 0xc2 && character == 2 && (uint8_t)text[1] < 0xa0); /* C1 */
    if (valid && !control) {
        memcpy(shown, text, character);
        *shown_length = character;
        return character;
    }
    memcpy(shown, (char[]){'\\', 'x', digits[byte >> 4], digits[byte & 15]}, 4);
    *shown_length = 4;
    return 1;
}

const char *assay_text_quote(char *to, size_t size, const char *text, size_t length)
{
    static const char cut[] = "…\"";
    ASSAY_ASSERT(size > sizeof cut);
    size_t used = 0, cut_at = 1, i = 0;
    to[used++] = '"';
    while (i < length) {
        char shown[5];
        size_t shown_length;
        i += quote_piece(text + i, length - i, shown, &shown_length);
        if (used + shown_length + 2 > size) {
            memcpy(to + cut_at, cut, sizeof cut);
            return to;
        }
        memcpy(to + used, shown, shown_length);
        used += shown_length;
        if (used + sizeof cut <= size) cut_at = used;
    }
    to[used++] = '"';
    to[used] = '\0';
    return to;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool assay_text_milli(const char *text, uint32_t *out)
{
    uint64_t value = 0;
    if (!is_digit(*text)) return false;
    for (; is_digit(*text); text++) {
        value = value * 10 + (uint64_t)(*text - '0');
        if (value > UINT32_MAX / 1000) return false;
    }
    uint32_t unit = 1000;
    value *= unit;
    if (*text == '.') {
        text++;
        if (!is_digit(*text)) return false;
        for (; is_digit(*text); text++) {
            unit /= 10;
            if (unit == 0 && *text != '0') return false;
            value += unit * (uint64_t)(*text - '0');
        }
    }
    if (*text != '\0' || value > UINT32_MAX) return false;
    *out = (uint32_t)value;
    return true;
}

bool assay_text_unsigned(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (!is_digit(*text)) return false;
    for (; is_digit(*text); text++) {
        uint64_t digit = (uint64_t)(*text - '0');
        if (digit > max || value > (max - digit) / 10) return false;
        value = value * 10 + digit;
    }
    if (*text != '\0') return false;
    *out = value;
    return true;
}

bool assay_text_has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) return true;
    }
    return false;
}
