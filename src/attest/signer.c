/* The signer's socket: a server that answers one connection after the other, and its client. */
#include "attest/signing.h"

#include "attest/dsse.h"
#include "attest/wire.h"
#include "base/bytes.h"
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ANSWER_BYTES = 1 + ASSAY_PUBLIC_KEY_BYTES + ASSAY_SIGNATURE_BYTES,
    POLL_MS = 200, /* how late a stop may be seen */
    BACKLOG = 16
};

static uint64_t deadline(void)
{
    return assay_clock_monotonic_ns() + (uint64_t)ASSAY_SIGNER_WAIT_MS * 1000000;
}

enum assay_status assay_signer_parse(const uint8_t **pae, size_t *pae_size, const uint8_t *data,
                                     size_t size, struct assay_error *err)
{
    struct assay_reader reader = {.data = data, .size = size};
    size_t length = assay_read_le32(&reader);
    if (reader.failed || length == 0 || length > ASSAY_SIGNER_REQUEST_BYTES_MAX) {
        return assay_fail(err, ASSAY_EFORMAT, "a request has 1 to %d bytes behind its length",
                          ASSAY_SIGNER_REQUEST_BYTES_MAX);
    }
    const uint8_t *span = assay_read_span(&reader, length);
    if (!span || reader.position != size) {
        return assay_fail(err, ASSAY_EFORMAT, "a request of %zu bytes announces %zu", size,
                          length + 4);
    }
    *pae = span;
    *pae_size = length;
    return ASSAY_OK;
}

/* --- the server --- */

/* Length first: nothing is allocated for more than a request may have. */
static enum assay_status receive(int fd, struct assay_bytes *request, struct assay_error *err)
{
    uint64_t until = deadline();
    uint8_t head[4];
    enum assay_status status = assay_wire_read(fd, head, sizeof head, until, err);
    if (status) return status;
    uint32_t length = assay_get_le32(head);
    if (length == 0 || length > ASSAY_SIGNER_REQUEST_BYTES_MAX) {
        return assay_fail(err, ASSAY_EFORMAT, "a request of %u bytes; it has 1 to %d", length,
                          ASSAY_SIGNER_REQUEST_BYTES_MAX);
    }
    status = assay_bytes_append(request, head, sizeof head, err);
    if (!status) status = assay_bytes_reserve(request, length, err);
    if (!status) status = assay_wire_read(fd, request->data + 4, length, until, err);
    if (!status) request->size = 4 + (size_t)length;
    return status;
}

static enum assay_status handle(const struct assay_signer *signer, int fd,
                                struct assay_signature *signature, struct assay_error *err)
{
    struct assay_bytes request = {0};
    const uint8_t *pae;
    size_t size;
    enum assay_status status = assay_wire_check_peer(fd, err);
    if (!status) status = receive(fd, &request, err);
    if (!status) status = assay_signer_parse(&pae, &size, request.data, request.size, err);
    if (!status) status = assay_signing_sign(signature, &signer->signing, pae, size, err);
    assay_bytes_fini(&request);
    return status;
}

/* What cannot be delivered any more is the client's loss. */
static void answer(const struct assay_signer *signer, int fd)
{
    struct assay_error err = {ASSAY_OK, ""}, ignored;
    struct assay_signature signature;
    struct assay_public_key key = assay_secret_key_public(signer->signing.key);
    uint8_t message[5 + ASSAY_SIGNER_TEXT_BYTES_MAX];
    size_t size = ANSWER_BYTES;
    enum assay_status status = handle(signer, fd, &signature, &err);
    message[0] = (uint8_t)status;
    if (status) {
        size_t length = strlen(err.text);
        if (length > ASSAY_SIGNER_TEXT_BYTES_MAX) length = ASSAY_SIGNER_TEXT_BYTES_MAX;
        assay_put_le32(message + 1, (uint32_t)length);
        memcpy(message + 5, err.text, length);
        size = 5 + length;
    } else {
        memcpy(message + 1, key.bytes, sizeof key.bytes);
        memcpy(message + 1 + sizeof key.bytes, signature.bytes, sizeof signature.bytes);
    }
    if (signer->told) signer->told(signer->context, status ? err.text : "signed");
    if (assay_wire_write(fd, message, size, deadline(), &ignored)) return;
}

/* Whether a socket at the address belongs to a signer that is gone. */
static bool is_stale(const struct sockaddr_un *address)
{
    struct stat info;
    if (lstat(address->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode) ||
        info.st_uid != geteuid()) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
                   errno == ECONNREFUSED;
    if (fd >= 0) close(fd);
    return refused;
}

