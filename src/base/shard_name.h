/* Names of files that come in parts: NAME-00001-of-00003.gguf and its siblings. */
#ifndef ASSAY_BASE_SHARD_NAME_H
#define ASSAY_BASE_SHARD_NAME_H

#include "assay/status.h"

#include <stddef.h>
#include <stdint.h>

struct assay_bytes;

/* Which part (from 1) of how many a path names; 1 of 1 for any other name. */
struct assay_shard_name {
    uint32_t number, count;
};
struct assay_shard_name assay_shard_name_of(const char *path);
/* Append the path of part `number` of the file whose part `path` names, as a C string. Of a file in
 * one part that is the path itself. */
ASSAY_MUST_CHECK enum assay_status assay_shard_path(const char *path, uint32_t number,
                                                    struct assay_bytes *out,
                                                    struct assay_error *err);

#endif
