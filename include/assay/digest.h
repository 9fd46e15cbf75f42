/* A SHA-256 digest as a value. */
#ifndef ASSAY_DIGEST_H
#define ASSAY_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

enum { ASSAY_DIGEST_BYTES = 32, ASSAY_DIGEST_HEX = 65 }; /* HEX includes the final NUL */

struct assay_digest {
    uint8_t bytes[ASSAY_DIGEST_BYTES];
};

#endif
