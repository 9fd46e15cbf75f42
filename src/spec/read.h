/* Tree → checked values. */
#ifndef ASSAY_SPEC_READ_H
#define ASSAY_SPEC_READ_H

#include "spec/report.h"

#include <stdint.h>

struct assay_arena;
struct assay_spec;
struct spec_key;
struct spec_node;

struct spec_reader {
    struct assay_arena *arena; /* of the values */
    const struct spec_report *report;
};

/* Fill all of `spec` that the text determines; what it owns lives in the reader's arena. */
ASSAY_MUST_CHECK enum assay_status assay_spec_read(const struct spec_reader *reader,
                                                   const struct spec_node *root,
                                                   struct assay_spec *spec);
/* As that for any file whose root is a mapping that begins with its version: `keys` is its table,
 * `what` its name in messages ("the spec"), `record` the zeroed struct that the offsets mean. */
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
