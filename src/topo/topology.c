/* The machine by hwloc: loaded whole, also what this process may not use, so that its XML is the
 * same from every process of a host. */
#include "topo/topology.h"

#include "topo/memory.h"
#include "topo/surroundings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOST_BYTES = 256 };

static enum assay_status fail(struct assay_error *err, const char *what)
{
    return assay_fail(err, ASSAY_EIO, "hwloc: %s", what);
}

static uint32_t count_of(hwloc_topology_t hwloc, hwloc_obj_type_t type)
{
    int count = hwloc_get_nbobjs_by_type(hwloc, type);
    return count > 0 ? (uint32_t)count : 0;
}

static const char *cpu_model(hwloc_topology_t hwloc)
{
    hwloc_obj_t package = hwloc_get_obj_by_type(hwloc, HWLOC_OBJ_PACKAGE, 0);
    const char *model = package ? hwloc_obj_get_info_by_name(package, "CPUModel") : NULL;
    if (!model) model = hwloc_obj_get_info_by_name(hwloc_get_root_obj(hwloc), "CPUModel");
    return model ? model : "";
}

/* hwloc sums the NUMA nodes; on some virtual machines memory that was added later is in none. */
static uint64_t installed_memory(hwloc_topology_t hwloc)
{
    uint64_t in_nodes = hwloc_get_root_obj(hwloc)->total_memory;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (!hwloc_topology_is_thissystem(hwloc) || pages < 0 || page < 0) return in_nodes;
    uint64_t in_pages = (uint64_t)pages * (uint64_t)page;
    return in_pages > in_nodes ? in_pages : in_nodes;
}

static void add_info(void *machine, const char *name, const char *value)
{
    (void)hwloc_obj_add_info(machine, name, value); /* a wish only */
}

static enum assay_status fill_facts(struct assay_topology *topology, struct assay_error *err)
{
    hwloc_topology_t hwloc = topology->hwloc;
    int bytes = 0;
    if (hwloc_topology_is_thissystem(hwloc)) {
        assay_surroundings_find("", add_info, hwloc_get_root_obj(hwloc));
    }
    if (hwloc_topology_export_xmlbuffer(hwloc, &topology->xml, &bytes, 0) != 0) {
        return fail(err, "the topology could not be written as XML");
    }
    const char *host = hwloc_obj_get_info_by_name(hwloc_get_root_obj(hwloc), "HostName");
    if (host) {
        strncpy(topology->host, host, HOST_BYTES - 1);
    } else if (gethostname(topology->host, HOST_BYTES - 1) != 0) {
        topology->host[0] = '\0';
    }
    topology->facts =
        (struct assay_topology_facts){.host = topology->host,
                                      .cpu = cpu_model(hwloc),
                                      .xml = topology->xml,
                                      .packages = count_of(hwloc, HWLOC_OBJ_PACKAGE),
                                      .numa_nodes = count_of(hwloc, HWLOC_OBJ_NUMANODE),
                                      .cores = count_of(hwloc, HWLOC_OBJ_CORE),
                                      .processing_units = count_of(hwloc, HWLOC_OBJ_PU),
                                      .memory_bytes = installed_memory(hwloc),
                                      .this_machine = hwloc_topology_is_thissystem(hwloc) != 0};
    if (topology->facts.processing_units == 0) return fail(err, "a machine without processors");
    return ASSAY_OK;
}

enum assay_status assay_topology_open(struct assay_topology **out, struct assay_error *err)
{
    struct assay_topology *topology = calloc(1, sizeof *topology);
    if (!topology) return assay_fail(err, ASSAY_EMEMORY, "no memory for the topology");
    enum assay_status status = ASSAY_OK;
    if (hwloc_topology_init(&topology->hwloc) != 0) {
        free(topology);
        return fail(err, "no topology could be made");
    }
    /* PCI devices tell where GPUs and network cards are; they cost some milliseconds. */
    if (hwloc_topology_set_flags(topology->hwloc, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED) != 0 ||
        hwloc_topology_set_io_types_filter(topology->hwloc, HWLOC_TYPE_FILTER_KEEP_IMPORTANT) !=
            0 ||
        hwloc_topology_load(topology->hwloc) != 0) {
        status = fail(err, "the machine's topology could not be read");
    }
    if (!status) status = fill_facts(topology, err);
    if (status) {
        assay_topology_close(topology);
        return status;
    }
    *out = topology;
    return ASSAY_OK;
}

void assay_topology_close(struct assay_topology *topology)
{
    if (!topology) return;
    if (topology->xml) hwloc_free_xmlbuffer(topology->hwloc, topology->xml);
    hwloc_topology_destroy(topology->hwloc);
    free(topology);
}

const struct assay_topology_facts *assay_topology_facts(const struct assay_topology *topology)
{
    return &topology->facts;
}

struct assay_cpuset assay_topology_allowed(const struct assay_topology *topology)
{
    struct assay_cpuset allowed = {{0}};
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    if (!set) return allowed; /* empty: the placement then takes the whole machine */
    if (hwloc_get_cpubind(topology->hwloc, set, HWLOC_CPUBIND_PROCESS) != 0) hwloc_bitmap_fill(set);
    hwloc_bitmap_and(set, set, hwloc_topology_get_allowed_cpuset(topology->hwloc));
    for (int pu = hwloc_bitmap_first(set); pu >= 0 && pu < ASSAY_CPUSET_BITS;
         pu = hwloc_bitmap_next(set, pu)) {
        allowed.words[pu / 64] |= UINT64_C(1) << (pu % 64);
    }
    hwloc_bitmap_free(set);
    return allowed;
}

uint64_t assay_topology_memory(const struct assay_topology *topology)
{
    uint64_t installed = topology->facts.memory_bytes;
    uint64_t limit = topology->facts.this_machine ? assay_memory_limit() : UINT64_MAX;
    return installed > 0 && installed < limit ? installed : limit;
}
