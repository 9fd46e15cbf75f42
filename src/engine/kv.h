/* Paged keys and values. A page holds ASSAY_CHUNK positions of all layers and is counted by the
 * tables that refer to it; a table that writes into a page which others see gets a copy of its own
 * first. The pool is made once, with a page for every place of every table that there will be, so
 * that taking a page cannot fail. */
#ifndef ASSAY_ENGINE_KV_H
#define ASSAY_ENGINE_KV_H

#include "assay/status.h"
#include "backend/backend.h"

struct assay_kv_pool; /* owns the pages */

/* `tables` tables of at most `positions` positions each. `shape` gives layers, heads, head_dim and
 * whether values are wide.
 */
ASSAY_MUST_CHECK enum assay_status assay_kv_pool_open(struct assay_kv_pool **out,
                                                      const struct assay_backend *backend,
                                                      const struct assay_kv_view *shape,
                                                      size_t tables, size_t positions,
                                                      struct assay_error *err);
/* What it takes, with the tables. */
uint64_t assay_kv_pool_bytes(const struct assay_backend *backend, const struct assay_kv_view *shape,
                             size_t tables, size_t positions);
void assay_kv_pool_close(struct assay_kv_pool *pool);        /* NULL is fine */
size_t assay_kv_pool_free(const struct assay_kv_pool *pool); /* pages that no table refers to */

/* The pages of one sequence: pages[i] covers positions i·ASSAY_CHUNK …. */
struct assay_kv_table {
    struct assay_kv_pool *pool;
    uint16_t **pages; /* room for a page for each ASSAY_CHUNK positions; does not move */
    size_t page_count;
};

/* At most as many tables at a time as the pool was opened for. */
ASSAY_MUST_CHECK enum assay_status assay_kv_table_init(struct assay_kv_table *table,
                                                       struct assay_kv_pool *pool,
                                                       struct assay_error *err);
void assay_kv_table_fini(struct assay_kv_table *table);
/* Forget what only positions `count` … need; 0 forgets everything. */
void assay_kv_cut(struct assay_kv_table *table, size_t count);
/* An empty table begins with what another one has at positions 0 … count−1. */
void assay_kv_share(struct assay_kv_table *table, const struct assay_kv_table *from, size_t count);
/* Make `position` this table's own, to be written: all before it were, and stay as they are. */
void assay_kv_own(struct assay_kv_table *table, size_t position);

#endif
