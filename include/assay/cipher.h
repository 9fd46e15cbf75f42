/* The key of encrypted cells (FORMAT.md 13): derived from a benchmark's data, so that who has these
 * reads what was answered, and nobody else does. */
#ifndef ASSAY_CIPHER_H
#define ASSAY_CIPHER_H

#include <stdbool.h>
#include <stdint.h>

struct assay_cipher_key {
    bool known; /* false: the data are not at hand, and nothing can be opened */
    uint8_t cell[32], nonce[32];
};

#endif
