/* Defaults for this machine. */
#include "cli/machine.h"

#include <stdlib.h>
#include <string.h>

enum assay_status assay_machine_choose(struct assay_machine_choice *out,
                                       const struct assay_args *args, struct assay_error *err)
{
    struct assay_machine_choice choice = {
        .batch = args->batch ? (uint32_t)args->batch : ASSAY_BATCH_DEFAULT,
        .threads = (uint32_t)args->threads,
        .prefill_rows = args->prefill_rows ? (uint32_t)args->prefill_rows : ASSAY_PREFILL_DEFAULT};
    enum assay_status status =
        assay_backend_find(&choice.backend, args->backend ? args->backend : "auto", err);
    if (!status) *out = choice;
    return status;
}

const char *assay_machine_cache(const struct assay_args *args)
{
    const char *cache = args->cache ? args->cache : getenv("ASSAY_CACHE");
    return cache && strcmp(cache, "none") == 0 ? "" : cache;
}

enum assay_status assay_machine_take(struct assay_machine_part *part,
                                     struct assay_machine_choice *choice, struct assay_error *err)
{
    *part = (struct assay_machine_part){0};
    enum assay_status status = assay_topology_open(&part->topology, err);
    if (status) return status;
    struct assay_cpuset allowed = assay_topology_allowed(part->topology);
    status = assay_placement_create(&part->placement, part->topology, &allowed, 1, 0,
                                    choice->threads, err);
    if (status) {
        assay_machine_leave(part);
        return status;
    }
    const struct assay_placement_facts *facts = assay_placement_facts(part->placement);
    choice->threads = facts->threads;
    part->place = (struct assay_team_place){.bind = assay_placement_bind_thread,
                                            .context = part->placement,
                                            .processors = facts->cores};
    return ASSAY_OK;
}

void assay_machine_leave(struct assay_machine_part *part)
{
    assay_placement_destroy(part->placement);
    assay_topology_close(part->topology);
    *part = (struct assay_machine_part){0};
}
