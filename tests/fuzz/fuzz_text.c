/* Any bytes as a text of each small kind: what comes out keeps its promise. */
#include "base/assert.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static void check_quote(const char *text, size_t size)
{
    char quoted[48];
    memset(quoted, 'x', sizeof quoted);
    assay_text_quote(quoted, sizeof quoted, text, size);
    const char *end = memchr(quoted, '\0', sizeof quoted);
    ASSAY_ASSERT(end && end >= quoted + 2 && quoted[0] == '"' && end[-1] == '"');
    size_t length = (size_t)(end - quoted);
    ASSAY_ASSERT(assay_text_utf8_prefix(quoted, length) == length);
    for (size_t i = 0; i < length; i++) ASSAY_ASSERT((unsigned char)quoted[i] >= 0x20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"temperature", "top-p", "seed", "", NULL};
    const char *text = (const char *)data;
    size_t valid = assay_text_utf8_prefix(text, size);
    ASSAY_ASSERT(valid <= size && assay_text_utf8_prefix(text, valid) == valid);
    check_quote(text, size);

    char *string = malloc(size + 1);
    if (!string) return 0;
    memcpy(string, text, size);
    string[size] = '\0';
    uint32_t milli;
    uint64_t number;
    if (assay_text_milli(string, &milli))
        ASSAY_ASSERT(strspn(string, "0123456789.") == strlen(string));
    if (assay_text_unsigned(string, 1000, &number)) ASSAY_ASSERT(number <= 1000);
    (void)assay_text_nearest(string, names);
    free(string);
    return 0;
}
