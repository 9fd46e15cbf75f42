/* Files: read whole, map read-only, write atomically. Errors name the path. */
#ifndef ASSAY_BASE_FILE_H
#define ASSAY_BASE_FILE_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct assay_bytes;

/* Append the whole file; EVALUE when it is larger than `max_bytes`, EFORMAT when it is no regular
 * file. */
ASSAY_MUST_CHECK enum assay_status assay_file_read(const char *path, size_t max_bytes,
                                                   struct assay_bytes *out,
                                                   struct assay_error *err);

struct assay_mapping {
    const uint8_t *data; /* NULL for an empty file */
    size_t size;
};
ASSAY_MUST_CHECK enum assay_status assay_file_map(struct assay_mapping *out, const char *path,
                                                  struct assay_error *err);
void assay_file_unmap(struct assay_mapping *mapping);
/* Give back the memory of the pages that lie wholly within a part of a mapping; they come again
 * from the file when they are read. */
void assay_file_forget(const uint8_t *data, size_t size);

/* Write all bytes, retrying short writes and EINTR. */
ASSAY_MUST_CHECK enum assay_status assay_file_write_all(int fd, const void *data, size_t size,
                                                        const char *path, struct assay_error *err);
/* Make a file that somebody has written and closed durable under its real name: fsync(from),
 * rename(from, to), fsync of the directory. */
ASSAY_MUST_CHECK enum assay_status assay_file_publish(const char *from, const char *to,
                                                      struct assay_error *err);
/* Write `size` bytes to `path`, as a draft (draft.h) of one piece. */
ASSAY_MUST_CHECK enum assay_status assay_file_write(const char *path, const void *data, size_t size,
                                                    struct assay_error *err);
bool assay_file_exists(const char *path);
bool assay_file_same(const char *a, const char *b); /* both exist and are one file */
/* Append "DIR-of(path)/name" to out as a C string; an absolute name stays as it is. */
ASSAY_MUST_CHECK enum assay_status assay_file_beside(const char *path, const char *name,
                                                     struct assay_bytes *out,
                                                     struct assay_error *err);

/* CRC-32 (zlib's), continued from `crc` (0 to begin). */
uint32_t assay_crc32(uint32_t crc, const void *data, size_t size);

#endif
