/* Status codes, the error that travels with them, and the exit codes they become. */
#ifndef ASSAY_STATUS_H
#define ASSAY_STATUS_H

#include <stdarg.h>

/* One row per status: name, exit code of the program, what it means to a user. */
#define ASSAY_STATUS_LIST(X)                                                                       \
    X(OK, 0, "ok")                                                                                 \
    X(EFAILED, 1, "a check failed")                                                                \
    X(EUSAGE, 2, "wrong use of the command line")                                                  \
    X(EFORMAT, 3, "malformed input")                                                               \
    X(EVALUE, 3, "value out of range or of the wrong type")                                        \
    X(EUNSUPPORTED, 3, "well-formed, but not supported")                                           \
    X(ENOTFOUND, 3, "a named thing does not exist")                                                \
    X(EMISMATCH, 3, "two inputs that must belong together do not")                                 \
    X(EMACHINE, 4, "this machine lacks what is needed")                                            \
    X(EMEMORY, 4, "out of memory")                                                                 \
    X(EIO, 4, "the system refused to read or write")                                               \
    X(ESPACE, 4, "no space left")                                                                  \
    X(EINTERRUPTED, 85, "interrupted; run again to resume")

enum assay_status {
#define ASSAY_STATUS_ROW(name, exit_code, meaning) ASSAY_##name,
    ASSAY_STATUS_LIST(ASSAY_STATUS_ROW)
#undef ASSAY_STATUS_ROW
        ASSAY_STATUS_COUNT
};

#define ASSAY_MUST_CHECK __attribute__((warn_unused_result))

/* The message of the first failure, with the places its callers added in front ("file: tensor x:
 * …"). */
struct assay_error {
    enum assay_status status;
    char text[1024];
};

/* Make the error, once, where it is understood; quote the offence. Returns `status`. `err` may be
 * NULL. */
enum assay_status assay_fail(struct assay_error *err, enum assay_status status, const char *format,
                             ...) __attribute__((format(printf, 3, 4)));

/* As assay_fail for a failed system call: appends strerror(code), and turns ENOSPC, EDQUOT, EFBIG
 * into ASSAY_ESPACE, ENOMEM into ASSAY_EMEMORY, what is said of a path that leads nowhere (ENOENT,
 * ENOTDIR, ELOOP, ENAMETOOLONG) into ASSAY_ENOTFOUND, EISDIR into ASSAY_EVALUE, anything else into
 * ASSAY_EIO. */
enum assay_status assay_fail_errno(struct assay_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put a place in front of an error on its way up ("PLACE: text"). Returns `status`; does nothing
 * when it is ASSAY_OK. */
enum assay_status assay_while(struct assay_error *err, enum assay_status status, const char *format,
                              ...) __attribute__((format(printf, 3, 4)));

int assay_exit_code(enum assay_status status);
const char *assay_status_name(enum assay_status status);    /* "EFORMAT" */
const char *assay_status_meaning(enum assay_status status); /* "malformed input" */

#endif
