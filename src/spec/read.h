/* Tree → checked values. */
#ifndef ASSAY_SPEC_READ_H
#define ASSAY_SPEC_READ_H

#include "spec/report.h"

#include <stdbool.h>
#include <stdint.h>

struct assay_arena;
struct assay_bytes;
struct assay_spec;
struct spec_key;
struct spec_node;

struct spec_reader {
    struct assay_arena *arena; /* of the values */
    const struct spec_report *report;
    bool incomplete;               /* what is missing may still come from a definition */
    struct assay_bytes *overrides; /* names of the keys that stand in both; NULL: not wanted */
};

/* Fill all of `spec` that the text determines; what it owns lives in the reader's arena. Keys that
 * are missing come from the tree of the benchmark's definition, NULL where there is none (yet). */
ASSAY_MUST_CHECK enum assay_status assay_spec_read(const struct spec_reader *reader,
                                                   const struct spec_node *root,
                                                   const struct spec_node *definition,
                                                   struct assay_spec *spec);
/* The same for the definition alone: it is whole by itself. */
ASSAY_MUST_CHECK enum assay_status assay_definition_read(const struct spec_reader *reader,
                                                         const struct spec_node *root,
                                                         struct assay_spec *spec);
bool assay_spec_is_definition(const char *path);
/* Any file whose root is a mapping that begins with its version: `keys` is its table, `what` its
 * name in messages ("the spec"), `record` the zeroed struct that the offsets mean. */
ASSAY_MUST_CHECK enum assay_status assay_spec_read_root(const struct spec_reader *reader,
                                                        const char *what,
                                                        const struct spec_key *keys,
                                                        const struct spec_node *root, void *record);
/* One scalar into the struct that the key's offsets mean. */
ASSAY_MUST_CHECK enum assay_status assay_spec_read_value(const struct spec_reader *reader,
                                                         const struct spec_key *key,
                                                         const struct spec_node *node,
                                                         void *record);
/* EVALUE: `KEY is "…": it must be …`, with `hint` behind it. */
enum assay_status assay_spec_fail_value(const struct spec_reader *reader,
                                        const struct spec_key *key, const struct spec_node *node,
                                        const char *hint);

#endif
