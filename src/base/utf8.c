/* Valid UTF-8: RFC 3629, so no surrogates, no overlong forms, nothing above U+10FFFF. */
#include "base/text.h"

#include <string.h>

/* The allowed second bytes by first byte (Unicode Standard, table 3-7); further ones are 80–BF. */
static const struct utf8_row {
    uint8_t first_low, first_high, second_low, second_high, length;
} utf8_rows[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* Length of the character at `text`, one that is not ASCII; 0 if it is none. */
static size_t character_length(const uint8_t *text, size_t left)
{
    for (size_t i = 0; i < sizeof utf8_rows / sizeof utf8_rows[0]; i++) {
        const struct utf8_row *row = &utf8_rows[i];
        if (text[0] < row->first_low || text[0] > row->first_high) continue;
        if (left < row->length) return 0;
        if (text[1] < row->second_low || text[1] > row->second_high) return 0;
        for (size_t k = 2; k < row->length; k++) {
            if ((text[k] & 0xc0) != 0x80) return 0;
        }
        return row->length;
    }
    return 0;
}

/* Eight bytes at a time where they are ASCII: the whole of a text is checked before each search
 * in it. */
size_t assay_text_utf8_prefix(const char *text, size_t length)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t i = 0;
    while (i < length) {
        uint64_t word;
        if (length - i >= sizeof word) {
            memcpy(&word, bytes + i, sizeof word);
            if ((word & 0x8080808080808080u) == 0) {
                i += sizeof word;
                continue;
            }
        }
        size_t step = bytes[i] < 0x80 ? 1 : character_length(bytes + i, length - i);
        if (step == 0) break;
        i += step;
    }
    return i;
}

/* Bytes of the white space at the begin of the text; 0 where it begins with something else. */
static size_t space_size(const char *text, size_t size)
{
    static const char *const wide[] = {
        "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
        "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
        "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
        "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
    if (size == 0) return 0;
    if ((text[0] >= '\t' && text[0] <= '\r') || (text[0] >= 0x1c && text[0] <= ' ')) return 1;
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        size_t length = strlen(wide[i]);
        if (length <= size && memcmp(text, wide[i], length) == 0) return length;
    }
    return 0;
}

void assay_text_trim(const char **text, size_t *size)
{
    for (size_t n; (n = space_size(*text, *size)) > 0; *size -= n) *text += n;
    for (bool more = true; more && *size > 0;) {
        more = false;
        for (size_t n = 1; !more && n <= 3 && n <= *size; n++) {
            more = space_size(*text + *size - n, n) == n;
            if (more) *size -= n;
        }
    }
}
