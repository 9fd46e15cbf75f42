/* Philox4x32-10, a counter-based random function: Salmon et al., SC'11. Known answers:
 * FORMAT.md 2.1. */
#ifndef ASSAY_BASE_PHILOX_H
#define ASSAY_BASE_PHILOX_H

#include <stdint.h>

static inline void assay_philox(uint32_t counter[4], uint32_t key0, uint32_t key1)
{
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * counter[0];
        uint64_t b = (uint64_t)0xCD9E8D57u * counter[2];
        uint32_t x0 = (uint32_t)(b >> 32) ^ counter[1] ^ key0;
        uint32_t x2 = (uint32_t)(a >> 32) ^ counter[3] ^ key1;
        counter[0] = x0;
        counter[1] = (uint32_t)b;
        counter[2] = x2;
        counter[3] = (uint32_t)a;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
}

#endif
