/* Frames of a journal file: made, read back, and scanned for the longest valid prefix
 * (FORMAT.md 5.1). The scanner takes bytes from a file or from memory, so that file, test and
 * fuzzer come in by the same door. */
#include "store/journal.h"

#include "base/assert.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "store/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void assay_journal_header_put(uint8_t to[ASSAY_JOURNAL_HEADER_BYTES], const struct assay_plan *plan,
                              uint32_t rank)
{
    memcpy(to, ASSAY_JOURNAL_MAGIC, 8);
    assay_put_le32(to + 8, ASSAY_JOURNAL_VERSION);
    assay_put_le32(to + 12, rank);
    memcpy(to + 16, plan->digest.bytes, ASSAY_DIGEST_BYTES);
    memcpy(to + 48, plan->spec->digest.bytes, ASSAY_DIGEST_BYTES);
    assay_put_le32(to + 80, assay_crc32(0, to, 80));
}

/* Begin a frame: room for its head, and the kind. *start is where it begins in `out`. */
static enum assay_status begin_frame(struct assay_bytes *out, enum assay_frame_kind kind,
                                     size_t *start, struct assay_error *err)
{
    uint8_t head[ASSAY_FRAME_HEAD_BYTES + 1] = {0};
    *start = out->size;
    head[ASSAY_FRAME_HEAD_BYTES] = (uint8_t)kind;
    return assay_bytes_append(out, head, sizeof head, err);
}

/* Fill in the head, or take back what a failure left. */
static enum assay_status end_frame(struct assay_bytes *out, enum assay_status status, size_t start,
                                   uint64_t sequence)
{
    if (status) {
        if (out->data) out->size = start;
        return status;
    }
    uint8_t *frame = out->data + start;
    size_t payload = out->size - start - ASSAY_FRAME_HEAD_BYTES;
    ASSAY_ASSERT(payload <= ASSAY_FRAME_PAYLOAD_BYTES_MAX);
    assay_put_le32(frame, ASSAY_FRAME_MAGIC);
    assay_put_le32(frame + 4, (uint32_t)payload);
    assay_put_le64(frame + 8, sequence);
    uint32_t crc = assay_crc32(0, frame + 8, 8);
    assay_put_le32(frame + 16, assay_crc32(crc, frame + ASSAY_FRAME_HEAD_BYTES, payload));
    return ASSAY_OK;
}

enum assay_status assay_frame_encode(struct assay_bytes *out, uint64_t sequence,
                                     uint64_t sample_index, const struct assay_record *record,
                                     const struct assay_circumstances *circumstances,
                                     struct assay_error *err)
{
    uint8_t index[8];
    size_t start;
    assay_put_le64(index, sample_index);
    enum assay_status status = begin_frame(out, ASSAY_FRAME_SAMPLE, &start, err);
    if (!status) status = assay_bytes_append(out, index, sizeof index, err);
    if (!status) status = assay_record_encode(out, record, err);
    if (!status) status = assay_circumstances_encode(out, circumstances, err);
    return end_frame(out, status, start, sequence);
}

enum assay_status assay_frame_encode_process(struct assay_bytes *out, uint64_t sequence,
                                             const struct assay_process *process,
                                             struct assay_error *err)
{
    size_t start;
    enum assay_status status = begin_frame(out, ASSAY_FRAME_PROCESS, &start, err);
    if (!status) status = assay_process_encode(out, process, err);
    return end_frame(out, status, start, sequence);
}

void assay_frame_reader_fini(struct assay_frame_reader *reader)
{
    assay_bytes_fini(&reader->payload);
    assay_arena_fini(&reader->arena);
}

