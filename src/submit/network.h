/* A network as a site sees it: questions about a committed state, and transactions. The embedded
 * ledger answers now (solo.c); a node will by its RPC. */
#ifndef ASSAY_SUBMIT_NETWORK_H
#define ASSAY_SUBMIT_NETWORK_H

#include "ledger/proof.h"
#include "ledger/state.h"

struct assay_bytes;

struct assay_network_info {
    char chain[ASSAY_CHAIN_ID_MAX + 1];
    uint64_t height;
    struct assay_digest app_hash;
};

/* One entry of the state; what it lends ends with the call. Another status than OK ends the list.
 */
typedef enum assay_status assay_network_visit(void *context, const struct assay_state_key *key,
                                              const struct assay_blob *value,
                                              struct assay_error *err);

struct assay_network_ops {
    const char *name;
    enum assay_status (*info)(void *self, struct assay_network_info *out, struct assay_error *err);
    /* Append the value; *found. */
    enum assay_status (*read)(void *self, const struct assay_state_key *key, bool *found,
                              struct assay_bytes *value, struct assay_error *err);
    enum assay_status (*list)(void *self, const struct assay_state_key *prefix,
                              assay_network_visit *visit, void *context, struct assay_error *err);
    /* The proof's value is appended to `value`, and lent from there. */
    enum assay_status (*prove)(void *self, const struct assay_state_key *key,
                               struct assay_state_proof *out, struct assay_bytes *value,
                               struct assay_error *err);
    /* Until it is in a block or refused. */
    enum assay_status (*submit)(void *self, const uint8_t *tx, size_t size, enum assay_code *code,
                                uint64_t *height, struct assay_error *err);
    void (*close)(void *self);
};

struct assay_network {
    const struct assay_network_ops *ops;
    void *self;
};

/* The embedded ledger in a file. `chain` NULL: any. */
ASSAY_MUST_CHECK enum assay_status assay_network_open_solo(struct assay_network *out,
                                                           const char *path, const char *chain,
                                                           bool read_only, struct assay_error *err);
void assay_network_close(struct assay_network *network); /* a zeroed one is fine */
/* The file behind an embedded ledger, for what only it can do. */
struct assay_ledger_store;
struct assay_ledger_store *assay_network_store(const struct assay_network *network);

/* Read a value by its table's layout. ENOTFOUND says `what`. Blobs are lent by `bytes`. */
ASSAY_MUST_CHECK enum assay_status assay_network_get(const struct assay_network *network,
                                                     const struct assay_state_key *key, void *out,
                                                     struct assay_bytes *bytes, const char *what,
                                                     struct assay_error *err);

#endif
