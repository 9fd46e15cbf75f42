/* A rank's place. The ranks of a host tell each other which processors they were given, and each
 * works out its own part alone. */
#include "run/host.h"

#include "base/clock.h"
#include "run/batch_system.h"

#include <stdio.h>
#include <stdlib.h>

extern char **environ;

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

static const double mebibyte = 1048576.0;

static enum assay_status place_rank(struct assay_host *host, struct assay_comm *comm,
                                    uint32_t threads, struct assay_error *err)
{
    const struct assay_comm_facts *facts = assay_comm_facts(comm);
    struct assay_cpuset mine = {{0}}, *sets = calloc(facts->local_ranks, sizeof *sets);
    enum assay_status status = assay_topology_open(&host->topology, err);
    if (!status) mine = assay_topology_allowed(host->topology);
    if (!status && !sets) status = assay_fail(err, ASSAY_EMEMORY, "no memory for the placement");
    /* Agreed before the exchange, so that nobody waits in it alone. */
    status = assay_comm_agree(comm, status, err);
    if (!status) status = assay_comm_share_local(comm, &mine, sizeof mine, sets, err);
    if (!status) {
        status = assay_placement_create(&host->placement, host->topology, sets, facts->local_ranks,
                                        facts->local_rank, threads, err);
    }
    free(sets);
    return status;
}

static void describe(struct assay_host *host, const struct assay_comm *comm,
                     const struct assay_run_options *options)
{
    const struct assay_comm_facts *ranks = assay_comm_facts(comm);
    const struct assay_topology_facts *machine = assay_topology_facts(host->topology);
    const struct assay_placement_facts *part = assay_placement_facts(host->placement);
    host->process = (struct assay_process){
        .rank = ranks->rank,
        .ranks = ranks->ranks,
        .local_rank = ranks->local_rank,
        .local_ranks = ranks->local_ranks,
        .threads = part->threads,
        .batch = options->batch,
        .prefill_rows = options->prefill_rows,
        .packages = machine->packages,
        .numa_nodes = machine->numa_nodes,
        .cores = machine->cores,
        .processing_units = machine->processing_units,
        .clock_mhz = assay_clock_processor_mhz(),
        .start_ns = assay_clock_epoch_ns(),
        .memory_bytes = machine->memory_bytes,
        .memory_budget_bytes = assay_topology_memory(host->topology) / ranks->local_ranks,
        .host = machine->host,
        .cpu = machine->cpu,
        .launcher = ranks->launcher,
        .job = ranks->job,
        .component = (const char *)host->component.data,
        .variables = (const char *)host->variables.data,
        .engine = "assay " ASSAY_VERSION,
        .build = COMPILER ", " ASSAY_PRESET,
        .backend = assay_backend_name(options->backend),
        .isa = assay_backend_isa(options->backend),
        .processors = part->processors,
        .memory_nodes = part->memory,
        .grader = "",
        .topology = machine->xml};
}

enum assay_status assay_host_open(struct assay_host *host, struct assay_comm *comm,
                                  const struct assay_run_options *options, struct assay_error *err)
{
    *host = (struct assay_host){0};
    enum assay_status status = place_rank(host, comm, options->threads, err);
    if (status) return status;
    assay_placement_bind_memory(host->placement);
    status = assay_batch_component(&host->component, err);
    if (!status) {
        status = assay_batch_variables(&host->variables, (const char *const *)environ,
                                       ASSAY_PROCESS_TEXT_BYTES_MAX, err);
    }
    if (status) return status;
    describe(host, comm, options);
    host->threads = host->process.threads;
    /* Where ranks share their cores nobody has a processor to spin on. */
    const struct assay_placement_facts *part = assay_placement_facts(host->placement);
    host->place = (struct assay_team_place){.bind = assay_placement_bind_thread,
                                            .context = host->placement,
                                            .processors = part->shared ? 1 : part->cores};
    return ASSAY_OK;
}

void assay_host_close(struct assay_host *host)
{
    assay_placement_destroy(host->placement);
    assay_topology_close(host->topology);
    assay_bytes_fini(&host->component);
    assay_bytes_fini(&host->variables);
    *host = (struct assay_host){0};
}

enum assay_status assay_host_check_memory(const struct assay_host *host,
                                          const struct assay_model *model,
                                          const struct assay_session_options *session,
                                          struct assay_error *err)
{
    struct assay_session_memory need;
    uint64_t budget = host->process.memory_budget_bytes;
    uint64_t file;
    enum assay_status status = assay_session_plan(&need, model, session, err);
    if (status) return status;
    file = need.file_bytes / host->process.local_ranks; /* mapped once for all ranks of a host */
    if (need.total_bytes <= budget && file <= budget - need.total_bytes) return ASSAY_OK;
    uint32_t fits =
        budget > file ? assay_session_batch_that_fits(model, session, budget - file) : 0;
    char advice[64] = "no batch fits: use fewer ranks on this host, or a smaller model";
    if (fits) snprintf(advice, sizeof advice, "--batch %u would fit", fits);
    return assay_fail(err, ASSAY_EMEMORY,
                      "batch %u needs %.0f MiB (weights %.0f, cache %.0f, work %.0f, model file "
                      "%.0f), this rank's share of the memory is %.0f MiB: %s",
                      session->batch, (double)(need.total_bytes + file) / mebibyte,
                      (double)need.weight_bytes / mebibyte, (double)need.cache_bytes / mebibyte,
                      (double)need.work_bytes / mebibyte, (double)file / mebibyte,
                      (double)budget / mebibyte, advice);
}
