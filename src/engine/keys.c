/* Keys of the random words, FORMAT.md 2.1: hashes of length-prefixed fields, so that no two cells
 * share one. */
#include "assay/session.h"

#include "base/bytes.h"
#include "crypto/digest.h"

struct assay_digest assay_group_key(const uint8_t *seed, size_t seed_bytes, const uint8_t *site,
                                    size_t site_bytes, struct assay_span item_id,
                                    struct assay_span profile)
{
    struct assay_sha256 state;
    assay_sha256_init(&state);
    assay_sha256_text(&state, "assay/sampler-1/group");
    assay_sha256_field(&state, seed, seed_bytes);
    assay_sha256_field(&state, site, site_bytes);
    assay_sha256_field(&state, item_id.data, item_id.size);
    assay_sha256_field(&state, profile.data, profile.size);
    return assay_sha256_final(&state);
}

/* A key below a group: the group's key and a number. */
static struct assay_digest numbered_key(const char *purpose, const struct assay_digest *group,
                                        uint32_t number)
{
    struct assay_sha256 state;
    uint8_t bytes[4];
    assay_put_le32(bytes, number);
    assay_sha256_init(&state);
    assay_sha256_text(&state, purpose);
    assay_sha256_field(&state, group->bytes, sizeof group->bytes);
    assay_sha256_field(&state, bytes, sizeof bytes);
    return assay_sha256_final(&state);
}

struct assay_digest assay_cell_key(const struct assay_digest *group, uint32_t replicate)
{
    return numbered_key("assay/sampler-1/cell", group, replicate);
}

struct assay_digest assay_set_key(const struct assay_digest *group, uint32_t set)
{
    return numbered_key("assay/sampler-1/set", group, set);
}

struct assay_digest assay_prompt_digest(const uint32_t *tokens, size_t count)
{
    struct assay_sha256 state;
    assay_sha256_init(&state);
    assay_sha256_text(&state, "assay/prompt-1");
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[4];
        assay_put_le32(bytes, tokens[i]);
        assay_sha256_update(&state, bytes, sizeof bytes);
    }
    return assay_sha256_final(&state);
}
