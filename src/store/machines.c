/* /processes and /topologies, written and read by the table of a process's fields. */
#include "store/machines.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { DISTINCT_MAX = 16, JOINED_BYTES_MAX = 240 };

static enum assay_status out_of_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the processes");
}

/* The row of a topology, a new one if it was not there; processes of one machine mostly follow each
 * other. */
static uint32_t topology_row(struct assay_machines *machines, const char *xml)
{
    for (uint32_t i = machines->topology_count; i-- > 0;) {
        const char *earlier = machines->topologies[i];
        if (earlier == xml || strcmp(earlier, xml) == 0) return i;
    }
    uint32_t row = machines->topology_count++;
    machines->topologies[row] = xml;
    machines->digests[row] = assay_sha256_of(xml, strlen(xml));
    return row;
}

enum assay_status assay_machines_init(struct assay_machines *machines,
                                      const struct assay_process *processes, uint32_t count,
                                      struct assay_error *err)
{
    *machines = (struct assay_machines){.processes = processes, .count = count};
    machines->topologies = calloc((size_t)count + 1, sizeof *machines->topologies);
    machines->digests = calloc((size_t)count + 1, sizeof *machines->digests);
    machines->topology_of = calloc((size_t)count + 1, sizeof *machines->topology_of);
    if (!machines->topologies || !machines->digests || !machines->topology_of) {
        assay_machines_fini(machines);
        return out_of_memory(err);
    }
    for (uint32_t i = 0; i < count; i++) {
        machines->topology_of[i] = topology_row(machines, processes[i].topology);
    }
    return ASSAY_OK;
}

void assay_machines_fini(struct assay_machines *machines)
{
    free(machines->topology_of);
    free(machines->digests);
    free(machines->topologies);
    *machines = (struct assay_machines){0};
}

enum assay_status assay_machines_put(const struct assay_machines *machines,
                                     struct assay_sheet *sheet, struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    for (uint32_t i = 0; i < machines->count && !status; i++) {
        for (size_t f = 0; f < ASSAY_PROCESS_FIELDS && !status; f++) {
            const struct assay_process_field *field = &assay_process_fields[f];
            const void *value = assay_process_value(&machines->processes[i], field);
            status = assay_sheet_put(sheet, field->column, value, 1, err);
        }
        if (!status) {
            status = assay_sheet_put(sheet, ASSAY_COLUMN_PROCESS_TOPOLOGY,
                                     &machines->topology_of[i], 1, err);
        }
    }
    size_t topologies = machines->topology_count;
    if (!status) {
        status = assay_sheet_put(sheet, ASSAY_COLUMN_TOPOLOGY_SHA256, machines->digests, topologies,
                                 err);
    }
    if (status) return status;
    return assay_sheet_put(sheet, ASSAY_COLUMN_TOPOLOGY_XML, machines->topologies, topologies, err);
}

enum assay_status assay_machines_digest(const struct assay_machines *machines,
                                        struct assay_sha256 *state, struct assay_error *err)
{
    struct assay_bytes encoding = {0};
    enum assay_status status = ASSAY_OK;
    for (uint32_t i = 0; i < machines->count && !status; i++) {
        assay_bytes_clear(&encoding);
        status = assay_process_encode(&encoding, &machines->processes[i], err);
        if (!status) assay_sha256_update(state, encoding.data, encoding.size);
    }
    assay_bytes_fini(&encoding);
    return status;
}

static enum assay_status check_topologies(const struct assay_image *image, struct assay_error *err)
{
    const struct assay_digest *digests = image->columns[ASSAY_COLUMN_TOPOLOGY_SHA256];
    const char *const *texts = image->columns[ASSAY_COLUMN_TOPOLOGY_XML];
    for (uint64_t i = 0; i < image->rows[ASSAY_SHAPE_TOPOLOGIES]; i++) {
        struct assay_digest found = assay_sha256_of(texts[i], strlen(texts[i]));
        if (!assay_digest_equal(&found, &digests[i])) {
            return assay_fail(err, ASSAY_EMISMATCH,
                              "/topologies/sha256: row %" PRIu64 " is not the digest of its XML",
                              i);
        }
    }
    return ASSAY_OK;
}

