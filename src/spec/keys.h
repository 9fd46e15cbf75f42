/* The keys of a spec: one table for each mapping. A spec is read, checked, put into its canonical
 * form and explained by walking these tables; a key that is not here does not exist. */
#ifndef ASSAY_SPEC_KEYS_H
#define ASSAY_SPEC_KEYS_H

#include "assay/spec.h"

#include <stdbool.h>

enum spec_type {
    SPEC_VERSION,  /* the format's number; goes nowhere */
    SPEC_NAME,     /* const char *: max characters of [a-z0-9._-] */
    SPEC_WORD,     /* const char *: max characters that a shell leaves alone */
    SPEC_TEXT,     /* const char *: min … max bytes */
    SPEC_TEMPLATE, /* const char *: text with {fields} (spec/template.h) */
    SPEC_PATTERN,  /* const char *: PCRE2 with one capture group */
    SPEC_SHA256,   /* struct assay_digest; bool `also_at` tells that it was given */
    SPEC_WHOLE,    /* uint32_t: min … max */
    SPEC_SEED,     /* uint64_t: min … max */
    SPEC_MILLI,    /* uint32_t in thousandths: min … max; written as a decimal */
    SPEC_CHOICE,   /* an enum whose values count the `choices` from 0 */
    SPEC_TEXTS,    /* const char *const *: at most max; size_t `also_at` is their number */
    SPEC_SOME,     /* the same, at least one, and one text is a list of one */
    SPEC_RULES,    /* const struct assay_rule *: 1 … max mappings, or one pattern; `also_at` */
    SPEC_BLOCK,    /* a mapping with `keys`, into the same struct */
    SPEC_RECORDS   /* array of structs: 1 … max mappings with `keys`; size_t `also_at` */
};

struct spec_key {
    const char *name; /* NULL ends a table */
    enum spec_type type;
    bool required;
    bool own;             /* never taken from the benchmark's definition */
    bool outside;         /* not part of the identity: absent from the canonical form */
    size_t at, also_at;   /* offsets in the struct that is filled, or in a record of a list */
    uint64_t min, max;    /* by type, above */
    const char *fallback; /* what an absent key means, as it would be written; NULL: nothing */
    const char *const *choices;  /* ends with NULL */
    const struct spec_key *keys; /* of a block or a record; a record has the key "name" */
    const char *each;            /* what an entry of a list is called: "a profile" */
    size_t record_bytes;         /* size of a record's struct */
    const char *help;
};

#define SPEC_WORD_MARKS "._-+=:/,@" /* of a word, beside letters and digits */

enum {
    SPEC_KEYS_MAX = 20, /* of one table */
    SPEC_STOP_BYTES_MAX = 256,
    SPEC_EXPECTS_BYTES = 192 /* room for assay_spec_expects */
};

/* The table of the whole spec, and that of a benchmark's definition; tables of blocks hang below
 * them. Both fill one struct assay_spec. */
const struct spec_key *assay_spec_keys(void);
const struct spec_key *assay_definition_keys(void);
const struct spec_key *assay_spec_key_find(const struct spec_key *keys, const char *name);
/* What a value must be, for messages and help: "a whole number from 1 to 65536". Returns `to`. */
const char *assay_spec_expects(const struct spec_key *key, char to[SPEC_EXPECTS_BYTES]);

#endif
