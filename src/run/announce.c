/* Places → rows: first those of a host and component, then, where these are many, hosts of a kind.
 */
#include "run/announce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void copy(char *to, size_t size, const char *from)
{
    int length = snprintf(to, size, "%s", from);
    if ((size_t)length >= size) memcpy(to + size - 4, "…", 4);
}

/* Append ranks first … last to "0-3,8". */
static void append_ranks(char list[ASSAY_RANKS_TEXT], uint32_t first, uint32_t last)
{
    size_t used = strlen(list);
    char range[32];
    if (strstr(list, "…")) return;
    if (first == last) {
        snprintf(range, sizeof range, "%s%u", used ? "," : "", first);
    } else {
        snprintf(range, sizeof range, "%s%u-%u", used ? "," : "", first, last);
    }
    if (used + strlen(range) + 5 > ASSAY_RANKS_TEXT) {
        memcpy(list + used, ",…", 5);
    } else {
        memcpy(list + used, range, strlen(range) + 1);
    }
}

static bool is_kind(const struct assay_ranks *row, const char *component, const char *device,
                    const char *isa, uint32_t threads)
{
    return strcmp(row->component, component) == 0 && strcmp(row->device, device) == 0 &&
           strcmp(row->isa, isa) == 0 && row->threads == threads;
}

static bool is_of(const struct assay_ranks *row, const struct assay_rank_place *place)
{
    return strcmp(row->host, place->host) == 0 &&
           is_kind(row, place->component, place->device, place->isa, place->threads);
}

static void begin_row(struct assay_ranks *row, const struct assay_rank_place *place)
{
    *row = (struct assay_ranks){
        .hosts = 1, .threads = place->threads, .memory_bytes = place->memory_bytes};
    memcpy(row->host, place->host, sizeof row->host);
    memcpy(row->last_host, place->host, sizeof row->last_host);
    memcpy(row->component, place->component, sizeof row->component);
    memcpy(row->device, place->device, sizeof row->device);
    memcpy(row->isa, place->isa, sizeof row->isa);
}

/* The row of a place; one that begins is the last. */
static size_t row_of(struct assay_ranks *rows, size_t *count, const struct assay_rank_place *place)
{
    for (size_t i = *count; i-- > 0;) { /* neighbours are alike: the last first */
        if (is_of(&rows[i], place)) return i;
    }
    begin_row(&rows[*count], place);
    return (*count)++;
}

/* Rows that differ only in the host become one. */
static size_t merge_hosts(struct assay_ranks *rows, size_t count)
{
    size_t kinds = 0;
    for (size_t i = 0; i < count; i++) {
        const struct assay_ranks *row = &rows[i];
        size_t k = 0;
        while (k < kinds &&
               !is_kind(&rows[k], row->component, row->device, row->isa, row->threads)) {
            k++;
        }
        if (k == kinds) {
            struct assay_ranks copied = *row;
            rows[kinds++] = copied;
            continue;
        }
        memcpy(rows[k].last_host, rows[i].host, sizeof rows[k].last_host);
        rows[k].hosts++;
        rows[k].ranks += rows[i].ranks;
        if (rows[i].memory_bytes < rows[k].memory_bytes) {
            rows[k].memory_bytes = rows[i].memory_bytes;
        }
        rows[k].list[0] = '\0'; /* of many hosts their number says more */
    }
    return kinds;
}

size_t assay_announce_group(struct assay_ranks *rows, const struct assay_rank_place *places,
                            uint32_t count)
{
    size_t row_count = 0;
    for (uint32_t first = 0; first < count;) {
        size_t i = row_of(rows, &row_count, &places[first]);
        uint32_t next = first;
        while (next < count && is_of(&rows[i], &places[next])) {
            if (places[next].memory_bytes < rows[i].memory_bytes) {
                rows[i].memory_bytes = places[next].memory_bytes;
            }
            next++;
        }
        append_ranks(rows[i].list, first, next - 1);
        rows[i].ranks += next - first;
        first = next;
    }
    return row_count > ASSAY_RANKS_HOSTS_EACH ? merge_hosts(rows, row_count) : row_count;
}

enum assay_status assay_announce(struct assay_comm *comm, const struct assay_process *process,
                                 const struct assay_run_options *options, struct assay_error *err)
{
    const struct assay_comm_facts *facts = assay_comm_facts(comm);
    struct assay_rank_place mine = {.threads = process->threads,
                                    .memory_bytes = process->memory_budget_bytes};
    copy(mine.host, sizeof mine.host, process->host);
    copy(mine.component, sizeof mine.component, process->component);
    copy(mine.device, sizeof mine.device, process->cpu);
    copy(mine.isa, sizeof mine.isa, process->isa);
    bool first = facts->rank == 0;
    struct assay_rank_place *all = calloc(first ? facts->ranks : 1, sizeof *all);
    struct assay_ranks *rows = calloc(first ? facts->ranks : 1, sizeof *rows);
    enum assay_status status =
        all && rows
            ? ASSAY_OK
            : assay_fail(err, ASSAY_EMEMORY, "no memory for %u ranks' places", facts->ranks);
    status = assay_comm_agree(comm, status, err);
    if (!status) status = assay_comm_gather(comm, &mine, sizeof mine, all, err);
    if (!status && first && options->announce) {
        options->announce(options->context, rows, assay_announce_group(rows, all, facts->ranks));
    }
    free(all);
    free(rows);
    return status;
}
