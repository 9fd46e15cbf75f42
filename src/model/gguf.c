/* GGUF parser. Order in a file: header, metadata, tensor descriptions, padding, tensor data. Counts
 * and lengths are believed only as far as bytes follow them. */
#include "model/gguf_table.h"

#include "base/text.h"
#include "model/dtype.h"

#include <stdlib.h>
#include <string.h>

enum {
    KEY_BYTES_LEAST = 8 + 4 + 1,            /* length, type, value */
    TENSOR_BYTES_LEAST = 8 + 4 + 8 + 4 + 8, /* length, dimensions, one of them, type, offset */
    VERSION_OLDEST = 2,
    VERSION_NEWEST = 3,
    QUOTE_BYTES = 96
};

static enum assay_status check_version(struct assay_gguf_parser *parser, uint32_t version)
{
    uint32_t swapped =
        version << 24 | (version & 0xff00) << 8 | (version >> 8 & 0xff00) | version >> 24;
    if (version >= VERSION_OLDEST && version <= VERSION_NEWEST) return ASSAY_OK;
    if (swapped >= 1 && swapped <= VERSION_NEWEST) {
        return assay_fail(parser->err, ASSAY_EUNSUPPORTED, "a big-endian GGUF file");
    }
    return assay_fail(parser->err, ASSAY_EUNSUPPORTED,
                      "GGUF version %u is not supported; supported are %d to %d", version,
                      VERSION_OLDEST, VERSION_NEWEST);
}

static enum assay_status read_count(struct assay_gguf_parser *parser, const char *what, size_t max,
                                    size_t bytes_least, size_t *out)
{
    uint64_t count = assay_read_le64(&parser->reader);
    if (parser->reader.failed) return assay_gguf_truncated(parser, "the header");
    if (count > max) {
        return assay_fail(parser->err, ASSAY_EFORMAT, "%llu %s; at most %zu are allowed",
                          (unsigned long long)count, what, max);
    }
    if (count > parser->reader.size / bytes_least) {
        return assay_fail(parser->err, ASSAY_EFORMAT, "%llu %s do not fit in a file of %zu bytes",
                          (unsigned long long)count, what, parser->reader.size);
    }
    *out = (size_t)count;
    return ASSAY_OK;
}

static enum assay_status read_header(struct assay_gguf_parser *parser)
{
    struct assay_gguf *gguf = parser->gguf;
    const uint8_t *magic = assay_read_span(&parser->reader, 4);
    if (!magic) return assay_gguf_truncated(parser, "the magic number");
    if (memcmp(magic, "GGUF", 4) != 0) {
        char quoted[QUOTE_BYTES];
        return assay_fail(parser->err, ASSAY_EFORMAT,
                          "not a GGUF file: it begins with %s, not \"GGUF\"",
                          assay_text_quote(quoted, sizeof quoted, (const char *)magic, 4));
    }
    uint32_t version = assay_read_le32(&parser->reader);
    if (parser->reader.failed) return assay_gguf_truncated(parser, "the header");
    enum assay_status status = check_version(parser, version);
    if (status) return status;
    status = read_count(parser, "tensors", ASSAY_GGUF_TENSORS_MAX, TENSOR_BYTES_LEAST,
                        &gguf->tensor_count);
    if (status) return status;
    status =
        read_count(parser, "metadata keys", ASSAY_GGUF_KEYS_MAX, KEY_BYTES_LEAST, &gguf->key_count);
    if (status) return status;
    gguf->values = assay_arena_take(&gguf->arena, gguf->key_count, sizeof *gguf->values);
    gguf->tensors = assay_arena_take(&gguf->arena, gguf->tensor_count, sizeof *gguf->tensors);
    return gguf->values && gguf->tensors
               ? ASSAY_OK
               : assay_fail(parser->err, ASSAY_EMEMORY, "no memory for %zu keys and %zu tensors",
                            gguf->key_count, gguf->tensor_count);
}

