/* Which records an audit looks at: whole groups, because their samples share a prompt, drawn
 * without replacement by Floyd's algorithm (Bentley, Programming Pearls, CACM 30(9), 1987). */
#include "assay/audit.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "engine/draw.h"

#include <inttypes.h>
#include <stdlib.h>

static bool has(const uint8_t *set, uint64_t i)
{
    return set[i / 8] >> (i % 8) & 1;
}

static void add(uint8_t *set, uint64_t i)
{
    set[i / 8] = (uint8_t)(set[i / 8] | 1 << (i % 8));
}

static struct assay_digest key_of(const struct assay_digest *binding, uint64_t seed)
{
    struct assay_sha256 state;
    uint8_t bytes[8];
    assay_put_le64(bytes, seed);
    assay_sha256_init(&state);
    assay_sha256_text(&state, "assay/audit-1");
    assay_sha256_field(&state, binding->bytes, sizeof binding->bytes);
    assay_sha256_field(&state, bytes, sizeof bytes);
    return assay_sha256_final(&state);
}

/* `wanted` of `count` groups, as bits. */
static void draw_groups(uint8_t *set, uint64_t count, uint64_t wanted,
                        const struct assay_digest *key)
{
    for (uint64_t i = 0; i < wanted; i++) {
        uint64_t last = count - wanted + i;
        uint64_t word = assay_draw_word(key, (uint32_t)i, ASSAY_PURPOSE_DRAW, (uint32_t)(i >> 32));
        uint64_t group = (uint64_t)((assay_u128)word * (last + 1) >> 64);
        add(set, has(set, group) ? last : group);
    }
}

enum assay_status assay_audit_choose(uint64_t **out, size_t *count, const struct assay_plan *plan,
                                     uint64_t samples, const struct assay_digest *binding,
                                     uint64_t seed, struct assay_error *err)
{
    uint64_t wanted = samples / plan->replicates + (samples % plan->replicates > 0);
    if (wanted > plan->group_count) wanted = plan->group_count;
    struct assay_digest key = key_of(binding, seed);
    uint8_t *set = calloc((size_t)(plan->group_count / 8 + 1), 1);
    size_t bytes;
    uint64_t *indices = NULL;
    if (set && assay_multiply((size_t)(wanted * plan->replicates) + 1, sizeof *indices, &bytes)) {
        indices = malloc(bytes);
    }
    if (!indices) {
        free(set);
        return assay_fail(err, ASSAY_EMEMORY, "no memory to choose %" PRIu64 " samples", samples);
    }
    draw_groups(set, plan->group_count, wanted, &key);
    *count = 0;
    for (uint64_t group = 0; group < plan->group_count; group++) {
        if (!has(set, group)) continue;
        for (uint32_t r = 0; r < plan->replicates; r++) {
            indices[(*count)++] = group * plan->replicates + r;
        }
    }
    free(set);
    *out = indices;
    return ASSAY_OK;
}
