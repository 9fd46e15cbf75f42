/* Bytes over a unix socket, with deadlines. */
#define _GNU_SOURCE /* struct ucred */
#include "attest/wire.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum assay_status assay_wire_address(struct sockaddr_un *out, const char *path,
                                     struct assay_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof address.sun_path) {
        return assay_fail(err, ASSAY_EVALUE, "%.120s: a socket's path has 1 to %zu bytes", path,
                          sizeof address.sun_path - 1);
    }
    memcpy(address.sun_path, path, length);
    *out = address;
    return ASSAY_OK;
}

/* Wait until the socket is ready; false at the deadline. */
static bool wait_for(int fd, short events, uint64_t deadline_ns)
{
    for (;;) {
        uint64_t now = assay_clock_monotonic_ns();
        if (now >= deadline_ns) return false;
        struct pollfd poller = {fd, events, 0};
        int ready = poll(&poller, 1, (int)((deadline_ns - now) / 1000000) + 1);
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

enum assay_status assay_wire_read(int fd, void *to, size_t size, uint64_t deadline_ns,
                                  struct assay_error *err)
{
    uint8_t *at = to;
    while (size > 0) {
        if (!wait_for(fd, POLLIN, deadline_ns)) {
            return assay_fail(err, ASSAY_EIO, "the other end sent too little in time");
        }
        ssize_t got = recv(fd, at, size, MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) return assay_fail_errno(err, errno, "reading from the socket");
        if (got == 0) return assay_fail(err, ASSAY_EIO, "the other end closed too early");
        at += got;
        size -= (size_t)got;
    }
    return ASSAY_OK;
}

enum assay_status assay_wire_write(int fd, const void *from, size_t size, uint64_t deadline_ns,
                                   struct assay_error *err)
{
    const uint8_t *at = from;
    while (size > 0) {
        if (!wait_for(fd, POLLOUT, deadline_ns)) {
            return assay_fail(err, ASSAY_EIO, "the other end took too little in time");
        }
        ssize_t sent = send(fd, at, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (sent < 0) return assay_fail_errno(err, errno, "writing to the socket");
        at += sent;
        size -= (size_t)sent;
    }
    return ASSAY_OK;
}

enum assay_status assay_wire_check_peer(int fd, struct assay_error *err)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        return assay_fail_errno(err, errno, "who is at the other end cannot be told");
    }
    if (peer.uid == geteuid()) return ASSAY_OK;
    return assay_fail(err, ASSAY_EVALUE,
                      "user %lu is at the other end of the socket; only user %lu may be",
                      (unsigned long)peer.uid, (unsigned long)geteuid());
}
