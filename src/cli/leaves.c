/* Lists of sample numbers. */
#include "cli/leaves.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

struct range {
    uint64_t first, last;
};

static enum assay_status no_list(const char *text, uint64_t limit, struct assay_error *err)
{
    return assay_fail(
        err, ASSAY_EUSAGE,
        "--leaf is \"%.60s\": it must be numbers or ranges such as 3,40-47, from 0 to "
        "%llu and %d at most",
        text, (unsigned long long)(limit - 1), ASSAY_LEAVES_MAX);
}

static bool read_number(const char *from, size_t length, uint64_t limit, uint64_t *out)
{
    char digits[24];
    if (length == 0 || length >= sizeof digits) return false;
    memcpy(digits, from, length);
    digits[length] = '\0';
    return assay_text_unsigned(digits, limit - 1, out);
}

static bool read_range(const char *from, size_t length, uint64_t limit, struct range *out)
{
    const char *dash = memchr(from, '-', length);
    if (!dash) {
        bool ok = read_number(from, length, limit, &out->first);
        out->last = out->first;
        return ok;
    }
    size_t left = (size_t)(dash - from);
    return read_number(from, left, limit, &out->first) &&
           read_number(dash + 1, length - left - 1, limit, &out->last) && out->first <= out->last;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static size_t sort_once(uint64_t *list, size_t count)
{
    size_t kept = 0;
    qsort(list, count, sizeof *list, ascending);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || list[kept - 1] != list[i]) list[kept++] = list[i];
    }
    return kept;
}

enum assay_status assay_leaves_parse(uint64_t **out, size_t *count, const char *text,
                                     uint64_t limit, struct assay_error *err)
{
    uint64_t *list = calloc(ASSAY_LEAVES_MAX, sizeof *list);
    size_t filled = 0;
    if (!list) return assay_fail(err, ASSAY_EMEMORY, "no memory for a list of samples");
    for (const char *at = text;;) {
        struct range range = {0, 0};
        size_t length = strcspn(at, ",");
        if (!read_range(at, length, limit, &range) ||
            range.last - range.first >= ASSAY_LEAVES_MAX - filled) {
            free(list);
            return no_list(text, limit, err);
        }
        for (uint64_t i = range.first; i <= range.last; i++) list[filled++] = i;
        if (!at[length]) break;
        at += length + 1;
    }
    *count = sort_once(list, filled);
    *out = list;
    return ASSAY_OK;
}
