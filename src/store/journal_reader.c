/* A journal read back for the merge: its processes first, then every sample in index order. */
#include "store/journal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct assay_journal_reader {
    struct assay_journal_index index;
    struct assay_journal_files files;
    struct assay_arena arena; /* of the processes' texts */
    struct assay_process *processes;
    uint32_t *rows; /* of each writer: its row, or UINT32_MAX without samples */
    uint32_t process_count;
};

static enum assay_status out_of_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the journal's processes");
}

/* A text as it is in an earlier process, or a copy: many processes have one machine. */
static const char *keep(struct assay_journal_reader *reader, size_t offset, const char *text)
{
    for (uint32_t i = reader->process_count; i-- > 0;) {
        const char *earlier;
        memcpy(&earlier, (const char *)&reader->processes[i] + offset, sizeof earlier);
        if (strcmp(earlier, text) == 0) return earlier;
    }
    return assay_arena_text(&reader->arena, text, strlen(text));
}

static enum assay_status take_process(struct assay_journal_reader *reader,
                                      const struct assay_journal_writer *writer,
                                      struct assay_error *err)
{
    struct assay_frame frame;
    enum assay_status status = assay_journal_files_read(
        &reader->files, writer->rank, writer->offset, writer->sequence, &frame, err);
    if (status) return status;
    if (frame.kind != ASSAY_FRAME_PROCESS) {
        return assay_fail(err, ASSAY_EFORMAT, "%s: a process is no longer where it was",
                          reader->index.path);
    }
    struct assay_process process = frame.process;
    process.topology = keep(reader, offsetof(struct assay_process, topology), process.topology);
    if (!process.topology) return out_of_memory(err);
    for (size_t i = 0; i < ASSAY_PROCESS_FIELDS; i++) {
        const struct assay_process_field *field = &assay_process_fields[i];
        const char *text;
        if (field->element != ASSAY_ELEMENT_TEXT) continue;
        memcpy(&text, assay_process_value(&process, field), sizeof text);
        text = keep(reader, field->offset, text);
        if (!text) return out_of_memory(err);
        memcpy((char *)&process + field->offset, &text, sizeof text);
    }
    reader->processes[reader->process_count++] = process;
    return ASSAY_OK;
}

/* Rows only for processes that have samples, in the order of files and of starts. */
static enum assay_status take_processes(struct assay_journal_reader *reader,
                                        struct assay_error *err)
{
    const struct assay_journal_index *index = &reader->index;
    enum assay_status status = ASSAY_OK;
    reader->rows = calloc(index->writer_count + 1, sizeof *reader->rows);
    reader->processes = calloc(index->writer_count + 1, sizeof *reader->processes);
    if (!reader->rows || !reader->processes) return out_of_memory(err);
    for (size_t i = 0; i < index->entry_count; i++) reader->rows[index->entries[i].process] = 1;
    for (size_t i = 0; i < index->writer_count && !status; i++) {
        bool used = reader->rows[i] != 0;
        reader->rows[i] = used ? reader->process_count : UINT32_MAX;
        if (used) status = take_process(reader, &index->writers[i], err);
    }
    return status;
}

enum assay_status assay_journal_read(struct assay_journal_reader **out, const char *path,
                                     const struct assay_plan *plan, struct assay_error *err)
{
    struct assay_journal_extent extent;
    struct assay_journal_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return out_of_memory(err);
    enum assay_status status = assay_journal_index_init(&reader->index, path, plan, err);
    reader->files.index = &reader->index;
    for (size_t i = 0; i < reader->index.rank_count && !status; i++) {
        status = assay_journal_index_add(&reader->index, reader->index.ranks[i], -1, &extent, err);
    }
    if (!status) status = assay_journal_index_settle(&reader->index, err);
    if (!status) status = take_processes(reader, err);
    if (status) {
        assay_journal_reader_close(reader);
        return status;
    }
    *out = reader;
    return ASSAY_OK;
}

void assay_journal_reader_close(struct assay_journal_reader *reader)
{
    if (!reader) return;
    assay_journal_files_fini(&reader->files);
    assay_journal_index_fini(&reader->index);
    assay_arena_fini(&reader->arena);
    free(reader->processes);
    free(reader->rows);
    free(reader);
}

const struct assay_process *assay_journal_processes(const struct assay_journal_reader *reader,
                                                    uint32_t *count)
{
    *count = reader->process_count;
    return reader->processes;
}

enum assay_status assay_journal_each(struct assay_journal_reader *reader,
                                     assay_journal_visit *visit, void *context,
                                     struct assay_error *err)
{
    const struct assay_journal_index *index = &reader->index;
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; i < index->entry_count && !status; i++) {
        const struct assay_journal_entry *entry = &index->entries[i];
        struct assay_frame frame;
        status = assay_journal_files_read(&reader->files, entry->rank, entry->offset,
                                          entry->sequence, &frame, err);
        if (status) break;
        if (frame.kind != ASSAY_FRAME_SAMPLE || frame.sample_index != entry->sample_index) {
            status = assay_fail(err, ASSAY_EFORMAT, "%s: sample %" PRIu64 " is no longer there",
                                index->path, entry->sample_index);
            break;
        }
        status = visit(context, frame.sample_index, reader->rows[entry->process], &frame.record,
                       &frame.circumstances, err);
    }
    return status;
}
