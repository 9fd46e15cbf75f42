/* The pool is one block of memory and a stack of free page numbers. */
#include "engine/kv.h"

#include "base/arena.h"
#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

struct assay_kv_pool {
    const struct assay_backend *backend;
    struct assay_kv_view shape;
    uint16_t *memory;
    size_t page_units;
    size_t page_count, table_pages; /* of all tables, of one */
    uint32_t *references;           /* [page_count] tables that refer to it */
    size_t *vacant;                 /* [page_count] a stack of page numbers */
    size_t vacant_count;
    size_t tables, tables_max;
};

static size_t pages_of(size_t positions)
{
    return positions / ASSAY_CHUNK + (positions % ASSAY_CHUNK != 0);
}

static enum assay_status allocate(struct assay_kv_pool *pool, struct assay_error *err)
{
    const struct assay_kv_view *shape = &pool->shape;
    size_t page_bytes = assay_kv_page_bytes(shape), bytes;
    if (!assay_multiply(pool->table_pages, pool->tables_max, &pool->page_count) ||
        !assay_multiply(pool->page_count, page_bytes, &bytes)) {
        return assay_fail(err, ASSAY_EVALUE, "keys and values of %zu sequences: too large",
                          pool->tables_max);
    }
    pool->page_units = page_bytes / sizeof(uint16_t);
    pool->memory = pool->backend->alloc(bytes);
    pool->references = calloc(pool->page_count, sizeof *pool->references);
    pool->vacant = calloc(pool->page_count, sizeof *pool->vacant);
    if (!pool->memory || !pool->references || !pool->vacant) {
        return assay_fail(err, ASSAY_EMEMORY,
                          "no memory for keys and values: %zu pages of %zu bytes (fewer samples "
                          "at a time need less)",
                          pool->page_count, page_bytes);
    }
    while (pool->vacant_count < pool->page_count) {
        pool->vacant[pool->vacant_count] = pool->page_count - 1 - pool->vacant_count;
        pool->vacant_count++;
    }
    return ASSAY_OK;
}

enum assay_status assay_kv_pool_open(struct assay_kv_pool **out,
                                     const struct assay_backend *backend,
                                     const struct assay_kv_view *shape, size_t tables,
                                     size_t positions, struct assay_error *err)
{
    struct assay_kv_pool *pool = calloc(1, sizeof *pool);
    if (!pool) return assay_fail(err, ASSAY_EMEMORY, "no memory for keys and values");
    *pool = (struct assay_kv_pool){.backend = backend,
                                   .shape = *shape,
                                   .table_pages = pages_of(positions),
                                   .tables_max = tables};
    enum assay_status status = allocate(pool, err);
    if (status) {
        assay_kv_pool_close(pool);
        return status;
    }
    *out = pool;
    return ASSAY_OK;
}

uint64_t assay_kv_pool_bytes(const struct assay_backend *backend, const struct assay_kv_view *shape,
                             size_t tables, size_t positions)
{
    uint64_t pages = (uint64_t)pages_of(positions) * tables;
    size_t page_bytes = assay_kv_page_bytes(shape);
    return backend->alloc_bytes(pages * page_bytes) +
           pages * (sizeof(uint32_t) + sizeof(size_t) + sizeof(uint16_t *));
}

void assay_kv_pool_close(struct assay_kv_pool *pool)
{
    if (!pool) return;
    ASSAY_ASSERT(pool->tables == 0);
    free(pool->vacant);
    free(pool->references);
    if (pool->memory) pool->backend->free(pool->memory);
    free(pool);
}

size_t assay_kv_pool_free(const struct assay_kv_pool *pool)
{
    return pool->vacant_count;
}

static uint32_t *references_of(const struct assay_kv_pool *pool, const uint16_t *page)
{
    return &pool->references[(size_t)(page - pool->memory) / pool->page_units];
}

static uint16_t *take_page(struct assay_kv_pool *pool)
{
    ASSAY_ASSERT(pool->vacant_count > 0);
    size_t number = pool->vacant[--pool->vacant_count];
    pool->references[number] = 1;
    return pool->memory + number * pool->page_units;
}

static void drop_page(struct assay_kv_pool *pool, const uint16_t *page)
{
    uint32_t *references = references_of(pool, page);
    if (--*references == 0) {
        pool->vacant[pool->vacant_count++] = (size_t)(page - pool->memory) / pool->page_units;
    }
}

enum assay_status assay_kv_table_init(struct assay_kv_table *table, struct assay_kv_pool *pool,
                                      struct assay_error *err)
{
    ASSAY_ASSERT(pool->tables < pool->tables_max);
    uint16_t **pages = calloc(pool->table_pages, sizeof *pages);
    if (!pages) return assay_fail(err, ASSAY_EMEMORY, "no memory for a table of pages");
    *table = (struct assay_kv_table){.pool = pool, .pages = pages};
    pool->tables++;
    return ASSAY_OK;
}

void assay_kv_table_fini(struct assay_kv_table *table)
{
    if (!table->pool) return;
    assay_kv_cut(table, 0);
    table->pool->tables--;
    free(table->pages);
    *table = (struct assay_kv_table){0};
}

void assay_kv_cut(struct assay_kv_table *table, size_t count)
{
    size_t pages = pages_of(count);
    while (table->page_count > pages) drop_page(table->pool, table->pages[--table->page_count]);
}

void assay_kv_share(struct assay_kv_table *table, const struct assay_kv_table *from, size_t count)
{
    size_t pages = pages_of(count);
    ASSAY_ASSERT(table->page_count == 0 && table->pool == from->pool && pages <= from->page_count);
    for (size_t i = 0; i < pages; i++) {
        table->pages[i] = from->pages[i];
        ++*references_of(table->pool, table->pages[i]);
    }
    table->page_count = pages;
}

/* The first `count` positions of every head of every layer. */
static void copy_positions(const struct assay_kv_pool *pool, uint16_t *to, const uint16_t *from,
                           size_t count)
{
    size_t position_units = pool->shape.head_dim * assay_kv_units(&pool->shape);
    size_t bytes = count * position_units * sizeof *to;
    for (size_t at = 0; at < pool->page_units; at += ASSAY_CHUNK * position_units) {
        memcpy(to + at, from + at, bytes);
    }
}

void assay_kv_own(struct assay_kv_table *table, size_t position)
{
    struct assay_kv_pool *pool = table->pool;
    size_t i = position / ASSAY_CHUNK;
    ASSAY_ASSERT(i < pool->table_pages && i <= table->page_count);
    if (i == table->page_count) {
        table->pages[table->page_count++] = take_page(pool);
    } else if (*references_of(pool, table->pages[i]) > 1) {
        uint16_t *page = take_page(pool);
        copy_positions(pool, page, table->pages[i], position % ASSAY_CHUNK);
        drop_page(pool, table->pages[i]);
        table->pages[i] = page;
    }
}
