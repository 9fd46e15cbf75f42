/* Fuzz target: records, circumstances and processes. What is read must encode to the same bytes
 * again. */
#include "assay/record.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "store/process.h"

#include <string.h>

static void check_same(const struct assay_bytes *encoded, const uint8_t *data, size_t used)
{
    ASSAY_ASSERT(encoded->size == used && memcmp(encoded->data, data, used) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct assay_arena arena = {0};
    struct assay_bytes encoded = {0};
    struct assay_record record;
    struct assay_circumstances circumstances;
    struct assay_error err;
    size_t used;
    if (assay_record_decode(&record, &arena, data, size, &used, &err) == ASSAY_OK) {
        ASSAY_ASSERT(assay_record_encode(&encoded, &record, &err) == ASSAY_OK);
        check_same(&encoded, data, used);
    }
    assay_bytes_clear(&encoded);
    if (assay_circumstances_decode(&circumstances, data, size, &used, &err) == ASSAY_OK) {
        ASSAY_ASSERT(assay_circumstances_encode(&encoded, &circumstances, &err) == ASSAY_OK);
        check_same(&encoded, data, used);
    }
    assay_bytes_clear(&encoded);
    struct assay_process process;
    if (assay_process_decode(&process, &arena, data, size, &err) == ASSAY_OK) {
        ASSAY_ASSERT(assay_process_encode(&encoded, &process, &err) == ASSAY_OK);
        check_same(&encoded, data, size);
    }
    assay_bytes_fini(&encoded);
    assay_arena_fini(&arena);
    return 0;
}
