/* Fuzz target: encrypted cells. As they are, which the key refuses; and whole cells around any
 * content, which anybody makes who has the data: what opens must close to the same bytes again. */
#include "base/assert.h"
#include "crypto/cipher.h"
#include "store/sealed.h"

#include <string.h>

static const struct assay_cipher_key key = {true, {7}, {9}};
static const uint32_t zeros[2];
static const float log_probs[2];

static void append(struct assay_bytes *out, const void *data, size_t size)
{
    struct assay_error err;
    ASSAY_ASSERT(assay_bytes_append(out, data, size, &err) == ASSAY_OK);
}

static void seal(struct assay_bytes *out, const struct assay_bytes *bound, const uint8_t *data,
                 size_t size)
{
    struct assay_error err;
    ASSAY_ASSERT(assay_cipher_seal(out, &key, (struct assay_cipher_input){bound->data, bound->size},
                                   (struct assay_cipher_input){data, size}, &err) == ASSAY_OK);
}

/* FORMAT.md 13, with any plain text: the record's is cut off by the first byte. */
static void build(struct assay_bytes *cell, const struct assay_record *record,
                  const struct assay_circumstances *circumstances, const uint8_t *data, size_t size)
{
    struct assay_bytes bound = {0};
    struct assay_error err;
    uint8_t length[4] = {0};
    size_t cut = size == 0 ? 0 : 1 + data[0] % size;
    append(cell, length, sizeof length);
    append(&bound, "assay/cell-1/record", 19);
    ASSAY_ASSERT(assay_record_encode(&bound, record, &err) == ASSAY_OK);
    seal(cell, &bound, data, cut);
    assay_put_le32(cell->data, (uint32_t)cell->size - 4);
    assay_bytes_clear(&bound);
    append(&bound, "assay/cell-1/circumstances", 26);
    ASSAY_ASSERT(assay_circumstances_encode(&bound, circumstances, &err) == ASSAY_OK);
    append(&bound, cell->data + 4, cell->size - 4);
    seal(cell, &bound, data + cut, size - cut);
    assay_bytes_fini(&bound);
}

static bool opens(const struct assay_record *record,
                  const struct assay_circumstances *circumstances, const void *cell, size_t size)
{
    struct assay_arena arena = {0};
    struct assay_sealing sealing = {0};
    struct assay_record opened, closed;
    struct assay_circumstances back, rest, with = *circumstances;
    struct assay_error err;
    with.sealed = (struct assay_span){cell, size};
    enum assay_status status = assay_sealed_open(&arena, &key, record, &with, &opened, &back, &err);
    ASSAY_ASSERT(status == ASSAY_OK || err.text[0] != '\0');
    if (!status) {
        ASSAY_ASSERT(assay_sealed_make(&sealing, &key, &opened, &back, &closed, &rest, &err) ==
                     ASSAY_OK);
        ASSAY_ASSERT(rest.sealed.size == size && memcmp(rest.sealed.data, cell, size) == 0);
    }
    assay_sealing_fini(&sealing);
    assay_arena_fini(&arena);
    return status == ASSAY_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct assay_record record = {.arithmetic = ASSAY_ARITHMETIC_EXACT_1,
                                        .sampler = ASSAY_SAMPLER_1,
                                        .replicates = 1,
                                        .sets = 1,
                                        .item_id = {"item", 4},
                                        .profile = {"profile", 7},
                                        .answer = {"", 0},
                                        .token_count = 2,
                                        .tokens = zeros,
                                        .log_probs = log_probs};
    const struct assay_circumstances circumstances = {.text = {"", 0},
                                                      .grade = {.strict.rule = ASSAY_NO_RULE,
                                                                .flexible.rule = ASSAY_NO_RULE,
                                                                .run = ASSAY_NO_RUN,
                                                                .flexible_answer = {"", 0},
                                                                .run_detail = {"", 0}},
                                                      .options = {"", 0},
                                                      .sealed = {"", 0}};
    struct assay_bytes cell = {0};
    ASSAY_ASSERT(!opens(&record, &circumstances, data, size));
    build(&cell, &record, &circumstances, data, size);
    opens(&record, &circumstances, cell.data, cell.size);
    assay_bytes_fini(&cell);
    return 0;
}
