/* The inside of the journal (FORMAT.md 5): frames, the scanner that reads them, and the index of a
 * directory. Files are read with pread and never mapped: another rank may cut its torn tail while
 * this one reads, and a mapping would answer with SIGBUS. */
#ifndef ASSAY_STORE_JOURNAL_H
#define ASSAY_STORE_JOURNAL_H

#include "assay/results.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "store/process.h"

enum {
    ASSAY_JOURNAL_VERSION = 4,
    ASSAY_JOURNAL_HEADER_BYTES = 84,
    ASSAY_FRAME_HEAD_BYTES = 20,
    ASSAY_FRAME_PAYLOAD_BYTES_MAX = 1 << 27, /* a payload is two parts, each below 2^26 + 2^7 */
    ASSAY_JOURNAL_CELL_FAULT_BYTES = 160
};
#define ASSAY_JOURNAL_MAGIC "ASSAYJNL"
#define ASSAY_FRAME_MAGIC UINT32_C(0x4c4e4a41)

/* --- frames */
void assay_journal_header_put(uint8_t to[ASSAY_JOURNAL_HEADER_BYTES], const struct assay_plan *plan,
                              uint32_t rank);
/* Append a whole frame to `out`: a sample, or the process that computed the samples behind it. */
ASSAY_MUST_CHECK enum assay_status
assay_frame_encode(struct assay_bytes *out, uint64_t sequence, uint64_t sample_index,
                   const struct assay_record *record,
                   const struct assay_circumstances *circumstances, struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_frame_encode_process(struct assay_bytes *out,
                                                              uint64_t sequence,
                                                              const struct assay_process *process,
                                                              struct assay_error *err);

enum assay_frame_kind { ASSAY_FRAME_PROCESS, ASSAY_FRAME_SAMPLE };

/* A frame as it lies in a file. Spans, tokens, texts and canonical bytes are lent until the next
 * one. */
struct assay_frame {
    uint64_t offset; /* of its magic */
    uint64_t sequence;
    uint32_t payload_bytes;
    enum assay_frame_kind kind;
    struct assay_process process; /* of a process; the rest of a sample */
    uint64_t sample_index;
    const uint8_t *canonical;
    size_t canonical_bytes;
    struct assay_record record;
    struct assay_circumstances circumstances;
};

/* Bytes of a journal file: an open file (`data` NULL) or an image in memory (`fd` −1). */
struct assay_journal_source {
    const char *name; /* for messages */
    int fd;
    const uint8_t *data;
    uint64_t size;
};

/* What reading frames needs; zero-initialise, release with assay_frame_reader_fini. */
struct assay_frame_reader {
    struct assay_bytes payload;
    struct assay_arena arena;
};
void assay_frame_reader_fini(struct assay_frame_reader *reader);

/* Read the frame at `offset`. *whole is false when there is none: cut short, or its magic, sequence
 * or CRC are wrong. EFORMAT when its CRC is right and its content is not, or does not fit `plan`.
 */
ASSAY_MUST_CHECK enum assay_status
assay_frame_read(struct assay_frame_reader *reader, const struct assay_journal_source *source,
                 uint64_t offset, uint64_t sequence, const struct assay_plan *plan,
                 struct assay_frame *out, bool *whole, struct assay_error *err);

typedef enum assay_status assay_frame_visit(void *context, const struct assay_frame *frame,
                                            struct assay_error *err);
struct assay_journal_extent {
    uint64_t frames;
    uint64_t end;        /* of the longest valid prefix; 0 when the header itself is torn */
    uint64_t torn_bytes; /* behind it */
};
/* Check the header against plan and rank, and visit every frame of the longest valid prefix.
 * EFORMAT for a file that is no journal, EMISMATCH for another plan's. */
ASSAY_MUST_CHECK enum assay_status assay_journal_scan(const struct assay_journal_source *source,
                                                      const struct assay_plan *plan, uint32_t rank,
                                                      assay_frame_visit *visit, void *context,
                                                      struct assay_journal_extent *extent,
                                                      struct assay_error *err);

/* --- a directory */
struct assay_journal_entry {
    uint64_t sample_index;
    uint64_t offset;
    uint64_t sequence;
    uint32_t rank;    /* of the file's name */
    uint32_t process; /* index into the index's processes */
};
/* A process frame. */
struct assay_journal_writer {
    uint64_t offset;
    uint64_t sequence;
    uint32_t rank;
};
/* Every frame of every file: samples ascending, one entry a sample once it is settled. */
struct assay_journal_index {
    const struct assay_plan *plan; /* borrowed */
    char *path;
    uint32_t *ranks; /* rank_count, ascending */
    size_t rank_count, rank_capacity;
    struct assay_journal_entry *entries; /* entry_count */
    size_t entry_count, entry_capacity;
    struct assay_journal_writer *writers; /* writer_count, in the order of the scans */
    size_t writer_count, writer_capacity;
};
/* List the directory; nothing is read yet. */
ASSAY_MUST_CHECK enum assay_status assay_journal_index_init(struct assay_journal_index *index,
                                                            const char *path,
                                                            const struct assay_plan *plan,
                                                            struct assay_error *err);
void assay_journal_index_fini(struct assay_journal_index *index);
/* Scan one rank's file by its descriptor (borrowed), or by its name when fd is −1. */
ASSAY_MUST_CHECK enum assay_status assay_journal_index_add(struct assay_journal_index *index,
                                                           uint32_t rank, int fd,
                                                           struct assay_journal_extent *extent,
                                                           struct assay_error *err);
/* Sort, and drop the duplicates: EFORMAT naming the sample when two differ in canonical parts. */
ASSAY_MUST_CHECK enum assay_status assay_journal_index_settle(struct assay_journal_index *index,
                                                              struct assay_error *err);

/* Frames read in any order, from files that are kept open: a run may have more ranks than a process
 * may have descriptors. Zero-initialise but for the index. */
enum { ASSAY_JOURNAL_OPEN_FILES = 64 };
struct assay_journal_files {
    const struct assay_journal_index *index;
    struct assay_bytes name;
    struct assay_frame_reader reader;
    struct {
        bool used;
        uint32_t rank;
        struct assay_journal_source source;
    } open[ASSAY_JOURNAL_OPEN_FILES];
};
void assay_journal_files_fini(struct assay_journal_files *files);
/* The frame of a rank's file at `offset`, lent until the next one. */
ASSAY_MUST_CHECK enum assay_status
assay_journal_files_read(struct assay_journal_files *files, uint32_t rank, uint64_t offset,
                         uint64_t sequence, struct assay_frame *out, struct assay_error *err);
/* Open a regular file for reading; `name` is borrowed. */
ASSAY_MUST_CHECK enum assay_status assay_journal_source_open(struct assay_journal_source *out,
                                                             const char *name,
                                                             struct assay_error *err);
/* Append "DIRECTORY/rank-NNNN.log". */
ASSAY_MUST_CHECK enum assay_status assay_journal_file_name(struct assay_bytes *out,
                                                           const char *directory, uint32_t rank,
                                                           struct assay_error *err);
/* Whether `name` is such a file's name, and whose. */
bool assay_journal_name_parse(const char *name, uint32_t *rank);

/* Why a record is not that of the plan's cell (written to `to`), or NULL. */
const char *assay_journal_cell_fault(const struct assay_plan *plan, uint64_t sample_index,
                                     const struct assay_record *record,
                                     char to[ASSAY_JOURNAL_CELL_FAULT_BYTES]);

#endif
