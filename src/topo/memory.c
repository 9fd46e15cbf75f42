/* Memory limits from /proc/meminfo, the control groups (version 2, then 1) and Slurm. A file that
 * is missing or says something else sets no limit. */
#include "topo/memory.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 1 << 16 };

static const uint64_t mebibyte = UINT64_C(1) << 20, kibibyte = UINT64_C(1) << 10;

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The digits at the front of a text. */
static uint64_t number_at(const char *text)
{
    char digits[20];
    uint64_t value;
    size_t length = strspn(text, "0123456789");
    if (length == 0 || length >= sizeof digits) return UINT64_MAX;
    memcpy(digits, text, length);
    digits[length] = '\0';
    return assay_text_unsigned(digits, UINT64_MAX / mebibyte, &value) ? value : UINT64_MAX;
}

uint64_t assay_memory_available_in(const char *meminfo)
{
    const char *found = strstr(meminfo, "MemAvailable:");
    if (!found) return UINT64_MAX;
    found += strlen("MemAvailable:");
    uint64_t kib = number_at(found + strspn(found, " "));
    return kib == UINT64_MAX ? kib : kib * kibibyte;
}

uint64_t assay_memory_limit_in(const char *text)
{
    char digits[24];
    uint64_t value;
    size_t length = strcspn(text, "\n");
    if (length == 0 || length >= sizeof digits) return UINT64_MAX;
    memcpy(digits, text, length);
    digits[length] = '\0';
    return assay_text_unsigned(digits, UINT64_MAX, &value) ? value : UINT64_MAX;
}

/* The file's text in `to`, "" if it cannot be read. */
static const char *read_text(const char *path, struct assay_bytes *to)
{
    assay_bytes_clear(to);
    if (assay_file_read(path, FILE_BYTES_MAX, to, NULL) != ASSAY_OK || !to->data) return "";
    return (const char *)to->data;
}

/* The least limit of a control group and of all above it. `group` ("/a/b") is cut up on the way. */
static uint64_t limit_upwards(const char *root, char *group, const char *file)
{
    struct assay_bytes path = {0}, text = {0};
    uint64_t limit = UINT64_MAX;
    for (;;) {
        assay_bytes_clear(&path);
        if (assay_bytes_format(&path, NULL, "%s%s/%s", root, group, file) != ASSAY_OK) break;
        limit = least(limit, assay_memory_limit_in(read_text((const char *)path.data, &text)));
        char *slash = strrchr(group, '/');
        if (!slash || group[0] == '\0') break;
        *slash = '\0';
    }
    assay_bytes_fini(&text);
    assay_bytes_fini(&path);
    return limit;
}

/* One line of /proc/self/cgroup: "0::/a/b" (version 2) or "9:memory:/a/b" (version 1). */
static uint64_t limit_of_line(char *line)
{
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group) return UINT64_MAX;
    *controllers++ = *group++ = '\0';
    if (controllers[0] == '\0') return limit_upwards("/sys/fs/cgroup", group, "memory.max");
    if (strcmp(controllers, "memory") != 0) return UINT64_MAX;
    return limit_upwards("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
}

static uint64_t control_groups(void)
{
    struct assay_bytes text = {0};
    uint64_t limit = UINT64_MAX;
    read_text("/proc/self/cgroup", &text);
    for (char *line = (char *)text.data; line && *line;) {
        char *end = strchr(line, '\n');
        if (end) *end = '\0';
        limit = least(limit, limit_of_line(line));
        line = end ? end + 1 : NULL;
    }
    assay_bytes_fini(&text);
    return limit;
}

uint64_t assay_memory_limit(void)
{
    struct assay_bytes text = {0};
    uint64_t limit = assay_memory_available_in(read_text("/proc/meminfo", &text));
    assay_bytes_fini(&text);
    const char *granted = getenv("SLURM_MEM_PER_NODE");
    uint64_t mib = granted ? number_at(granted) : 0;
    if (mib > 0 && mib != UINT64_MAX) limit = least(limit, mib * mebibyte);
    return least(limit, control_groups());
}
