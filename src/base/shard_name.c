/* "-00001-of-00003.gguf" at the end of a path. */
#include "base/shard_name.h"

#include "base/bytes.h"

#include <stdbool.h>
#include <string.h>

static const char between[] = "-of-", extension[] = ".gguf";
enum { DIGITS = 5, TAIL_BYTES = 1 + DIGITS + sizeof between - 1 + DIGITS + sizeof extension - 1 };

static bool read_number(const char *text, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < DIGITS; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        *out = 10 * *out + (uint32_t)(text[i] - '0');
    }
    return true;
}

struct assay_shard_name assay_shard_name_of(const char *path)
{
    struct assay_shard_name name = {1, 1}, found;
    size_t size = strlen(path);
    if (size <= TAIL_BYTES) return name;
    const char *tail = path + size - TAIL_BYTES;
    bool fits = tail[0] == '-' && read_number(tail + 1, &found.number) &&
                memcmp(tail + 1 + DIGITS, between, sizeof between - 1) == 0 &&
                read_number(tail + DIGITS + sizeof between, &found.count) &&
                strcmp(tail + 2 * DIGITS + sizeof between, extension) == 0;
    return fits && found.number >= 1 && found.number <= found.count ? found : name;
}

enum assay_status assay_shard_path(const char *path, uint32_t number, struct assay_bytes *out,
                                   struct assay_error *err)
{
    struct assay_shard_name name = assay_shard_name_of(path);
    if (name.count == 1) return assay_bytes_append(out, path, strlen(path), err);
    return assay_bytes_format(out, err, "%.*s-%05u%s%05u%s", (int)(strlen(path) - TAIL_BYTES), path,
                              number, between, name.count, extension);
}
