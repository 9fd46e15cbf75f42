/* Attention's division into units and pieces. Portable: the arithmetic is in attend_*.c. */
#include "backend/cpu/attend.h"

#include "base/assert.h"
#include "base/team.h"

#include <stdatomic.h>

struct attend_work {
    const struct assay_attend_kernel *kernel;
    const struct assay_kv_view *view;
    const float *q;
    uint32_t heads;
    size_t rows;
    const struct assay_row_place *places;
    float *y;
    uint32_t group;             /* query heads of a key head */
    uint32_t part, parts;       /* heads of a group that a unit takes, units that a group needs */
    size_t rows_of_unit, units; /* rows > 1 only where parts is 1 */
    atomic_size_t next;
};

/* What a row sees of chunk c; empty where that is nothing. */
static struct assay_seen span_of(const struct assay_kv_view *view, uint32_t position, uint32_t c)
{
    uint32_t first = assay_kv_first(view, position), start = c * ASSAY_CHUNK;
    if (position < start || first >= start + ASSAY_CHUNK) return (struct assay_seen){0, 0};
    return (struct assay_seen){first > start ? first - start : 0,
                               position - start < ASSAY_CHUNK ? position - start + 1 : ASSAY_CHUNK};
}

/* What a thread takes at a time: queries of one key head. */
struct unit {
    struct assay_query queries[ASSAY_QUERIES_MAX];
    size_t count;
    uint32_t kv_head, last; /* chunk */
};

/* The last rows first: in a prompt they look back farthest, and small units end the work. */
static void unit_init(struct unit *unit, const struct attend_work *work, size_t index)
{
    size_t of_rows = work->parts * work->view->kv_heads;
    size_t row = (work->units - 1 - index) / of_rows * work->rows_of_unit;
    uint32_t first = (uint32_t)(index % work->parts) * work->part, last = first + work->part;
    if (last > work->group) last = work->group;
    unit->kv_head = (uint32_t)(index % of_rows / work->parts);
    unit->count = 0;
    unit->last = 0;
    for (size_t r = row; r < row + work->rows_of_unit && r < work->rows; r++) {
        uint32_t chunk = work->places[r].position / ASSAY_CHUNK;
        if (chunk > unit->last) unit->last = chunk;
        for (uint32_t head = first; head < last; head++) {
            struct assay_query *query = &unit->queries[unit->count++];
            size_t at = (r * work->heads + unit->kv_head * work->group + head);
            query->q = work->q + at * work->view->head_dim;
            query->y = work->y + at * work->view->head_dim;
            query->place = &work->places[r];
            query->begun = false;
        }
    }
}

/* The piece from chunk c and query k on; false where there is none. Chunks ascend, and in each of
 * them runs of queries that see the same. */
static bool find_piece(const struct assay_kv_view *view, const struct unit *unit, uint32_t c,
                       size_t k, struct assay_piece *out)
{
    for (; c <= unit->last; c++, k = 0) {
        for (; k < unit->count; k++) {
            const struct assay_row_place *place = unit->queries[k].place;
            struct assay_seen span = span_of(view, place->position, c);
            if (span.end == 0) continue;
            const uint16_t *page = place->pages[c];
            size_t count = 1;
            for (; k + count < unit->count; count++) {
                const struct assay_row_place *other = unit->queries[k + count].place;
                struct assay_seen seen = span_of(view, other->position, c);
                if (seen.begin != span.begin || seen.end != span.end) break;
                if (other->pages[c] != page) break;
            }
            *out = (struct assay_piece){c,
                                        k,
                                        count,
                                        page + assay_kv_offset(view, 0, unit->kv_head, 0),
                                        page + assay_kv_offset(view, 1, unit->kv_head, 0),
                                        span};
            return true;
        }
    }
    return false;
}

static bool first_piece(const struct assay_kv_view *view, const struct unit *unit,
                        struct assay_piece *out)
{
    uint32_t first = UINT32_MAX;
    for (size_t k = 0; k < unit->count; k++) {
        uint32_t c = assay_kv_first(view, unit->queries[k].place->position) / ASSAY_CHUNK;
        if (c < first) first = c;
    }
    return find_piece(view, unit, first, 0, out);
}

/* All pieces of a unit, and the first of the one after it is asked for at the end. */
static void attend_unit(const struct attend_work *work, struct unit *unit, const struct unit *after)
{
    const struct assay_kv_view *view = work->view;
    struct assay_piece piece, next;
    bool more = first_piece(view, unit, &piece);
    while (more) {
        more = find_piece(view, unit, piece.chunk, piece.first + piece.count, &next);
        if (!more && !(after && first_piece(view, after, &next))) next = piece;
        work->kernel->piece(unit->queries + piece.first, view, &piece, &next);
        piece = next;
    }
    for (size_t k = 0; k < unit->count; k++)
        work->kernel->divide(&unit->queries[k], view->head_dim);
}

/* The next unit that nobody has; false where there is none. */
static bool take_unit(struct attend_work *work, struct unit *unit)
{
    size_t index = atomic_fetch_add_explicit(&work->next, 1, memory_order_relaxed);
    if (index >= work->units) return false;
    unit_init(unit, work, index);
    return true;
}

/* A thread takes the next unit before it computes the present one; the last ones are taken by
 * whoever is free. */
static void attend_units(void *context, unsigned thread, unsigned threads)
{
    struct attend_work *work = context;
    struct unit units[2], *unit = &units[0], *after = &units[1];
    (void)thread;
    bool more = take_unit(work, unit);
    while (more) {
        size_t taken = atomic_load_explicit(&work->next, memory_order_relaxed);
        bool known = taken + threads <= work->units && take_unit(work, after);
        attend_unit(work, unit, known ? after : NULL);
        more = known || take_unit(work, after);
        struct unit *done = unit;
        unit = after;
        after = done;
    }
}

void assay_cpu_attend(const struct assay_attend_kernel *kernel, struct assay_team *team,
                      const struct assay_kv_view *view, const float *q, uint32_t heads, size_t rows,
                      const struct assay_row_place *places, float *y)
{
    enum { UNITS_OF_A_THREAD = 3 };
    ASSAY_ASSERT(kernel->queries <= ASSAY_QUERIES_MAX);
    struct attend_work work = {.kernel = kernel,
                               .view = view,
                               .q = q,
                               .heads = heads,
                               .rows = rows,
                               .places = places,
                               .y = y,
                               .group = heads / view->kv_heads,
                               .rows_of_unit = 1};
    size_t most = rows * heads / (assay_team_threads(team) * UNITS_OF_A_THREAD) + 1;
    if (most > kernel->queries) most = kernel->queries;
    work.parts = (uint32_t)((work.group + most - 1) / most);
    work.part = (work.group + work.parts - 1) / work.parts;
    if (work.parts == 1) work.rows_of_unit = most / work.group;
    work.units = (rows + work.rows_of_unit - 1) / work.rows_of_unit * view->kv_heads * work.parts;
    assay_team_run(team, attend_units, &work);
}