static enum assay_status read_dims(struct assay_gguf_parser *parser,
                                   struct assay_gguf_tensor *tensor)
{
    tensor->dim_count = assay_read_le32(&parser->reader);
    if (parser->reader.failed) return assay_gguf_truncated(parser, "a tensor's description");
    if (tensor->dim_count < 1 || tensor->dim_count > ASSAY_GGUF_DIMS_MAX) {
        return assay_fail(parser->err, ASSAY_EFORMAT,
                          "tensor %s has %u dimensions; 1 to %d are allowed", tensor->name,
                          tensor->dim_count, ASSAY_GGUF_DIMS_MAX);
    }
    for (uint32_t i = 0; i < ASSAY_GGUF_DIMS_MAX; i++) {
        uint64_t dim = i < tensor->dim_count ? assay_read_le64(&parser->reader) : 1;
        if (parser->reader.failed) return assay_gguf_truncated(parser, "a tensor's description");
        if (dim == 0 || dim > SIZE_MAX / 2) {
            return assay_fail(parser->err, ASSAY_EFORMAT, "tensor %s: dimension %u is %llu",
                              tensor->name, i, (unsigned long long)dim);
        }
        tensor->dims[i] = (size_t)dim;
    }
    return ASSAY_OK;
}

static enum assay_status measure(struct assay_gguf_parser *parser, struct assay_gguf_tensor *tensor)
{
    size_t block = assay_dtype_block_elements(tensor->dtype);
    if (tensor->dims[0] % block != 0) {
        return assay_fail(parser->err, ASSAY_EFORMAT,
                          "tensor %s: rows of %zu elements are not a multiple of the %zu of a %s "
                          "block",
                          tensor->name, tensor->dims[0], block, assay_dtype_name(tensor->dtype));
    }
    size_t size = tensor->dims[0] / block;
    bool fits = assay_multiply(size, assay_dtype_block_bytes(tensor->dtype), &size);
    for (uint32_t i = 1; fits && i < ASSAY_GGUF_DIMS_MAX; i++) {
        fits = assay_multiply(size, tensor->dims[i], &size);
    }
    if (!fits || size > parser->reader.size) {
        return assay_fail(parser->err, ASSAY_EFORMAT,
                          "tensor %s is larger than the file (%zu × %zu × %zu × %zu %s)",
                          tensor->name, tensor->dims[0], tensor->dims[1], tensor->dims[2],
                          tensor->dims[3], assay_dtype_name(tensor->dtype));
    }
    tensor->size = size;
    return ASSAY_OK;
}

/* `end` is where the data of the tensors before this one end, padding included. */
static enum assay_status check_offset(struct assay_gguf_parser *parser,
                                      const struct assay_gguf_tensor *tensor, uint64_t offset,
                                      size_t end)
{
    const char *why = NULL;
    if (offset % parser->gguf->alignment != 0) {
        why = "is not aligned";
    } else if (offset < end) {
        why = "overlaps the tensor before it";
    } else if (offset >= parser->reader.size) {
        why = "is outside of the file";
    } else if (offset > end) {
        why = "leaves a gap behind the tensor before it";
    } else {
        return ASSAY_OK;
    }
    return assay_fail(parser->err, ASSAY_EFORMAT,
                      "tensor %s: offset %llu %s (expected %zu, alignment %u)", tensor->name,
                      (unsigned long long)offset, why, end, parser->gguf->alignment);
}

