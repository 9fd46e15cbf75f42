/* Hostile bytes into a verdict and a text that a terminal may be shown. */
#include "sandbox/report.h"

#include "base/text.h"

#include <string.h>

/* Bytes of the character at `data`, 0 when it is none; C1 controls are none. */
static size_t character(const uint8_t *data, size_t count)
{
    size_t want = data[0] < 0x80 ? 1 : data[0] < 0xe0 ? 2 : data[0] < 0xf0 ? 3 : 4;
    if (want > count || assay_text_utf8_prefix((const char *)data, want) != want) return 0;
    return want == 2 && data[0] == 0xc2 && data[1] < 0xa0 ? 0 : want;
}

void assay_report_clean(const uint8_t *data, size_t count, char *to, size_t size)
{
    size_t used = 0;
    while (count > 0 && (data[count - 1] == '\n' || data[count - 1] == '\r')) count--;
    for (size_t at = 0; at < count;) {
        size_t taken = character(data + at, count - at), length = taken;
        const char *piece = (const char *)data + at;
        if (data[at] == '\n') {
            piece = " / ";
            length = 3;
        } else if (taken == 0 || data[at] < 0x20 || data[at] == 0x7f) {
            piece = "?";
            length = 1;
        }
        if (used + length >= size) break;
        memcpy(to + used, piece, length);
        used += length;
        at += taken ? taken : 1;
    }
    to[used] = 0;
}

enum assay_sandbox_verdict assay_report_parse(const uint8_t *data, size_t count, char *detail,
                                              size_t size)
{
    detail[0] = 0;
    if (count == 0) return ASSAY_SANDBOX_ERROR;
    assay_report_clean(data + 1, count - 1, detail, size);
    switch (data[0]) {
    case 'A':
        return ASSAY_SANDBOX_FAIL;
    case 'X':
        return ASSAY_SANDBOX_EXIT;
    case 'M':
        return ASSAY_SANDBOX_MEMORY;
    default:
        return ASSAY_SANDBOX_ERROR;
    }
}
