/* Base64 by libsodium. */
#include "crypto/base64.h"

#include "base/bytes.h"

#include <sodium.h>

enum assay_status assay_base64_encode(struct assay_bytes *out, const void *data, size_t size,
                                      struct assay_error *err)
{
    size_t length = sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL);
    enum assay_status status = assay_bytes_reserve(out, length, err);
    if (status) return status;
    sodium_bin2base64((char *)out->data + out->size, length, size > 0 ? data : (const void *)"",
                      size, sodium_base64_VARIANT_ORIGINAL);
    out->size += length - 1; /* its last byte is the NUL */
    return ASSAY_OK;
}

enum assay_status assay_base64_decode(struct assay_bytes *out, const char *text, size_t length,
                                      struct assay_error *err)
{
    static const int variants[] = {sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_URLSAFE};
    size_t room = length / 4 * 3, size;
    enum assay_status status = assay_bytes_reserve(out, room + 1, err);
    if (status) return status;
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        const char *end = NULL;
        if (length % 4 == 0 &&
            sodium_base642bin(out->data + out->size, room, text, length, NULL, &size, &end,
                              variants[i]) == 0 &&
            end == text + length) {
            out->size += size;
            out->data[out->size] = 0;
            return ASSAY_OK;
        }
    }
    out->data[out->size] = 0;
    return assay_fail(err, ASSAY_EFORMAT, "not base64 with its padding (%zu characters)", length);
}
