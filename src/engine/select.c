/* Quickselect by weight: split around a key, look at which side of the split the target falls, go
 * on there. */
#include "engine/select.h"

#include "base/assert.h"

static void swap(struct assay_entry *a, struct assay_entry *b)
{
    struct assay_entry t = *a;
    *a = *b;
    *b = t;
}

/* The middle one of three keys: sorted and reversed input, both common, split well. */
static uint64_t pivot_key(const struct assay_entry *entries, size_t count)
{
    uint64_t a = entries[0].key, b = entries[count / 2].key, c = entries[count - 1].key;
    if (a < b) return b < c ? b : a < c ? c : a;
    return a < c ? a : b < c ? c : b;
}

/* Move the entries with key ≥ pivot to the front; returns how many and their weight. */
static size_t split(struct assay_entry *entries, size_t count, uint64_t pivot, uint64_t *weight)
{
    size_t front = 0;
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].key < pivot) continue;
        sum += entries[i].weight;
        swap(&entries[front++], &entries[i]);
    }
    *weight = sum;
    return front;
}

/* Bring the entry with the smallest key to the end. */
static void smallest_last(struct assay_entry *entries, size_t count)
{
    size_t smallest = 0;
    for (size_t i = 1; i < count; i++) {
        if (entries[i].key < entries[smallest].key) smallest = i;
    }
    swap(&entries[smallest], &entries[count - 1]);
}

size_t assay_select_prefix(struct assay_entry *entries, size_t count, uint64_t target,
                           uint64_t *before)
{
    ASSAY_ASSERT(count > 0 && target > 0);
    size_t begin = 0, end = count; /* the last entry of the prefix is in here */
    uint64_t sum = 0;              /* of the entries before `begin`, all in the prefix */
    while (end - begin > 1) {
        uint64_t weight;
        uint64_t pivot = pivot_key(entries + begin, end - begin);
        size_t front = split(entries + begin, end - begin, pivot, &weight);
        if (sum + weight < target) {
            if (front == end - begin) break; /* everything, and still short of the target */
            begin += front;
            sum += weight;
        } else if (front < end - begin) {
            end = begin + front;
        } else {
            /* The pivot is the smallest key and the target lies at or before it: set it apart. */
            smallest_last(entries + begin, front);
            weight -= entries[end - 1].weight;
            if (sum + weight >= target) {
                end--;
            } else {
                begin = end - 1;
                sum += weight;
            }
        }
    }
    if (end - begin > 1) {
        smallest_last(entries + begin, end - begin);
        for (size_t i = begin; i + 1 < end; i++) sum += entries[i].weight;
    }
    if (before) *before = sum;
    return end;
}
