/* Bytes over the signer's socket, each way with one deadline; and who is at the other end. */
#ifndef ASSAY_ATTEST_WIRE_H
#define ASSAY_ATTEST_WIRE_H

#include "assay/status.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

/* The address of a path. EVALUE when it is too long for one. */
ASSAY_MUST_CHECK enum assay_status assay_wire_address(struct sockaddr_un *out, const char *path,
                                                      struct assay_error *err);
/* Exactly `size` bytes before the deadline (monotonic ns). EIO otherwise. */
ASSAY_MUST_CHECK enum assay_status assay_wire_read(int fd, void *to, size_t size,
                                                   uint64_t deadline_ns, struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_wire_write(int fd, const void *from, size_t size,
                                                    uint64_t deadline_ns, struct assay_error *err);
/* EVALUE when the process at the other end belongs to another user. */
ASSAY_MUST_CHECK enum assay_status assay_wire_check_peer(int fd, struct assay_error *err);

#endif
