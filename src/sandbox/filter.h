/* The list of system calls that programs may make, as libseccomp compiles it. The only file that
 * sees <seccomp.h> is filter.c. */
#ifndef ASSAY_SANDBOX_FILTER_H
#define ASSAY_SANDBOX_FILTER_H

#include "assay/status.h"

#include <stddef.h>
#include <stdint.h>

struct sock_filter;

/* A BPF program for seccomp(2) that lets the listed calls pass and stops every other one for the
 * listener. The caller frees *out. */
ASSAY_MUST_CHECK enum assay_status
assay_filter_make(struct sock_filter **out, unsigned short *count, struct assay_error *err);

/* What the listener does with a call that the filter stopped. */
enum assay_filter_kind {
    ASSAY_FILTER_KILL,   /* no program may: the program is over */
    ASSAY_FILTER_REFUSE, /* fails with an errno; harmless programs try it */
    ASSAY_FILTER_MARK,   /* getsid */
    ASSAY_FILTER_SPAWN,  /* clone, fork: counted */
    ASSAY_FILTER_SIGNAL, /* kill and its like: only to oneself */
    ASSAY_FILTER_SOCKET, /* kills, but for AF_UNIX: libc asks a name service by itself */
    ASSAY_FILTER_CREATE, /* makes a name in a folder: counted */
    ASSAY_FILTER_CODE    /* memory to be executed: refused */
};
struct assay_filter_answer {
    enum assay_filter_kind kind;
    int error; /* errno of a refusal */
};
struct assay_filter_answer assay_filter_answer(int number);
/* "socket", or "call 999", into to[size]. Returns `to`. */
const char *assay_filter_name(int number, char *to, size_t size);

#endif
