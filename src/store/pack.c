/* Shuffle by hand, deflate by libdeflate. */
#include "store/pack.h"

#include "base/assert.h"

#include <libdeflate.h>
#include <stdlib.h>

struct assay_packer {
    struct libdeflate_compressor *deflate;
    uint8_t *shuffled, *packed; /* bytes_max each */
    size_t bytes_max;
};

enum assay_status assay_packer_create(struct assay_packer **out, size_t bytes_max,
                                      struct assay_error *err)
{
    struct assay_packer *packer = calloc(1, sizeof *packer);
    if (packer) {
        packer->bytes_max = bytes_max;
        packer->deflate = libdeflate_alloc_compressor(ASSAY_PACK_LEVEL);
        packer->shuffled = malloc(bytes_max);
        packer->packed = malloc(bytes_max);
    }
    if (!packer || !packer->deflate || !packer->shuffled || !packer->packed) {
        assay_packer_destroy(packer);
        return assay_fail(err, ASSAY_EMEMORY, "no memory to compress %zu bytes", bytes_max);
    }
    *out = packer;
    return ASSAY_OK;
}

void assay_packer_destroy(struct assay_packer *packer)
{
    if (!packer) return;
    free(packer->packed);
    free(packer->shuffled);
    libdeflate_free_compressor(packer->deflate);
    free(packer);
}

/* All first bytes of the elements, then all second ones, … */
static void shuffle(uint8_t *restrict to, const uint8_t *restrict from, size_t count, size_t width)
{
    for (size_t b = 0; b < width; b++) {
        for (size_t i = 0; i < count; i++) to[b * count + i] = from[i * width + b];
    }
}

struct assay_packed assay_pack(struct assay_packer *packer, const uint8_t *chunk, size_t bytes,
                               size_t width)
{
    const uint8_t *from = chunk;
    ASSAY_ASSERT(bytes <= packer->bytes_max && bytes % width == 0);
    if (width > 1) {
        shuffle(packer->shuffled, chunk, bytes / width, width);
        from = packer->shuffled;
    }
    size_t packed =
        libdeflate_zlib_compress(packer->deflate, from, bytes, packer->packed, bytes - 1);
    if (packed > 0) return (struct assay_packed){packer->packed, packed, 0};
    return (struct assay_packed){
        chunk, bytes, UINT32_C(1) << ASSAY_PACK_SHUFFLE | UINT32_C(1) << ASSAY_PACK_DEFLATE};
}
