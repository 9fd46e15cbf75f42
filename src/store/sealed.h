/* Samples of an encrypted benchmark (FORMAT.md 13): what quotes the data goes into a cell, the rest
 * stays as it is, so that scores, costs and places need no key. */
#ifndef ASSAY_STORE_SEALED_H
#define ASSAY_STORE_SEALED_H

#include "assay/cipher.h"
#include "assay/record.h"
#include "base/arena.h"
#include "base/bytes.h"

/* Scratch. Zero-initialise, may be used again; what it made lives until then. */
struct assay_sealing {
    struct assay_bytes bound, plain, cell;
    uint32_t *zeros;
    size_t zero_count;
};
void assay_sealing_fini(struct assay_sealing *sealing);

/* Record and circumstances without what is sealed, which is in circumstances_out->sealed. */
ASSAY_MUST_CHECK enum assay_status
assay_sealed_make(struct assay_sealing *sealing, const struct assay_cipher_key *key,
                  const struct assay_record *record,
                  const struct assay_circumstances *circumstances, struct assay_record *record_out,
                  struct assay_circumstances *circumstances_out, struct assay_error *err);

/* The way back; what is opened lies in `arena`. EFAILED when the cell, or anything beside it, was
 * changed; EFORMAT when it opens to what is no sample. */
ASSAY_MUST_CHECK enum assay_status
assay_sealed_open(struct assay_arena *arena, const struct assay_cipher_key *key,
                  const struct assay_record *record,
                  const struct assay_circumstances *circumstances, struct assay_record *record_out,
                  struct assay_circumstances *circumstances_out, struct assay_error *err);
/* The part of a cell that belongs to the record: alone it opens the record. Empty when the cell is
 * cut short. */
struct assay_span assay_sealed_record_part(struct assay_span cell);
ASSAY_MUST_CHECK enum assay_status
assay_sealed_open_record(struct assay_arena *arena, const struct assay_cipher_key *key,
                         const struct assay_record *record, struct assay_span part,
                         struct assay_record *out, struct assay_error *err);

#endif
