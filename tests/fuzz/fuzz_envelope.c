/* Fuzz target: DSSE envelopes. What is read is verified, and written by its parts gives the same
 * payload again. */
#include "attest/dsse.h"
#include "base/assert.h"
#include "base/bytes.h"

#include <string.h>

static void check_again(const struct assay_envelope *envelope)
{
    static const struct assay_public_key key = {{1}};
    static const struct assay_signature signature = {{2}};
    struct assay_bytes text = {0};
    struct assay_envelope *again = NULL;
    struct assay_error err;
    if (assay_envelope_write(&text, envelope->payload_type, envelope->payload,
                             envelope->payload_size, &key, &signature, &err) == ASSAY_OK) {
        ASSAY_ASSERT(assay_envelope_parse(&again, text.data, text.size, &err) == ASSAY_OK);
        ASSAY_ASSERT(again->payload_size == envelope->payload_size);
        ASSAY_ASSERT(memcmp(again->payload, envelope->payload, again->payload_size) == 0);
        ASSAY_ASSERT(strcmp(again->payload_type, envelope->payload_type) == 0);
    }
    assay_envelope_destroy(again);
    assay_bytes_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct assay_envelope *envelope = NULL;
    struct assay_error err;
    static const struct assay_public_key key = {{1}};
    if (assay_envelope_parse(&envelope, data, size, &err)) {
        ASSAY_ASSERT(err.text[0] != '\0');
        return 0;
    }
    ASSAY_ASSERT(assay_envelope_verify(envelope, &key, &err) == ASSAY_EFAILED);
    check_again(envelope);
    assay_envelope_destroy(envelope);
    return 0;
}
