/* The state: an ordered map from small keys to values, with a way back and a root. Out of memory is
 * sticky: `failed` stays true, and nothing may be committed. */
#ifndef ASSAY_LEDGER_MAP_H
#define ASSAY_LEDGER_MAP_H

#include "assay/digest.h"
#include "crypto/merkle.h"
#include "ledger/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ASSAY_KEY_BYTES_MAX = 48 };

struct assay_state_key {
    uint8_t bytes[ASSAY_KEY_BYTES_MAX];
    size_t size;
};

struct assay_map_entry {
    struct assay_state_key key;
    struct assay_blob value;  /* owned */
    struct assay_digest leaf; /* FORMAT.md 22.2 */
};

/* What a change replaced; entry is NULL where there was none. */
struct assay_map_change {
    struct assay_state_key key;
    struct assay_map_entry *before;
};

/* Zero-initialise. Entries ascend by key as bytes. */
struct assay_map {
    struct assay_map_entry **entries;
    size_t count, capacity;
    struct assay_map_change *changes; /* oldest first, since the last forget */
    size_t change_count, change_capacity;
    bool failed;
};

void assay_map_fini(struct assay_map *map);
int assay_state_key_compare(const struct assay_state_key *a, const struct assay_state_key *b);
/* Lent until the key is changed; NULL if there is none. */
const struct assay_map_entry *assay_map_find(const struct assay_map *map,
                                             const struct assay_state_key *key);
/* Index of the first entry not below the key; iterate entries[] from there. */
size_t assay_map_lower(const struct assay_map *map, const struct assay_state_key *key);
bool assay_state_key_begins(const struct assay_state_key *key,
                            const struct assay_state_key *prefix);

void assay_map_put(struct assay_map *map, const struct assay_state_key *key, const void *value,
                   size_t size);
void assay_map_remove(struct assay_map *map, const struct assay_state_key *key);

/* Go back to when change_count was `mark`; also after a failure, which it does not clear. */
void assay_map_rollback(struct assay_map *map, size_t mark);
void assay_map_forget(struct assay_map *map); /* the changes are final */

struct assay_digest assay_map_leaf(const struct assay_state_key *key,
                                   const struct assay_blob *value);
/* 22.2: the leaf of any name and digest of a value, and what the root of the map becomes. */
struct assay_digest assay_named_leaf(const void *name, size_t size, const struct assay_digest *d);
struct assay_digest assay_app_hash_of(const struct assay_digest *inner);
struct assay_digest assay_map_root(const struct assay_map *map); /* inner */
/* Siblings of entry `index`, from the leaf up. False when out of memory. */
bool assay_map_proof(const struct assay_map *map, size_t index,
                     struct assay_digest path[ASSAY_MERKLE_PATH_MAX], size_t *length);

#endif
