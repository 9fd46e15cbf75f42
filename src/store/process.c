/* The codec of a process (FORMAT.md 5.3). */
#include "store/process.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

#define FIELD(column, element, member)                                                             \
    {                                                                                              \
        ASSAY_COLUMN_##column, ASSAY_ELEMENT_##element, offsetof(struct assay_process, member)     \
    }

const struct assay_process_field assay_process_fields[ASSAY_PROCESS_FIELDS] = {
    FIELD(PROCESS_RANK, U32, rank),
    FIELD(PROCESS_RANKS, U32, ranks),
    FIELD(PROCESS_LOCAL_RANK, U32, local_rank),
    FIELD(PROCESS_LOCAL_RANKS, U32, local_ranks),
    FIELD(PROCESS_THREADS, U32, threads),
    FIELD(PROCESS_BATCH, U32, batch),
    FIELD(PROCESS_PREFILL_ROWS, U32, prefill_rows),
    FIELD(PROCESS_PACKAGES, U32, packages),
    FIELD(PROCESS_NUMA_NODES, U32, numa_nodes),
    FIELD(PROCESS_CORES, U32, cores),
    FIELD(PROCESS_UNITS, U32, processing_units),
    FIELD(PROCESS_CLOCK, U32, clock_mhz),
    FIELD(PROCESS_START, U64, start_ns),
    FIELD(PROCESS_MEMORY, U64, memory_bytes),
    FIELD(PROCESS_BUDGET, U64, memory_budget_bytes),
    FIELD(PROCESS_HOST, TEXT, host),
    FIELD(PROCESS_CPU, TEXT, cpu),
    FIELD(PROCESS_LAUNCHER, TEXT, launcher),
    FIELD(PROCESS_JOB, TEXT, job),
    FIELD(PROCESS_COMPONENT, TEXT, component),
    FIELD(PROCESS_VARIABLES, TEXT, variables),
    FIELD(PROCESS_ENGINE, TEXT, engine),
    FIELD(PROCESS_BUILD, TEXT, build),
    FIELD(PROCESS_BACKEND, TEXT, backend),
    FIELD(PROCESS_ISA, TEXT, isa),
    FIELD(PROCESS_PROCESSORS, TEXT, processors),
    FIELD(PROCESS_MEMORY_NODES, TEXT, memory_nodes),
    FIELD(PROCESS_GRADER, TEXT, grader),
};

static const char *text_of(const struct assay_process *process,
                           const struct assay_process_field *field)
{
    const char *text;
    memcpy(&text, assay_process_value(process, field), sizeof text);
    return text;
}

static const char *text_fault(const char *text, size_t bytes_max)
{
    size_t length = text ? strlen(text) : 0;
    if (!text) return "a text is missing";
    if (length > bytes_max) return "a text is too long";
    return assay_text_utf8_prefix(text, length) == length ? NULL : "a text is not UTF-8";
}

const char *assay_process_fault(const struct assay_process *process)
{
    if (process->rank >= process->ranks || process->local_rank >= process->local_ranks ||
        process->local_ranks > process->ranks) {
        return "its rank is not among its ranks";
    }
    for (size_t i = 0; i < ASSAY_PROCESS_FIELDS; i++) {
        const struct assay_process_field *field = &assay_process_fields[i];
        if (field->element != ASSAY_ELEMENT_TEXT) continue;
        const char *fault = text_fault(text_of(process, field), ASSAY_PROCESS_TEXT_BYTES_MAX);
        if (fault) return fault;
    }
    return text_fault(process->topology, ASSAY_PROCESS_TOPOLOGY_BYTES_MAX);
}

static enum assay_status put_text(struct assay_bytes *out, const char *text,
                                  struct assay_error *err)
{
    uint8_t length[4];
    assay_put_le32(length, (uint32_t)strlen(text));
    enum assay_status status = assay_bytes_append(out, length, sizeof length, err);
    return status ? status : assay_bytes_append(out, text, strlen(text), err);
}

