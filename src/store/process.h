/* The codec of a process, and the one table of its fields, from which the codec, the merge and the
 * reader work. */
#ifndef ASSAY_STORE_PROCESS_H
#define ASSAY_STORE_PROCESS_H

#include "assay/process.h"
#include "base/arena.h"
#include "store/schema.h"

#include <stdbool.h>

struct assay_bytes;

enum { ASSAY_PROCESS_VERSION = 2, ASSAY_PROCESS_FIELDS = 28 };

/* Fields in the order of the encoding: first u32, then u64, then texts. */
struct assay_process_field {
    enum assay_column column;   /* ASSAY_COLUMN_COUNT: the topology, which has a table of its own */
    enum assay_element element; /* U32, U64 or TEXT */
    size_t offset;              /* in struct assay_process */
};
extern const struct assay_process_field assay_process_fields[ASSAY_PROCESS_FIELDS];

static inline const void *assay_process_value(const struct assay_process *process,
                                              const struct assay_process_field *field)
{
    return (const char *)process + field->offset;
}

/* What is wrong with a process, as words for a message, or NULL. */
const char *assay_process_fault(const struct assay_process *process);

/* Append the encoding (FORMAT.md 5.3). The process must be valid (asserted). */
ASSAY_MUST_CHECK enum assay_status assay_process_encode(struct assay_bytes *out,
                                                        const struct assay_process *process,
                                                        struct assay_error *err);
/* Decode one encoding that fills `data`; texts are copied into `arena`. */
ASSAY_MUST_CHECK enum assay_status assay_process_decode(struct assay_process *out,
                                                        struct assay_arena *arena,
                                                        const uint8_t *data, size_t size,
                                                        struct assay_error *err);

#endif
