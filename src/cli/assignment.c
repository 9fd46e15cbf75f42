/* --assignment. */
#include "cli/assignment.h"

#include "base/bytes.h"
#include "base/file.h"

/* What a network gave to a site (`assay net assignment`); nothing is done without the option. */
enum assay_status assay_args_assignment(struct assay_assignment *out, const char *path,
                                        struct assay_error *err)
{
    struct assay_bytes text = {0};
    if (!path) return ASSAY_OK;
    enum assay_status status = assay_file_read(path, ASSAY_ASSIGNMENT_BYTES_MAX, &text, err);
    if (!status) {
        const char *data = text.data ? (const char *)text.data : "";
        status = assay_while(err, assay_assignment_parse(out, data, text.size, err), "%s", path);
    }
    assay_bytes_fini(&text);
    return status;
}
