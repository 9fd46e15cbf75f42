/* The end of a program that has broken a promise to itself. */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void assay_assert_failed(const char *condition, const char *file, int line)
{
    char text[512];
    snprintf(text, sizeof text, "assay: internal error at %s:%d: %s does not hold\n", file, line,
             condition);
    /* write, not stdio: its buffers may be what is broken. */
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
    abort();
}
