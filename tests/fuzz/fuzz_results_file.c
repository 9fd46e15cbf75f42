/* Fuzz target: a whole results file through libhdf5. The input is a list of changes to the bytes of
 * a valid one (its first byte says which): u32 offset, u8 length (at most 8), bytes. The next byte
 * says after how many of its 64 parts the file is cut short, 0: nowhere. */
#include "base/bytes.h"
#include "store/image.h"

#include "results_base.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct assay_bytes files[BASES];
    struct assay_reader reader = {.data = data, .size = size};
    struct assay_results *results = NULL;
    struct assay_error err;
    for (unsigned i = 0; i < BASES && !files[i].data; i++) files[i] = base_make((enum base)i);
    const struct assay_bytes *base = &files[assay_read_u8(&reader) % BASES];
    size_t cut = assay_read_u8(&reader) % 64, whole = cut ? base->size / 64 * cut : base->size;
    uint8_t *file = malloc(whole);
    if (!file) abort();
    memcpy(file, base->data, whole);
    while (!reader.failed && reader.position < reader.size) {
        size_t offset = assay_read_le32(&reader) % whole, length = assay_read_u8(&reader) % 9;
        const uint8_t *bytes = assay_read_span(&reader, length);
        if (bytes) memcpy(file + offset, bytes, length < whole - offset ? length : whole - offset);
    }
    if (assay_results_parse(&results, file, whole, &err) == ASSAY_OK) {
        struct assay_results_sample sample;
        if (assay_results_sample(results, 0, &sample, &err)) abort();
        assay_results_close(results);
    }
    free(file);
    return 0;
}