/* *end, from the begin of the tensor data, moves behind this tensor and its padding. */
static enum assay_status read_tensor(struct assay_gguf_parser *parser,
                                     struct assay_gguf_tensor *tensor, size_t *end)
{
    enum assay_status status =
        assay_gguf_read_name(parser, "a tensor's name", ASSAY_GGUF_NAME_BYTES_MAX, &tensor->name);
    if (status) return status;
    status = read_dims(parser, tensor);
    if (status) return status;
    uint32_t type = assay_read_le32(&parser->reader);
    uint64_t offset = assay_read_le64(&parser->reader);
    if (parser->reader.failed) return assay_gguf_truncated(parser, "a tensor's description");
    if (!assay_dtype_from_gguf(type, &tensor->dtype)) {
        return assay_fail(parser->err, ASSAY_EUNSUPPORTED,
                          "tensor %s: type %u (%s) is not supported; supported are %s",
                          tensor->name, type, assay_dtype_refused_name(type),
                          assay_dtype_supported());
    }
    status = measure(parser, tensor);
    if (status) return status;
    status = check_offset(parser, tensor, offset, *end);
    if (status) return status;
    tensor->offset = *end;
    const size_t padding = parser->gguf->alignment - 1;
    *end = (*end + tensor->size + padding) & ~padding;
    if (*end > parser->reader.size + padding) {
        return assay_gguf_truncated(parser, "the data of the tensors");
    }
    return ASSAY_OK;
}

/* The last tensor must end inside the file, and nothing but its padding may follow. */
static enum assay_status check_end(struct assay_gguf_parser *parser, size_t begin, size_t end,
                                   size_t padded)
{
    size_t size = parser->reader.size;
    if (begin > size || end > size - begin) {
        return assay_gguf_truncated(parser, "the data of the tensors");
    }
    if (padded < size - begin) {
        return assay_fail(parser->err, ASSAY_EFORMAT, "oversized: %zu bytes behind the last tensor",
                          size - begin - padded);
    }
    return ASSAY_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct assay_gguf_tensor *)a)->name,
                  ((const struct assay_gguf_tensor *)b)->name);
}

static enum assay_status read_tensors(struct assay_gguf_parser *parser)
{
    struct assay_gguf *gguf = parser->gguf;
    size_t end = 0, padded = 0;
    for (size_t i = 0; i < gguf->tensor_count; i++) {
        enum assay_status status = read_tensor(parser, &gguf->tensors[i], &padded);
        if (status) return status;
        end = gguf->tensors[i].offset + gguf->tensors[i].size;
    }
    const size_t padding = gguf->alignment - 1;
    size_t begin = gguf->tensor_count ? (parser->reader.position + padding) & ~padding
                                      : parser->reader.position;
    if (gguf->tensor_count == 0) padded = (padding + 1 - begin % (padding + 1)) & padding;
    enum assay_status status = check_end(parser, begin, end, padded);
    if (status) return status;
    for (size_t i = 0; i < gguf->tensor_count; i++) {
        gguf->tensors[i].data = parser->reader.data + begin + gguf->tensors[i].offset;
    }
    if (gguf->tensor_count) {
        qsort(gguf->tensors, gguf->tensor_count, sizeof *gguf->tensors, by_name);
    }
    for (size_t i = 1; i < gguf->tensor_count; i++) {
        if (by_name(&gguf->tensors[i - 1], &gguf->tensors[i]) == 0) {
            return assay_fail(parser->err, ASSAY_EFORMAT, "tensor %s is there twice",
                              gguf->tensors[i].name);
        }
    }
    return ASSAY_OK;
}

enum assay_status assay_gguf_parse(struct assay_gguf **out, const uint8_t *data, size_t size,
                                   struct assay_error *err)
{
    struct assay_gguf *gguf = calloc(1, sizeof *gguf);
    if (!gguf) return assay_fail(err, ASSAY_EMEMORY, "no memory for a GGUF header");
    struct assay_gguf_parser parser = {gguf, {.data = data, .size = size}, err};
    enum assay_status status = read_header(&parser);
    if (status) goto done;
    status = assay_gguf_read_values(&parser);
    if (status) goto done;
    status = read_tensors(&parser);
    if (status) goto done;
    *out = gguf;
    gguf = NULL;
done:
    assay_gguf_destroy(gguf);
    return status;
}

void assay_gguf_destroy(struct assay_gguf *gguf)
{
    if (!gguf) return;
    assay_arena_fini(&gguf->arena);
    free(gguf);
}
