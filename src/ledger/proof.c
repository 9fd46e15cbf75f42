/* Inclusion of an entry, in the two steps of the app hash. */
#include "ledger/proof.h"

#include "crypto/digest.h"
#include "ledger/state.h"

enum assay_status assay_ledger_prove(const struct assay_ledger *ledger,
                                     const struct assay_state_key *key,
                                     struct assay_state_proof *out, struct assay_error *err)
{
    const struct assay_map *map = &ledger->map;
    const struct assay_map_entry *entry = assay_map_find(map, key);
    if (!entry) return assay_fail(err, ASSAY_ENOTFOUND, "there is no such entry to prove");
    size_t index = assay_map_lower(map, key);
    *out = (struct assay_state_proof){.key = *key,
                                      .value = entry->value,
                                      .inner = assay_map_root(map),
                                      .index = index,
                                      .size = map->count};
    if (!assay_map_proof(map, index, out->path, &out->path_length)) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory for a proof");
    }
    return ASSAY_OK;
}

bool assay_state_proof_verify(const struct assay_state_proof *proof,
                              const struct assay_digest *app_hash)
{
    struct assay_digest leaf = assay_map_leaf(&proof->key, &proof->value);
    struct assay_digest found = assay_app_hash_of(&proof->inner);
    return assay_digest_equal(&found, app_hash) &&
           assay_merkle_verify(&proof->inner, &leaf, proof->index, proof->size, proof->path,
                               proof->path_length);
}
