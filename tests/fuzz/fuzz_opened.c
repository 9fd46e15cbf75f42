/* Fuzz target: opened records. What is read is written and read to the same; the check of the proof
 * never reads past the path. */
#include "attest/opened.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"

#include <string.h>

static void check_again(const struct assay_opened *opened, struct assay_arena *arena)
{
    struct assay_bytes first = {0}, second = {0};
    struct assay_opened again;
    struct assay_error err;
    ASSAY_ASSERT(assay_opened_write(&first, opened, &err) == ASSAY_OK);
    ASSAY_ASSERT(assay_opened_parse(&again, arena, first.data, first.size, &err) == ASSAY_OK);
    ASSAY_ASSERT(assay_opened_write(&second, &again, &err) == ASSAY_OK);
    ASSAY_ASSERT(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    assay_bytes_fini(&second);
    assay_bytes_fini(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct assay_arena arena = {0};
    struct assay_opened opened;
    struct assay_record record;
    struct assay_error err;
    if (assay_opened_parse(&opened, &arena, data, size, &err) == ASSAY_OK) {
        check_again(&opened, &arena);
        if (assay_opened_verify(&opened, &(struct assay_cipher_key){.known = false}, &record,
                                &arena, &err)) {
            ASSAY_ASSERT(err.text[0] != '\0');
        }
    }
    assay_arena_fini(&arena);
    return 0;
}
