/* Statuses and the error that travels with them: made once where it is understood, given its place
 * on the way up. */
#include "assay/status.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct status_row {
    const char *name, *meaning;
    int exit_code;
};

static const struct status_row status_rows[] = {
#define ASSAY_STATUS_ROW(name, exit_code, meaning) {#name, meaning, exit_code},
    ASSAY_STATUS_LIST(ASSAY_STATUS_ROW)
#undef ASSAY_STATUS_ROW
};
static_assert(sizeof status_rows / sizeof status_rows[0] == ASSAY_STATUS_COUNT,
              "one row per status");

/* Formatted into a buffer of its own first: the arguments may quote the text that is replaced. */
static void error_set(struct assay_error *err, enum assay_status status, const char *format,
                      va_list arguments)
{
    char text[sizeof err->text];
    if (vsnprintf(text, sizeof text, format, arguments) < 0) text[0] = '\0';
    err->status = status;
    memcpy(err->text, text, strlen(text) + 1);
}

/* What does not fit is cut. */
static void error_append(struct assay_error *err, const char *more)
{
    size_t used = strlen(err->text), length = strlen(more);
    size_t room = sizeof err->text - 1 - used;
    if (length > room) length = room;
    memcpy(err->text + used, more, length);
    err->text[used + length] = '\0';
}

enum assay_status assay_fail(struct assay_error *err, enum assay_status status, const char *format,
                             ...)
{
    if (!err) return status;
    va_list arguments;
    va_start(arguments, format);
    error_set(err, status, format, arguments);
    va_end(arguments);
    return status;
}

static enum assay_status status_of_errno(int code)
{
    switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ASSAY_ESPACE;
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return ASSAY_ENOTFOUND;
    case EISDIR:
        return ASSAY_EVALUE;
    case ENOMEM:
        return ASSAY_EMEMORY;
    default:
        return ASSAY_EIO;
    }
}

enum assay_status assay_fail_errno(struct assay_error *err, int code, const char *format, ...)
{
    enum assay_status status = status_of_errno(code);
    if (!err) return status;
    va_list arguments;
    va_start(arguments, format);
    error_set(err, status, format, arguments);
    va_end(arguments);

    char reason[128];
    if (strerror_r(code, reason, sizeof reason) != 0) {
        snprintf(reason, sizeof reason, "error %d", code);
    }
    error_append(err, ": ");
    error_append(err, reason);
    return status;
}

enum assay_status assay_while(struct assay_error *err, enum assay_status status, const char *format,
                              ...)
{
    if (status == ASSAY_OK || !err) return status;
    struct assay_error old = *err;
    va_list arguments;
    va_start(arguments, format);
    error_set(err, status, format, arguments);
    va_end(arguments);
    error_append(err, ": ");
    error_append(err, old.text);
    return status;
}

static const struct status_row *status_row(enum assay_status status)
{
    static const struct status_row unknown = {"EUNKNOWN", "unknown status", 4};
    return (unsigned)status < ASSAY_STATUS_COUNT ? &status_rows[status] : &unknown;
}

int assay_exit_code(enum assay_status status)
{
    return status_row(status)->exit_code;
}

const char *assay_status_name(enum assay_status status)
{
    return status_row(status)->name;
}

const char *assay_status_meaning(enum assay_status status)
{
    return status_row(status)->meaning;
}
