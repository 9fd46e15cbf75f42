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
