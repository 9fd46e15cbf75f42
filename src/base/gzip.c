/* gzip by zlib, which checks each member's CRC and length. */
#include "base/gzip.h"

#include "base/bytes.h"

#include <limits.h>
#include <zlib.h>

enum { STEP_BYTES = 1 << 18, WINDOW_GZIP = 15 + 16 };

bool assay_gzip_is(const uint8_t *data, size_t size)
{
    return size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

/* One member, or as much of it as the input holds; *ended tells which. */
static enum assay_status inflate_member(z_stream *stream, size_t start, size_t max_bytes,
                                        struct assay_bytes *out, bool *ended,
                                        struct assay_error *err)
{
    int code = Z_OK;
    while (code == Z_OK) {
        enum assay_status status = assay_bytes_reserve(out, STEP_BYTES, err);
        if (status) return status;
        stream->next_out = out->data + out->size;
        stream->avail_out = STEP_BYTES;
        code = inflate(stream, Z_NO_FLUSH);
        out->size += STEP_BYTES - stream->avail_out;
        out->data[out->size] = 0;
        if (out->size - start > max_bytes) {
            return assay_fail(err, ASSAY_EVALUE, "more than %zu bytes once decompressed",
                              max_bytes);
        }
    }
    *ended = code == Z_STREAM_END;
    if (*ended || code == Z_BUF_ERROR) return ASSAY_OK;
    if (code == Z_MEM_ERROR) return assay_fail(err, ASSAY_EMEMORY, "no memory to decompress it");
    return assay_fail(err, ASSAY_EFORMAT, "the gzip data are damaged after %lu bytes: %s",
                      stream->total_in, stream->msg ? stream->msg : "no reason is given");
}

enum assay_status assay_gzip_inflate(const uint8_t *data, size_t size, size_t max_bytes,
                                     struct assay_bytes *out, struct assay_error *err)
{
    z_stream stream = {0};
    size_t start = out->size;
    bool ended = false;
    if (size > UINT_MAX) return assay_fail(err, ASSAY_EVALUE, "%zu compressed bytes", size);
    if (inflateInit2(&stream, WINDOW_GZIP) != Z_OK) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory to decompress it");
    }
    stream.next_in = (Bytef *)(uintptr_t)data; /* zlib only reads it */
    stream.avail_in = (unsigned)size;
    enum assay_status status;
    do {
        status = inflate_member(&stream, start, max_bytes, out, &ended, err);
        if (!status && !ended) {
            status = assay_fail(err, ASSAY_EFORMAT,
                                "the gzip data are cut short: %zu bytes hold no end", size);
        }
        if (!status && stream.avail_in > 0) inflateReset(&stream);
    } while (!status && stream.avail_in > 0);
    inflateEnd(&stream);
    return status;
}
