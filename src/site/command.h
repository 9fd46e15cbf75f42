/* Another program, run without a shell: what it is given, what it says, how it ends. */
#ifndef ASSAY_SITE_COMMAND_H
#define ASSAY_SITE_COMMAND_H

#include "base/bytes.h"

enum { ASSAY_COMMAND_OUTPUT_MAX = 1 << 20, ASSAY_COMMAND_SECONDS = 60 };

/* Zero-initialise, release with assay_command_fini. Texts end with a NUL, without the last line
 * end; "" where nothing was said. */
struct assay_command_result {
    struct assay_bytes output, errors;
    int exit_code; /* 128 + signal when one ended it */
};
void assay_command_fini(struct assay_command_result *result);

/* Find argv[0] by PATH, run it with `input` (may be NULL) as its standard input. EMACHINE when
 * there is no such program; EIO when it says too much, or is not done in a minute (it is then
 * killed). Any exit code is ASSAY_OK. */
ASSAY_MUST_CHECK enum assay_status assay_command_run(struct assay_command_result *out,
                                                     const char *const *argv, const char *input,
                                                     struct assay_error *err);

/* Takes a program's output as it comes, and is called with size 0 while nothing does. What it
 * returns but ASSAY_OK kills the program and is returned. */
struct assay_command_sink {
    enum assay_status (*take)(void *context, const void *data, size_t size,
                              struct assay_error *err);
    void *context;
};
/* The same without a time limit, and with the output given away: out->output stays empty. */
ASSAY_MUST_CHECK enum assay_status assay_command_stream(struct assay_command_result *out,
                                                        const char *const *argv,
                                                        const struct assay_command_sink *sink,
                                                        struct assay_error *err);

#endif
