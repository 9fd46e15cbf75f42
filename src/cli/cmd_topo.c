/* assay topo: the machine, and how ranks would share it. */
#include "cli/command.h"

#include "assay/topology.h"
#include "base/clock.h"
#include "base/json.h"
#include "cli/report.h"

#include <stdio.h>
#include <stdlib.h>

enum { RANKS_MAX = 4096 };

struct machine {
    struct assay_topology *topology;
    uint32_t ranks, threads;
    struct assay_cpuset *allowed; /* ranks times the same: nothing is bound yet */
    uint64_t memory_bytes;
    uint32_t clock_mhz;
};

static enum assay_status open_machine(struct machine *machine, const struct assay_args *args,
                                      struct assay_error *err)
{
    machine->ranks = args->ranks ? (uint32_t)args->ranks : 1;
    machine->threads = (uint32_t)args->threads;
    machine->allowed = calloc(machine->ranks, sizeof *machine->allowed);
    if (!machine->allowed) return assay_fail(err, ASSAY_EMEMORY, "no memory for the ranks");
    enum assay_status status = assay_topology_open(&machine->topology, err);
    if (status) return status;
    for (uint32_t r = 0; r < machine->ranks; r++) {
        machine->allowed[r] = assay_topology_allowed(machine->topology);
    }
    machine->memory_bytes = assay_topology_memory(machine->topology);
    machine->clock_mhz = assay_clock_processor_mhz();
    return ASSAY_OK;
}

static enum assay_status place(const struct machine *machine, uint32_t rank,
                               struct assay_placement **out, struct assay_error *err)
{
    return assay_placement_create(out, machine->topology, machine->allowed, machine->ranks, rank,
                                  machine->threads, err);
}

static enum assay_status print(const struct machine *machine, struct assay_error *err)
{
    const struct assay_topology_facts *facts = assay_topology_facts(machine->topology);
    const double gibibyte = 1073741824.0;
    enum assay_status status = ASSAY_OK;
    printf("host     %s%s\n", facts->host, facts->this_machine ? "" : " (not this machine)");
    printf("cpu      %s, %u MHz now\n", facts->cpu, machine->clock_mhz);
    printf("parts    %u packages, %u NUMA nodes, %u cores, %u processing units\n", facts->packages,
           facts->numa_nodes, facts->cores, facts->processing_units);
    printf("memory   %.1f GiB installed", (double)facts->memory_bytes / gibibyte);
    if (machine->memory_bytes != UINT64_MAX) {
        printf(", %.1f GiB may be used", (double)machine->memory_bytes / gibibyte);
    }
    printf("\n");
    for (uint32_t r = 0; r < machine->ranks && !status; r++) {
        struct assay_placement *placement = NULL;
        status = place(machine, r, &placement, err);
        if (status) break;
        const struct assay_placement_facts *part = assay_placement_facts(placement);
        printf("rank %-4u processors %s: %u cores, %u threads%s\n", r, part->processors,
               part->cores, part->threads, part->shared ? ", shared with other ranks" : "");
        assay_placement_destroy(placement);
    }
    return status;
}

static enum assay_status rank_json(const struct machine *machine, uint32_t rank,
                                   struct assay_json *list, struct assay_error *err)
{
    struct assay_placement *placement = NULL;
    enum assay_status status = place(machine, rank, &placement, err);
    if (status) return status;
    const struct assay_placement_facts *part = assay_placement_facts(placement);
    struct assay_json *row = assay_json_new_object();
    bool ok = row && assay_json_set(row, "processors", assay_json_new_text(part->processors)) &&
              assay_json_set(row, "cores", assay_json_new_integer(part->cores)) &&
              assay_json_set(row, "threads", assay_json_new_integer(part->threads)) &&
              assay_json_set(row, "shared", assay_json_new_boolean(part->shared));
    ok = assay_json_add(list, row) && ok;
    assay_placement_destroy(placement);
    return ok ? ASSAY_OK : assay_fail(err, ASSAY_EMEMORY, "no memory for the ranks");
}

static enum assay_status emit(const struct machine *machine, bool xml, struct assay_error *err)
{
    const struct assay_topology_facts *facts = assay_topology_facts(machine->topology);
    struct assay_json *object = assay_json_new_object(), *ranks = assay_json_new_array();
    enum assay_status status = ASSAY_OK;
    for (uint32_t r = 0; ranks && r < machine->ranks && !status; r++) {
        status = rank_json(machine, r, ranks, err);
    }
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"packages", facts->packages},
        {"numa_nodes", facts->numa_nodes},
        {"cores", facts->cores},
        {"processing_units", facts->processing_units},
        {"clock_mhz", machine->clock_mhz},
        {"memory_bytes", facts->memory_bytes},
        {"memory_usable_bytes", machine->memory_bytes == UINT64_MAX ? 0 : machine->memory_bytes}};
    bool ok = object && ranks && assay_json_set(object, "host", assay_json_new_text(facts->host)) &&
              assay_json_set(object, "cpu", assay_json_new_text(facts->cpu));
    for (size_t i = 0; ok && i < sizeof numbers / sizeof numbers[0]; i++) {
        ok = assay_json_set(object, numbers[i].name,
                            assay_json_new_integer((int64_t)numbers[i].value));
    }
    if (ok && xml) ok = assay_json_set(object, "xml", assay_json_new_text(facts->xml));
    if (ok && !status) {
        ok = assay_json_set(object, "ranks", ranks);
        ranks = NULL;
    }
    if (ok && !status) return assay_report_emit(object, err);
    assay_json_destroy(ranks);
    assay_json_destroy(object);
    return status ? status : assay_fail(err, ASSAY_EMEMORY, "no memory for the machine");
}

static enum assay_status cmd_topo(const struct assay_args *args, struct assay_error *err)
{
    struct machine machine = {0};
    enum assay_status status = open_machine(&machine, args, err);
    if (!status && args->json) status = emit(&machine, args->xml, err);
    if (!status && !args->json && args->xml) {
        printf("%s", assay_topology_facts(machine.topology)->xml);
    } else if (!status && !args->json) {
        status = print(&machine, err);
    }
    assay_topology_close(machine.topology);
    free(machine.allowed);
    return status;
}

static const struct assay_option options[] = {
    {"ranks", "N", "show how N ranks would share this machine (default: 1)", ASSAY_OPTION_NUMBER,
     offsetof(struct assay_args, ranks), 1, RANKS_MAX},
    {"threads", "N", "threads of a rank (default: one a core of its part)", ASSAY_OPTION_NUMBER,
     offsetof(struct assay_args, threads), 1, 256},
    {"xml", NULL, "print hwloc's XML, as a results file keeps it", ASSAY_OPTION_FLAG,
     offsetof(struct assay_args, xml), 0, 0},
    ASSAY_OPTION_COMMON,
    {NULL, NULL, NULL, ASSAY_OPTION_FLAG, 0, 0, 0}};

const struct assay_command assay_cmd_topo = {
    "topo",
    "",
    0,
    0,
    "show this machine, and how ranks would share it",
    "What hwloc knows of the machine, the processors and the memory that a job may use here (what "
    "a\n"
    "launcher, a batch system or a container left to it), and the part that each rank would "
    "get.\n\n"
    "  assay topo --ranks 4\n"
    "  assay topo --xml > node.xml; HWLOC_XMLFILE=node.xml assay topo --ranks 8\n",
    options,
    cmd_topo};