static enum assay_status take_process(struct assay_process *out, const struct assay_image *image,
                                      uint32_t row, struct assay_error *err)
{
    const uint32_t *topology_of = image->columns[ASSAY_COLUMN_PROCESS_TOPOLOGY];
    const char *const *topologies = image->columns[ASSAY_COLUMN_TOPOLOGY_XML];
    for (size_t f = 0; f < ASSAY_PROCESS_FIELDS; f++) {
        const struct assay_process_field *field = &assay_process_fields[f];
        size_t bytes = assay_element_info[field->element].bytes;
        const char *rows = image->columns[field->column];
        memcpy((char *)out + field->offset, rows + row * bytes, bytes);
    }
    if (topology_of[row] >= image->rows[ASSAY_SHAPE_TOPOLOGIES]) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "/processes/topology: row %" PRIu32 " is topology %" PRIu32
                          ", there are %" PRIu64,
                          row, topology_of[row], image->rows[ASSAY_SHAPE_TOPOLOGIES]);
    }
    out->topology = topologies[topology_of[row]];
    const char *fault = assay_process_fault(out);
    if (!fault) return ASSAY_OK;
    return assay_fail(err, ASSAY_EFORMAT, "/processes: row %" PRIu32 ": %s", row, fault);
}

/* The distinct texts of one field, in order of appearance, joined by "+"; "…" stands for those that
 * are too many or too long: a statement takes what comes out. */
static enum assay_status join(const char **out, struct assay_image *image, enum assay_column column,
                              struct assay_error *err)
{
    const char *const *texts = image->columns[column];
    const char *distinct[DISTINCT_MAX];
    uint64_t count = image->rows[ASSAY_SHAPE_PROCESSES];
    size_t known = 0;
    struct assay_bytes joined = {0};
    enum assay_status status = ASSAY_OK;
    bool full = false;
    for (uint64_t i = 0; i < count && !status && !full; i++) {
        size_t at = 0;
        while (at < known && strcmp(distinct[at], texts[i]) != 0) at++;
        if (at < known) continue;
        distinct[known++] = texts[i];
        full = known == DISTINCT_MAX || joined.size + 1 + strlen(texts[i]) > JOINED_BYTES_MAX;
        status =
            assay_bytes_format(&joined, err, "%s%s", joined.size ? "+" : "", full ? "…" : texts[i]);
    }
    if (!status) {
        *out = assay_arena_text(&image->arena, joined.data ? (const char *)joined.data : "",
                                joined.size);
        if (!*out) status = out_of_memory(err);
    }
    assay_bytes_fini(&joined);
    return status;
}

enum assay_status assay_machines_take(struct assay_results *results, struct assay_image *image,
                                      struct assay_error *err)
{
    uint32_t count = (uint32_t)image->rows[ASSAY_SHAPE_PROCESSES];
    struct assay_process *processes = assay_arena_take(&image->arena, count, sizeof *processes);
    enum assay_status status = processes ? check_topologies(image, err) : out_of_memory(err);
    for (uint32_t i = 0; i < count && !status; i++) {
        status = take_process(&processes[i], image, i, err);
    }
    if (!status) status = join(&results->backend, image, ASSAY_COLUMN_PROCESS_BACKEND, err);
    if (!status) status = join(&results->isa, image, ASSAY_COLUMN_PROCESS_ISA, err);
    if (!status) status = join(&results->build, image, ASSAY_COLUMN_PROCESS_BUILD, err);
    if (!status) status = join(&results->cpu, image, ASSAY_COLUMN_PROCESS_CPU, err);
    if (status) return status;
    results->processes = processes;
    results->process_count = count;
    return ASSAY_OK;
}
