/* Fuzz target: entries of the state (a byte, the key's length, then key and value), as they come
 * from a file or another node. What is taken encodes to the same bytes again. */
#include "base/assert.h"
#include "base/bytes.h"
#include "ledger/state.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || data[0] > size - 1) return 0;
    const uint8_t *key = data + 1, *value = key + data[0];
    size_t key_size = data[0], value_size = size - 1 - key_size;
    if (!assay_state_entry_valid(key, key_size, value, value_size)) return 0;
    const struct assay_layout *layout = assay_table_find(key[0])->layout;
    struct assay_bytes again = {0};
    void *decoded = calloc(1, layout->struct_bytes);
    ASSAY_ASSERT(decoded && assay_layout_decode(layout, decoded, value, value_size));
    ASSAY_ASSERT(assay_layout_encode(layout, decoded, &again));
    ASSAY_ASSERT(again.size == value_size && memcmp(again.data, value, value_size) == 0);
    free(decoded);
    assay_bytes_fini(&again);
    return 0;
}