/* `size` bytes at `offset` into `to`; *there is false when the file ends before them. */
static enum assay_status source_read(const struct assay_journal_source *source, uint64_t offset,
                                     uint8_t *to, size_t size, bool *there, struct assay_error *err)
{
    *there = offset <= source->size && size <= source->size - offset;
    if (!*there) return ASSAY_OK;
    if (source->data) {
        memcpy(to, source->data + offset, size);
        return ASSAY_OK;
    }
    while (size > 0) {
        ssize_t got = pread(source->fd, to, size, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return assay_fail_errno(err, errno, "%s: reading", source->name);
        *there = got > 0; /* another rank has cut its tail meanwhile */
        if (!*there) return ASSAY_OK;
        to += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return ASSAY_OK;
}

const char *assay_journal_cell_fault(const struct assay_plan *plan, uint64_t sample_index,
                                     const struct assay_record *record,
                                     char to[ASSAY_JOURNAL_CELL_FAULT_BYTES])
{
    size_t size = ASSAY_JOURNAL_CELL_FAULT_BYTES;
    if (sample_index >= plan->sample_count) {
        snprintf(to, size, "the plan has only %" PRIu64 " samples", plan->sample_count);
        return to;
    }
    struct assay_cell cell = assay_plan_cell(plan, sample_index);
    const struct assay_profile *profile = &plan->spec->profiles[cell.profile_index];
    if (record->replicates != plan->replicates || record->sets != plan->spec->sets ||
        record->replicate != cell.replicate) {
        snprintf(to, size,
                 "replicate %" PRIu32 " of %" PRIu32 " in %" PRIu32 " sets; the plan has %" PRIu32
                 " of %" PRIu32 " in %" PRIu32,
                 record->replicate, record->replicates, record->sets, cell.replicate,
                 plan->replicates, plan->spec->sets);
        return to;
    }
    if (record->draw != profile->draw || record->profile.size != strlen(profile->name) ||
        memcmp(record->profile.data, profile->name, record->profile.size) != 0) {
        snprintf(to, size, "its profile or draw is not the plan's (profile %s)", profile->name);
        return to;
    }
    return NULL;
}

static enum assay_status decode_sample(struct assay_frame_reader *reader,
                                       const struct assay_plan *plan, struct assay_frame *frame,
                                       const uint8_t *data, size_t size, struct assay_error *err)
{
    size_t used = 0, more = 0;
    char fault[ASSAY_JOURNAL_CELL_FAULT_BYTES];
    if (size < 8) return assay_fail(err, ASSAY_EFORMAT, "a sample of %zu bytes", size);
    frame->sample_index = assay_get_le64(data);
    frame->canonical = data + 8;
    enum assay_status status =
        assay_record_decode(&frame->record, &reader->arena, data + 8, size - 8, &used, err);
    if (status) return status;
    frame->canonical_bytes = used;
    status = assay_circumstances_decode(&frame->circumstances, data + 8 + used, size - 8 - used,
                                        &more, err);
    if (status) return status;
    if (8 + used + more != size) {
        return assay_fail(err, ASSAY_EFORMAT, "%zu bytes behind the circumstances",
                          size - 8 - used - more);
    }
    if ((frame->circumstances.sealed.size > 0) != (plan->spec->definition.encrypted != 0)) {
        return assay_fail(err, ASSAY_EFORMAT, "sample %" PRIu64 " is %s, the benchmark is not",
                          frame->sample_index,
                          plan->spec->definition.encrypted ? "in clear" : "encrypted");
    }
    if (!assay_journal_cell_fault(plan, frame->sample_index, &frame->record, fault)) {
        return ASSAY_OK;
    }
    return assay_fail(err, ASSAY_EFORMAT, "%s", fault);
}

static enum assay_status decode_payload(struct assay_frame_reader *reader,
                                        const struct assay_plan *plan, struct assay_frame *frame,
                                        struct assay_error *err)
{
    const uint8_t *data = reader->payload.data;
    size_t size = frame->payload_bytes;
    if (size < 1) return assay_fail(err, ASSAY_EFORMAT, "an empty payload");
    assay_arena_fini(&reader->arena);
    frame->kind = (enum assay_frame_kind)data[0];
    switch (data[0]) {
    case ASSAY_FRAME_PROCESS:
        return assay_process_decode(&frame->process, &reader->arena, data + 1, size - 1, err);
    case ASSAY_FRAME_SAMPLE:
        return decode_sample(reader, plan, frame, data + 1, size - 1, err);
    default:
        return assay_fail(err, ASSAY_EFORMAT, "a frame of unknown kind %u", data[0]);
    }
}

enum assay_status assay_frame_read(struct assay_frame_reader *reader,
                                   const struct assay_journal_source *source, uint64_t offset,
                                   uint64_t sequence, const struct assay_plan *plan,
                                   struct assay_frame *out, bool *whole, struct assay_error *err)
{
    uint8_t head[ASSAY_FRAME_HEAD_BYTES];
    enum assay_status status = source_read(source, offset, head, sizeof head, whole, err);
    if (status || !*whole) return status;
    size_t size = assay_get_le32(head + 4);
    *whole = assay_get_le32(head) == ASSAY_FRAME_MAGIC && assay_get_le64(head + 8) == sequence &&
             size <= ASSAY_FRAME_PAYLOAD_BYTES_MAX && size <= source->size - offset - sizeof head;
    if (!*whole) return ASSAY_OK;
    assay_bytes_clear(&reader->payload);
    status = assay_bytes_reserve(&reader->payload, size, err);
    if (status) return status;
    status = source_read(source, offset + sizeof head, reader->payload.data, size, whole, err);
    if (status || !*whole) return status;
    uint32_t crc = assay_crc32(assay_crc32(0, head + 8, 8), reader->payload.data, size);
    *whole = crc == assay_get_le32(head + 16);
    if (!*whole) return ASSAY_OK;
    struct assay_frame frame = {
        .offset = offset, .sequence = sequence, .payload_bytes = (uint32_t)size};
    status = decode_payload(reader, plan, &frame, err);
    if (status) return assay_while(err, status, "%s: frame at byte %" PRIu64, source->name, offset);
    *out = frame;
    return ASSAY_OK;
}

static enum assay_status check_header(const struct assay_journal_source *source,
                                      const uint8_t header[ASSAY_JOURNAL_HEADER_BYTES],
                                      const struct assay_plan *plan, uint32_t rank,
                                      struct assay_error *err)
{
    const char *name = source->name;
    char theirs[ASSAY_DIGEST_HEX], ours[ASSAY_DIGEST_HEX];
    struct assay_digest plan_digest, spec_digest;
    if (assay_get_le32(header + 80) != assay_crc32(0, header, 80)) {
        return assay_fail(err, ASSAY_EFORMAT, "%s: the header's CRC is wrong", name);
    }
    uint32_t version = assay_get_le32(header + 8), written = assay_get_le32(header + 12);
    if (version != ASSAY_JOURNAL_VERSION) {
        return assay_fail(err, ASSAY_EUNSUPPORTED,
                          "%s: journal version %" PRIu32 ", this reads version %d", name, version,
                          ASSAY_JOURNAL_VERSION);
    }
    memcpy(plan_digest.bytes, header + 16, ASSAY_DIGEST_BYTES);
    memcpy(spec_digest.bytes, header + 48, ASSAY_DIGEST_BYTES);
    if (!assay_digest_equal(&plan_digest, &plan->digest) ||
        !assay_digest_equal(&spec_digest, &plan->spec->digest)) {
        return assay_fail(err, ASSAY_EMISMATCH, "%s: belongs to plan %s, this one is %s", name,
                          assay_digest_hex(&plan_digest, theirs),
                          assay_digest_hex(&plan->digest, ours));
    }
    if (written != rank) {
        return assay_fail(err, ASSAY_EFORMAT, "%s: its header says rank %" PRIu32, name, written);
    }
    return ASSAY_OK;
}

/* *torn when the file ends within its header, as after a crash at its creation. */
static enum assay_status read_header(const struct assay_journal_source *source,
                                     const struct assay_plan *plan, uint32_t rank, bool *torn,
                                     struct assay_error *err)
{
    uint8_t header[ASSAY_JOURNAL_HEADER_BYTES];
    bool there;
    *torn = source->size < sizeof header;
    size_t size = *torn ? (size_t)source->size : sizeof header;
    enum assay_status status = source_read(source, 0, header, size, &there, err);
    if (status) return status;
    if (!there) {
        *torn = true;
        return ASSAY_OK;
    }
    if (memcmp(header, ASSAY_JOURNAL_MAGIC, size < 8 ? size : 8) != 0) {
        return assay_fail(err, ASSAY_EFORMAT, "%s: not a journal (it does not begin with %s)",
                          source->name, ASSAY_JOURNAL_MAGIC);
    }
    return *torn ? ASSAY_OK : check_header(source, header, plan, rank, err);
}

enum assay_status assay_journal_scan(const struct assay_journal_source *source,
                                     const struct assay_plan *plan, uint32_t rank,
                                     assay_frame_visit *visit, void *context,
                                     struct assay_journal_extent *extent, struct assay_error *err)
{
    struct assay_frame_reader reader = {0};
    struct assay_frame frame;
    struct assay_journal_extent valid = {0};
    bool torn, whole = true;
    enum assay_status status = read_header(source, plan, rank, &torn, err);
    if (!status && !torn) valid.end = ASSAY_JOURNAL_HEADER_BYTES;
    while (!status && !torn) {
        status =
            assay_frame_read(&reader, source, valid.end, valid.frames, plan, &frame, &whole, err);
        if (status || !whole) break;
        status = visit(context, &frame, err);
        valid.end += ASSAY_FRAME_HEAD_BYTES + frame.payload_bytes;
        valid.frames++;
    }
    assay_frame_reader_fini(&reader);
    valid.torn_bytes = source->size - valid.end;
    if (!status) *extent = valid;
    return status;
}
