/* Files that a driver and the makers of containers leave. */
#include "topo/surroundings.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"

#include <string.h>

enum { LINE_BYTES_MAX = 512, FILE_BYTES_MAX = 1 << 16 };

static const struct {
    const char *path, *name, *value; /* NULL: the file's first line */
} rows[] = {{"/proc/driver/nvidia/version", "NVIDIADriver", NULL},
            {"/.dockerenv", "Container", "docker"},
            {"/run/.containerenv", "Container", "podman"},
            {"/.singularity.d", "Container", "apptainer"}};

/* "" where there is none that can be told. */
static const char *first_line(const char *path, struct assay_bytes *text)
{
    if (assay_file_read(path, FILE_BYTES_MAX, text, NULL) || !text->data) return "";
    char *line = (char *)text->data;
    size_t length = strcspn(line, "\n");
    line[length] = '\0';
    bool clean = length <= LINE_BYTES_MAX && !assay_text_has_control(line) &&
                 assay_text_utf8_prefix(line, length) == length;
    return clean ? line : "";
}

void assay_surroundings_find(const char *root, assay_surroundings_tell *tell, void *context)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct assay_bytes path = {0}, text = {0};
        bool named = !assay_bytes_format(&path, NULL, "%s%s", root, rows[i].path);
        const char *found = (const char *)path.data;
        if (named && assay_file_exists(found)) {
            const char *value = rows[i].value ? rows[i].value : first_line(found, &text);
            if (value[0]) tell(context, rows[i].name, value);
        }
        assay_bytes_fini(&text);
        assay_bytes_fini(&path);
    }
}