static enum assay_status listen_at(int *out, const char *path, struct assay_error *err)
{
    struct sockaddr_un address;
    enum assay_status status = assay_wire_address(&address, path, err);
    if (status) return status;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return assay_fail_errno(err, errno, "%s", path);
    if (is_stale(&address)) unlink(path);
    mode_t before = umask(0177);
    int bound = bind(fd, (const struct sockaddr *)&address, sizeof address), code = errno;
    umask(before);
    if (bound != 0 && code == EADDRINUSE) {
        status = assay_fail(err, ASSAY_EVALUE, "%s: something is there already", path);
    } else if (bound != 0) {
        status = assay_fail_errno(err, code, "%s", path);
    } else if (listen(fd, BACKLOG) != 0) {
        status = assay_fail_errno(err, errno, "%s", path);
        unlink(path);
    }
    if (status) {
        close(fd);
    } else {
        *out = fd;
    }
    return status;
}

enum assay_status assay_signer_serve(const struct assay_signer *signer, struct assay_error *err)
{
    int listening = -1;
    enum assay_status status = listen_at(&listening, signer->socket_path, err);
    if (status) return status;
    while (!*signer->stop && !status) {
        struct pollfd poller = {listening, POLLIN, 0};
        int ready = poll(&poller, 1, POLL_MS);
        if (ready < 0 && errno != EINTR) {
            status = assay_fail_errno(err, errno, "%s", signer->socket_path);
        }
        if (ready <= 0) continue;
        int fd = accept(listening, NULL, NULL);
        if (fd < 0) continue; /* it went away again */
        answer(signer, fd);
        close(fd);
    }
    close(listening);
    unlink(signer->socket_path);
    return status;
}

/* --- the client --- */

static enum assay_status read_refusal(int fd, uint8_t code, uint64_t until, struct assay_error *err)
{
    uint8_t head[4];
    char text[ASSAY_SIGNER_TEXT_BYTES_MAX + 1];
    enum assay_status status = assay_wire_read(fd, head, sizeof head, until, err);
    if (status) return status;
    uint32_t length = assay_get_le32(head);
    if (length > ASSAY_SIGNER_TEXT_BYTES_MAX || code >= ASSAY_STATUS_COUNT) {
        return assay_fail(err, ASSAY_EFORMAT, "an answer that is none of a signer's");
    }
    status = assay_wire_read(fd, text, length, until, err);
    if (status) return status;
    text[length] = '\0';
    return assay_fail(err, (enum assay_status)code, "the signer refuses: %s", text);
}

static enum assay_status exchange(int fd, struct assay_signature *out, struct assay_public_key *key,
                                  const uint8_t *pae, size_t size, struct assay_error *err)
{
    uint8_t head[4], code;
    uint64_t until = deadline();
    assay_put_le32(head, (uint32_t)size);
    enum assay_status status = assay_wire_check_peer(fd, err);
    if (!status) status = assay_wire_write(fd, head, sizeof head, until, err);
    if (!status) status = assay_wire_write(fd, pae, size, until, err);
    if (!status) status = assay_wire_read(fd, &code, 1, until, err);
    if (status) return status;
    if (code != 0) return read_refusal(fd, code, until, err);
    struct assay_public_key public;
    struct assay_signature signature;
    status = assay_wire_read(fd, public.bytes, sizeof public.bytes, until, err);
    if (!status) status = assay_wire_read(fd, signature.bytes, sizeof signature.bytes, until, err);
    if (status) return status;
    if (!assay_signature_verify(&public, pae, size, &signature)) {
        return assay_fail(err, ASSAY_EFAILED, "the signer's signature does not hold");
    }
    *out = signature;
    *key = public;
    return ASSAY_OK;
}

enum assay_status assay_signer_ask(struct assay_signature *out, struct assay_public_key *key,
                                   const char *socket_path, const uint8_t *pae, size_t size,
                                   struct assay_error *err)
{
    struct sockaddr_un address;
    enum assay_status status = assay_wire_address(&address, socket_path, err);
    if (status) return status;
    if (size == 0 || size > ASSAY_SIGNER_REQUEST_BYTES_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "%zu bytes to sign; a signer takes 1 to %d", size,
                          ASSAY_SIGNER_REQUEST_BYTES_MAX);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        status = assay_fail_errno(err, errno, "%s: no signer answers", socket_path);
    } else {
        status = assay_while(err, exchange(fd, out, key, pae, size, err), "%s", socket_path);
    }
    if (fd >= 0) close(fd);
    return status;
}
