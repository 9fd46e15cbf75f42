/* Any bytes as JSON: what is accepted is written, read again and written to the same text. */
#include "base/assert.h"
#include "base/bytes.h"
#include "base/json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct assay_json *json, *again;
    struct assay_bytes text = {0}, text_again = {0};
    struct assay_error err;
    if (assay_json_parse(&json, (const char *)data, size, &err)) {
        ASSAY_ASSERT(err.status == ASSAY_EFORMAT && err.text[0] != '\0');
        return 0;
    }
    ASSAY_ASSERT(assay_json_write(json, true, &text, &err) == ASSAY_OK);
    ASSAY_ASSERT(assay_json_parse(&again, (const char *)text.data, text.size, &err) == ASSAY_OK);
    ASSAY_ASSERT(assay_json_write(again, true, &text_again, &err) == ASSAY_OK);
    ASSAY_ASSERT(text.size == text_again.size);
    ASSAY_ASSERT(memcmp(text.data, text_again.data, text.size) == 0);
    assay_json_destroy(again);
    assay_json_destroy(json);
    assay_bytes_fini(&text_again);
    assay_bytes_fini(&text);
    return 0;
}
