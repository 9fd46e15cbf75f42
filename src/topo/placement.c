/* How the ranks of one host share it. The rank's processing units are made of whole cores that lie
 * together (hwloc_distrib over the topology cut down to what the rank may use), and each thread
 * gets a core of its own as long as there are enough. */
#include "topo/topology.h"

#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 256 }; /* of a session; a larger machine wants several ranks */

struct assay_placement {
    hwloc_topology_t hwloc; /* the topology's; borrowed */
    bool this_machine;
    hwloc_bitmap_t part;     /* of the rank */
    hwloc_bitmap_t *threads; /* thread_count sets */
    uint32_t thread_count;
    struct assay_placement_facts facts;
};

static hwloc_bitmap_t bitmap_of(const struct assay_cpuset *set)
{
    hwloc_bitmap_t bitmap = hwloc_bitmap_alloc();
    for (unsigned i = 0; bitmap && i < ASSAY_CPUSET_BITS; i++) {
        if (set->words[i / 64] >> (i % 64) & 1) hwloc_bitmap_set(bitmap, i);
    }
    return bitmap;
}

static enum assay_status no_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the placement of threads");
}

static void free_sets(hwloc_bitmap_t *sets, uint32_t count)
{
    for (uint32_t i = 0; sets && i < count; i++) hwloc_bitmap_free(sets[i]);
    free(sets);
}

/* `count` parts of `whole`, by cores; more parts than cores share cores. */
static enum assay_status distribute(hwloc_topology_t hwloc, hwloc_const_bitmap_t whole,
                                    uint32_t count, hwloc_bitmap_t **out, struct assay_error *err)
{
    hwloc_topology_t cut;
    hwloc_bitmap_t *sets = calloc(count, sizeof *sets);
    if (!sets || hwloc_topology_dup(&cut, hwloc) != 0) {
        free(sets);
        return no_memory(err);
    }
    hwloc_obj_t root;
    bool ok = hwloc_topology_restrict(cut, whole, 0) == 0;
    root = hwloc_get_root_obj(cut);
    int depth = hwloc_get_type_or_below_depth(cut, HWLOC_OBJ_CORE);
    ok = ok && hwloc_distrib(cut, &root, 1, sets, count, depth, 0) == 0;
    hwloc_topology_destroy(cut);
    if (!ok) {
        free_sets(sets, count);
        return assay_fail(err, ASSAY_EIO, "hwloc: %u parts could not be made", count);
    }
    *out = sets;
    return ASSAY_OK;
}

/* The rank's set, or its share of a set that several ranks have. */
static enum assay_status choose_part(struct assay_placement *placement, hwloc_bitmap_t mine,
                                     const struct assay_cpuset *allowed, uint32_t ranks,
                                     uint32_t rank, struct assay_error *err)
{
    uint32_t sharers = 0, index = 0;
    for (uint32_t i = 0; i < ranks; i++) {
        if (memcmp(&allowed[i], &allowed[rank], sizeof *allowed) != 0) continue;
        if (i == rank) index = sharers;
        sharers++;
    }
    hwloc_bitmap_t *parts;
    enum assay_status status = distribute(placement->hwloc, mine, sharers, &parts, err);
    if (status) return status;
    placement->part = parts[index];
    parts[index] = NULL;
    free_sets(parts, sharers);
    uint32_t cores =
        (uint32_t)hwloc_get_nbobjs_inside_cpuset_by_type(placement->hwloc, mine, HWLOC_OBJ_CORE);
    placement->facts.shared = cores > 0 && sharers > cores;
    return ASSAY_OK;
}

/* "0-3,8"; what does not fit is cut. */
static void list_set(char to[ASSAY_BINDING_BYTES], hwloc_const_bitmap_t set)
{
    int length = hwloc_bitmap_list_snprintf(to, ASSAY_BINDING_BYTES, set);
    if (length >= ASSAY_BINDING_BYTES) memcpy(to + ASSAY_BINDING_BYTES - 4, "…", 4);
}

static enum assay_status fill(struct assay_placement *placement, uint32_t threads,
                              struct assay_error *err)
{
    struct assay_placement_facts *facts = &placement->facts;
    int cores =
        hwloc_get_nbobjs_inside_cpuset_by_type(placement->hwloc, placement->part, HWLOC_OBJ_CORE);
    /* A part of a core, or a machine whose cores hwloc does not know: count processing units. */
    if (cores < 1) cores = hwloc_bitmap_weight(placement->part);
    facts->cores = cores < 1 ? 1 : (uint32_t)cores;
    uint32_t most = facts->cores < THREADS_MAX ? facts->cores : THREADS_MAX;
    facts->threads = threads > 0 ? threads : most;
    list_set(facts->processors, placement->part);
    placement->thread_count = facts->threads;
    return distribute(placement->hwloc, placement->part, facts->threads, &placement->threads, err);
}

enum assay_status assay_placement_create(struct assay_placement **out,
                                         const struct assay_topology *topology,
                                         const struct assay_cpuset *allowed, uint32_t ranks,
                                         uint32_t rank, uint32_t threads, struct assay_error *err)
{
    struct assay_placement *placement = calloc(1, sizeof *placement);
    hwloc_bitmap_t mine = bitmap_of(&allowed[rank]);
    enum assay_status status = placement && mine ? ASSAY_OK : no_memory(err);
    if (!status) {
        hwloc_const_bitmap_t whole = hwloc_topology_get_topology_cpuset(topology->hwloc);
        placement->hwloc = topology->hwloc;
        placement->this_machine = topology->facts.this_machine;
        hwloc_bitmap_and(mine, mine, whole);
        if (hwloc_bitmap_iszero(mine)) hwloc_bitmap_copy(mine, whole);
        status = choose_part(placement, mine, allowed, ranks, rank, err);
    }
    if (!status) status = fill(placement, threads, err);
    hwloc_bitmap_free(mine);
    if (status) {
        assay_placement_destroy(placement);
        return status;
    }
    *out = placement;
    return ASSAY_OK;
}

void assay_placement_destroy(struct assay_placement *placement)
{
    if (!placement) return;
    free_sets(placement->threads, placement->thread_count);
    hwloc_bitmap_free(placement->part);
    free(placement);
}

const struct assay_placement_facts *assay_placement_facts(const struct assay_placement *placement)
{
    return &placement->facts;
}

void assay_placement_bind_memory(struct assay_placement *placement)
{
    hwloc_bitmap_t nodes = hwloc_bitmap_alloc();
    if (!nodes) return;
    hwloc_cpuset_to_nodeset(placement->hwloc, placement->part, nodes);
    bool one = hwloc_bitmap_weight(nodes) == 1;
    int count = hwloc_get_nbobjs_by_type(placement->hwloc, HWLOC_OBJ_NUMANODE);
    if (placement->this_machine && count > 1 &&
        hwloc_set_membind(placement->hwloc, nodes,
                          one ? HWLOC_MEMBIND_BIND : HWLOC_MEMBIND_INTERLEAVE,
                          HWLOC_MEMBIND_BYNODESET | HWLOC_MEMBIND_THREAD) == 0) {
        char *text = placement->facts.memory;
        list_set(text, nodes);
        if (!one) strncat(text, " interleaved", ASSAY_BINDING_BYTES - strlen(text) - 1);
    }
    hwloc_bitmap_free(nodes);
}

void assay_placement_bind_thread(void *context, unsigned thread)
{
    const struct assay_placement *placement = context;
    if (!placement->this_machine || thread >= placement->thread_count) return;
    (void)hwloc_set_cpubind(placement->hwloc, placement->threads[thread], HWLOC_CPUBIND_THREAD);
}
