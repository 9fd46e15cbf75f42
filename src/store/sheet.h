/* A results file, or a part of one, being written: its datasets with a buffer of one chunk each. */
#ifndef ASSAY_STORE_SHEET_H
#define ASSAY_STORE_SHEET_H

#include "store/hdf.h"
#include "store/pack.h"

/* A dataset and the rows waiting for it. */
struct assay_sheet_column {
    hid_t dataset, memory; /* −1 before they are made */
    size_t row_bytes, chunk_rows;
    uint64_t size;    /* rows the dataset has by now */
    uint64_t written; /* rows that were put into it, or are on their way */
    size_t filled;    /* rows waiting in the buffer */
    uint8_t *buffer;  /* chunk_rows */
};

/* A chunk that the packer has: where it goes. */
struct assay_sheet_chunk {
    enum assay_column column;
    uint64_t start; /* its first row */
    uint64_t end;   /* behind its last */
};

struct assay_sheet {
    hid_t file;
    bool broken; /* libhdf5 failed on the file: it must not be touched again */
    struct assay_packer *packer;
    struct assay_sheet_chunk chunks[ASSAY_PACK_CHUNKS]; /* chunk_count, the oldest first */
    size_t chunk_count;
    struct assay_sheet_column columns[ASSAY_COLUMN_COUNT];
};

/* Create the file with the groups and datasets of the schema. rows: of each shape, 0 for those that
 * grow, ASSAY_SHEET_ABSENT for those whose columns are elsewhere. Readers from HDF5 1.8 on open it,
 * from 1.10 on if it will have virtual columns. On failure too, the sheet must be closed. */
#define ASSAY_SHEET_ABSENT UINT64_MAX
ASSAY_MUST_CHECK enum assay_status assay_sheet_open(struct assay_sheet *sheet, const char *path,
                                                    const uint64_t rows[ASSAY_SHAPE_COUNT],
                                                    bool has_virtual, struct assay_error *err);
/* Append rows to a column. TEXT rows are char pointers that stay alive until the sheet is finished.
 */
ASSAY_MUST_CHECK enum assay_status assay_sheet_put(struct assay_sheet *sheet,
                                                   enum assay_column name, const void *rows,
                                                   size_t count, struct assay_error *err);
/* Write what waits in the buffers. Then the columns' `written` are the rows they have. */
ASSAY_MUST_CHECK enum assay_status assay_sheet_flush(struct assay_sheet *sheet,
                                                     struct assay_error *err);
/* An absent column as a view of `count` pieces end to end; those of no rows are left out. */
struct assay_sheet_piece {
    const char *file; /* relative to the folder of the sheet's file */
    uint64_t rows;
};
ASSAY_MUST_CHECK enum assay_status assay_sheet_view(struct assay_sheet *sheet,
                                                    enum assay_column name,
                                                    const struct assay_sheet_piece *pieces,
                                                    size_t count, struct assay_error *err);
/* The attributes of the root group: texts and numbers, by their element. */
ASSAY_MUST_CHECK enum assay_status assay_sheet_describe(struct assay_sheet *sheet,
                                                        const char *const *texts,
                                                        const uint32_t *numbers,
                                                        struct assay_error *err);
/* Make the flushed sheet a whole file and close it. */
ASSAY_MUST_CHECK enum assay_status assay_sheet_finish(struct assay_sheet *sheet,
                                                      struct assay_error *err);
/* Release everything; the file is left for the caller to remove. Does nothing after finish. */
void assay_sheet_close(struct assay_sheet *sheet);

#endif
