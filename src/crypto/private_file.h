/* Files that hold secrets: made for their owner alone, and refused where anybody else could have
 * read or placed them. */
#ifndef ASSAY_CRYPTO_PRIVATE_FILE_H
#define ASSAY_CRYPTO_PRIVATE_FILE_H

#include "assay/status.h"

#include <stddef.h>
#include <stdint.h>

/* Whether the open file is a regular one, belongs to this user, and nobody else may read or write
 * it. The refusal quotes owner or mode, and the command that mends it. */
ASSAY_MUST_CHECK enum assay_status assay_private_check(int fd, const char *path,
                                                       struct assay_error *err);

/* Read the whole file, at most `room` bytes, into the caller's (locked) memory; no symbolic link
 * is followed, and assay_private_check holds. EFORMAT when it is larger. */
ASSAY_MUST_CHECK enum assay_status assay_private_read(const char *path, uint8_t *to, size_t room,
                                                      size_t *size, struct assay_error *err);

/* Make a new file of mode 0600 with these bytes, durable before it returns. EVALUE when there is
 * something at `path` already; nothing is ever overwritten. */
ASSAY_MUST_CHECK enum assay_status assay_private_create(const char *path, const void *data,
                                                        size_t size, struct assay_error *err);

/* fsync of the directory that holds `path`, so that a new name in it lasts. */
ASSAY_MUST_CHECK enum assay_status assay_private_sync_directory(const char *path,
                                                                struct assay_error *err);

#endif
