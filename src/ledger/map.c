/* A sorted array of entries: lookups by halving, iteration in order, changes undone from a list.
 * Ten thousand sites make some ten thousand entries; moving their pointers costs microseconds. */
#include "ledger/map.h"

#include "base/assert.h"
#include "crypto/digest.h"

#include <stdlib.h>
#include <string.h>

static void entry_destroy(struct assay_map_entry *entry)
{
    if (!entry) return;
    free((void *)(uintptr_t)entry->value.data);
    free(entry);
}

void assay_map_fini(struct assay_map *map)
{
    assay_map_forget(map);
    for (size_t i = 0; i < map->count; i++) entry_destroy(map->entries[i]);
    free(map->entries);
    free(map->changes);
    *map = (struct assay_map){0};
}

int assay_state_key_compare(const struct assay_state_key *a, const struct assay_state_key *b)
{
    size_t shorter = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->bytes, b->bytes, shorter);
    if (order != 0) return order;
    return a->size < b->size ? -1 : a->size > b->size;
}

bool assay_state_key_begins(const struct assay_state_key *key, const struct assay_state_key *prefix)
{
    return key->size >= prefix->size && memcmp(key->bytes, prefix->bytes, prefix->size) == 0;
}

size_t assay_map_lower(const struct assay_map *map, const struct assay_state_key *key)
{
    size_t low = 0, high = map->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (assay_state_key_compare(&map->entries[middle]->key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const struct assay_map *map, size_t index, const struct assay_state_key *key)
{
    return index < map->count && assay_state_key_compare(&map->entries[index]->key, key) == 0;
}

const struct assay_map_entry *assay_map_find(const struct assay_map *map,
                                             const struct assay_state_key *key)
{
    size_t index = assay_map_lower(map, key);
    return is_at(map, index, key) ? map->entries[index] : NULL;
}

/* Room for one more entry and one more change, so that what follows cannot fail. */
static bool make_room(struct assay_map *map)
{
    if (map->count == map->capacity) {
        size_t capacity = map->capacity ? 2 * map->capacity : 64;
        void *grown = realloc(map->entries, capacity * sizeof *map->entries);
        if (!grown) return false;
        map->entries = grown;
        map->capacity = capacity;
    }
    if (map->change_count == map->change_capacity) {
        size_t capacity = map->change_capacity ? 2 * map->change_capacity : 64;
        void *grown = realloc(map->changes, capacity * sizeof *map->changes);
        if (!grown) return false;
        map->changes = grown;
        map->change_capacity = capacity;
    }
    return true;
}

static struct assay_map_entry *entry_create(const struct assay_state_key *key, const void *value,
                                            size_t size)
{
    struct assay_map_entry *entry = malloc(sizeof *entry);
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (!entry || !copy) {
        free(entry);
        free(copy);
        return NULL;
    }
    if (size > 0) memcpy(copy, value, size);
    *entry = (struct assay_map_entry){.key = *key, .value = {copy, (uint32_t)size}};
    entry->leaf = assay_map_leaf(key, &entry->value);
    return entry;
}

/* Put an entry at an index, or take the one there out. No allocation: make_room was called. */
static void insert_at(struct assay_map *map, size_t index, struct assay_map_entry *entry)
{
    ASSAY_ASSERT(map->count < map->capacity);
    memmove(map->entries + index + 1, map->entries + index,
            (map->count - index) * sizeof *map->entries);
    map->entries[index] = entry;
    map->count++;
}

static void remove_at(struct assay_map *map, size_t index)
{
    map->count--;
    memmove(map->entries + index, map->entries + index + 1,
            (map->count - index) * sizeof *map->entries);
}

void assay_map_put(struct assay_map *map, const struct assay_state_key *key, const void *value,
                   size_t size)
{
    ASSAY_ASSERT(size <= UINT32_MAX && key->size <= ASSAY_KEY_BYTES_MAX);
    struct assay_map_entry *entry = make_room(map) ? entry_create(key, value, size) : NULL;
    if (!entry) {
        map->failed = true;
        return;
    }
    size_t index = assay_map_lower(map, key);
    struct assay_map_entry *before = NULL;
    if (is_at(map, index, key)) {
        before = map->entries[index];
        map->entries[index] = entry;
    } else {
        insert_at(map, index, entry);
    }
    map->changes[map->change_count++] = (struct assay_map_change){*key, before};
}

void assay_map_remove(struct assay_map *map, const struct assay_state_key *key)
{
    size_t index = assay_map_lower(map, key);
    if (!is_at(map, index, key)) return;
    if (!make_room(map)) {
        map->failed = true;
        return;
    }
    map->changes[map->change_count++] = (struct assay_map_change){*key, map->entries[index]};
    remove_at(map, index);
}

void assay_map_rollback(struct assay_map *map, size_t mark)
{
    while (map->change_count > mark) {
        struct assay_map_change *change = &map->changes[--map->change_count];
        size_t index = assay_map_lower(map, &change->key);
        bool present = is_at(map, index, &change->key);
        if (present) entry_destroy(map->entries[index]);
        if (present && change->before) {
            map->entries[index] = change->before;
        } else if (present) {
            remove_at(map, index);
        } else {
            ASSAY_ASSERT(change->before);
            insert_at(map, index, change->before);
        }
    }
}

void assay_map_forget(struct assay_map *map)
{
    for (size_t i = 0; i < map->change_count; i++) entry_destroy(map->changes[i].before);
    map->change_count = 0;
}

/* An unsigned LEB128. */
static size_t put_varint(uint8_t to[10], uint64_t value)
{
    size_t size = 0;
    do {
        to[size++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value > 0);
    return size;
}

struct assay_digest assay_named_leaf(const void *name, size_t size, const struct assay_digest *d)
{
    struct assay_sha256 sha;
    uint8_t length[10];
    assay_sha256_init(&sha);
    assay_sha256_update(&sha, "\x00", 1);
    assay_sha256_update(&sha, length, put_varint(length, size));
    assay_sha256_update(&sha, name, size);
    assay_sha256_update(&sha, "\x20", 1);
    assay_sha256_update(&sha, d->bytes, sizeof d->bytes);
    return assay_sha256_final(&sha);
}

struct assay_digest assay_map_leaf(const struct assay_state_key *key,
                                   const struct assay_blob *value)
{
    struct assay_digest digest = assay_sha256_of(value->data, value->size);
    return assay_named_leaf(key->bytes, key->size, &digest);
}

struct assay_digest assay_app_hash_of(const struct assay_digest *inner)
{
    struct assay_digest digest = assay_sha256_of(inner->bytes, sizeof inner->bytes);
    return assay_named_leaf("assay", 5, &digest);
}

struct assay_digest assay_map_root(const struct assay_map *map)
{
    struct assay_merkle merkle;
    assay_merkle_init(&merkle);
    for (size_t i = 0; i < map->count; i++) assay_merkle_add(&merkle, &map->entries[i]->leaf);
    return assay_merkle_root(&merkle);
}

bool assay_map_proof(const struct assay_map *map, size_t index,
                     struct assay_digest path[ASSAY_MERKLE_PATH_MAX], size_t *length)
{
    struct assay_digest *leaves = calloc(map->count ? map->count : 1, sizeof *leaves);
    if (!leaves) return false;
    for (size_t i = 0; i < map->count; i++) leaves[i] = map->entries[i]->leaf;
    *length = assay_merkle_proof(leaves, map->count, index, path);
    free(leaves);
    return true;
}
