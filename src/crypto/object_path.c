/* The store's layout, both ways. */
#include "crypto/object_path.h"

#include "base/bytes.h"
#include "crypto/digest.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

static const char folder[] = "sha256/";

enum { LINK_BYTES = sizeof folder - 1 + 3 + ASSAY_DIGEST_HEX - 1 };

enum assay_status assay_object_path(struct assay_bytes *out, const char *store,
                                    const struct assay_digest *digest, struct assay_error *err)
{
    char hex[ASSAY_DIGEST_HEX];
    assay_digest_hex(digest, hex);
    return assay_bytes_format(out, err, "%s%s%s%.2s/%s", store ? store : "", store ? "/" : "",
                              folder, hex, hex);
}

bool assay_object_of_path(const char *path, struct assay_digest *out)
{
    size_t length = strlen(path);
    if (length < LINK_BYTES) return false;
    const char *tail = path + length - LINK_BYTES, *hex = tail + sizeof folder - 1 + 3;
    if (length > LINK_BYTES && tail[-1] != '/') return false;
    return strncmp(tail, folder, sizeof folder - 1) == 0 && hex[-1] == '/' &&
           strncmp(hex - 3, hex, 2) == 0 && assay_digest_parse(hex, out);
}

bool assay_object_of_link(const char *path, struct assay_digest *out)
{
    char target[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0) return false;
    target[length] = 0;
    return assay_object_of_path(target, out);
}