static enum assay_status put_field(struct assay_bytes *out, const struct assay_process *process,
                                   const struct assay_process_field *field, struct assay_error *err)
{
    uint8_t bytes[8];
    uint32_t word;
    uint64_t number;
    switch (field->element) {
    case ASSAY_ELEMENT_U32:
        memcpy(&word, assay_process_value(process, field), sizeof word);
        assay_put_le32(bytes, word);
        return assay_bytes_append(out, bytes, 4, err);
    case ASSAY_ELEMENT_U64:
        memcpy(&number, assay_process_value(process, field), sizeof number);
        assay_put_le64(bytes, number);
        return assay_bytes_append(out, bytes, 8, err);
    default:
        return put_text(out, text_of(process, field), err);
    }
}

enum assay_status assay_process_encode(struct assay_bytes *out, const struct assay_process *process,
                                       struct assay_error *err)
{
    static const uint8_t head[8]; /* the length, filled in at the end; version; flags */
    size_t start = out->size;
    ASSAY_ASSERT(!assay_process_fault(process));
    enum assay_status status = assay_bytes_append(out, head, sizeof head, err);
    for (size_t i = 0; i < ASSAY_PROCESS_FIELDS && !status; i++) {
        status = put_field(out, process, &assay_process_fields[i], err);
    }
    if (!status) status = put_text(out, process->topology, err);
    if (status) {
        if (out->data) out->size = start;
        return status;
    }
    assay_put_le32(out->data + start, (uint32_t)(out->size - start - 4));
    assay_put_le16(out->data + start + 4, ASSAY_PROCESS_VERSION);
    return ASSAY_OK;
}

static enum assay_status take_text(struct assay_reader *reader, struct assay_arena *arena,
                                   const char **out, struct assay_error *err)
{
    size_t size = assay_read_le32(reader);
    const uint8_t *data = assay_read_span(reader, size);
    *out = "";
    if (!data) return ASSAY_OK; /* the reader says that it failed */
    if (memchr(data, 0, size)) return assay_fail(err, ASSAY_EFORMAT, "process: a NUL in a text");
    *out = assay_arena_text(arena, (const char *)data, size);
    return *out ? ASSAY_OK : assay_fail(err, ASSAY_EMEMORY, "no memory for a process");
}

static enum assay_status take_field(struct assay_process *process, struct assay_arena *arena,
                                    struct assay_reader *reader,
                                    const struct assay_process_field *field,
                                    struct assay_error *err)
{
    char *to = (char *)process + field->offset;
    const char *text;
    uint32_t word;
    uint64_t number;
    enum assay_status status = ASSAY_OK;
    switch (field->element) {
    case ASSAY_ELEMENT_U32:
        word = assay_read_le32(reader);
        memcpy(to, &word, sizeof word);
        break;
    case ASSAY_ELEMENT_U64:
        number = assay_read_le64(reader);
        memcpy(to, &number, sizeof number);
        break;
    default:
        status = take_text(reader, arena, &text, err);
        memcpy(to, &text, sizeof text);
    }
    return status;
}

enum assay_status assay_process_decode(struct assay_process *out, struct assay_arena *arena,
                                       const uint8_t *data, size_t size, struct assay_error *err)
{
    struct assay_reader reader = {.data = data, .size = size};
    struct assay_process process = {0};
    size_t length = assay_read_le32(&reader);
    unsigned version = assay_read_le16(&reader), flags = assay_read_le16(&reader);
    if (reader.failed || length != size - 4) {
        return assay_fail(err, ASSAY_EFORMAT, "process: %zu bytes where its length says %zu", size,
                          length + 4);
    }
    if (version != ASSAY_PROCESS_VERSION || flags != 0) {
        return assay_fail(err, ASSAY_EUNSUPPORTED,
                          "process of version %u with flags %u, this reads version %d", version,
                          flags, ASSAY_PROCESS_VERSION);
    }
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; i < ASSAY_PROCESS_FIELDS && !status; i++) {
        status = take_field(&process, arena, &reader, &assay_process_fields[i], err);
    }
    if (!status) status = take_text(&reader, arena, &process.topology, err);
    if (status) return status;
    if (reader.failed || reader.position != size) {
        return assay_fail(err, ASSAY_EFORMAT, "process: its fields are not its %zu bytes", size);
    }
    const char *fault = assay_process_fault(&process);
    if (fault) return assay_fail(err, ASSAY_EFORMAT, "process: %s", fault);
    *out = process;
    return ASSAY_OK;
}
