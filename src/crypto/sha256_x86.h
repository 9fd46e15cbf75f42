/* SHA-256's compression on x86-64 processors that have instructions for it. */
#ifndef ASSAY_CRYPTO_SHA256_X86_H
#define ASSAY_CRYPTO_SHA256_X86_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool assay_sha256_x86_has(void);
/* Take `count` blocks of 64 bytes into the state (FIPS 180-4, 6.2.2). */
void assay_sha256_x86_blocks(uint32_t state[8], const uint8_t *data, size_t count);

#endif
