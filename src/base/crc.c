/* CRC-32 by zlib: what a torn or flipped journal frame fails. */
#include "base/file.h"

#include <zlib.h>

uint32_t assay_crc32(uint32_t crc, const void *data, size_t size)
{
    return size == 0 ? crc : (uint32_t)crc32_z(crc, data, size);
}
