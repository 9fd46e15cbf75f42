/* Which Python, and which folders it needs. */
#ifndef ASSAY_SANDBOX_INTERPRETER_H
#define ASSAY_SANDBOX_INTERPRETER_H

#include "assay/status.h"

#include <stddef.h>

enum { ASSAY_FOLDERS_MAX = 32, ASSAY_PATH_BYTES = 512 };

struct assay_interpreter {
    char path[ASSAY_PATH_BYTES], version[64];
    char folders[ASSAY_FOLDERS_MAX][ASSAY_PATH_BYTES]; /* absolute, none inside another */
    size_t folder_count;
};

/* Run `name` (a path, or a name in PATH; NULL: python3) once and ask it. EMACHINE: there is none,
 * it is no Python or older than 3.8, or installed where its folders would show too much. */
ASSAY_MUST_CHECK enum assay_status
assay_interpreter_find(struct assay_interpreter *out, const char *name, struct assay_error *err);
/* Read what the interpreter answered: a JSON object. */
ASSAY_MUST_CHECK enum assay_status assay_interpreter_parse(struct assay_interpreter *out,
                                                           const char *text, size_t size,
                                                           struct assay_error *err);

#endif
