/* YAML text → a plain tree with the place of every node. The subset is small on purpose: one
 * document of mappings, lists and scalars. Anchors, aliases, tags, keys that are no scalars, a key
 * that stands twice, and NUL characters are refused, so that the text says all there is to know. */
#ifndef ASSAY_SPEC_TREE_H
#define ASSAY_SPEC_TREE_H

#include "spec/report.h"

#include <stdbool.h>

struct assay_arena;

enum spec_kind { SPEC_SCALAR, SPEC_SEQUENCE, SPEC_MAPPING };

struct spec_node {
    enum spec_kind kind;
    bool plain;            /* a scalar written without quotes */
    const char *text;      /* of a scalar: UTF-8 without NUL */
    size_t size;           /* bytes of text */
    const char *key;       /* of a value in a mapping, else NULL */
    struct spec_mark mark; /* the key's place where there is a key, else the node's own */
    size_t count;          /* children of a sequence or mapping */
    struct spec_node *first, *next;
};

enum { SPEC_DEPTH_MAX = 8, SPEC_CHILDREN_MAX = 256 };

/* The tree lives in `arena`. */
ASSAY_MUST_CHECK enum assay_status assay_spec_tree(const struct spec_node **out,
                                                   struct assay_arena *arena, const char *text,
                                                   size_t size, const struct spec_report *report);
/* The value of a key in a mapping, or NULL. */
const struct spec_node *assay_spec_tree_find(const struct spec_node *mapping, const char *key);

#endif
