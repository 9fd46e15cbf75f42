/* The sign-once log: an append-only text file under an exclusive lock. */
#include "attest/once.h"

#include "attest/fields.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { LOG_BYTES_MAX = 1 << 26, LINE_BYTES_MAX = 256 };

/* The words of a line, each ended by a NUL in `line`. */
static bool split(char *line, const char *words[4])
{
    for (size_t i = 0; i < 4; i++) {
        words[i] = line;
        char *space = strchr(line, ' ');
        if ((space != NULL) != (i < 3)) return false;
        if (!space) break;
        *space = '\0';
        line = space + 1;
    }
    return true;
}

static bool parse_line(struct assay_once_entry *out, char *line)
{
    const char *words[4];
    if (!split(line, words) || !assay_statement_is_name(words[0]) ||
        !assay_statement_is_name(words[1]) ||
        !assay_text_unsigned(words[2], UINT64_MAX, &out->round) ||
        !assay_digest_parse(words[3], &out->root)) {
        return false;
    }
    out->chain = words[0];
    out->task = words[1];
    return true;
}

static enum assay_status two_roots(const struct assay_once_entry *was,
                                   const struct assay_once_entry *asked, struct assay_error *err)
{
    char first[ASSAY_DIGEST_HEX], second[ASSAY_DIGEST_HEX];
    return assay_fail(err, ASSAY_EFAILED,
                      "two roots for one round: chain %s, task %s, round %" PRIu64
                      " was signed for root %s; %s is refused",
                      was->chain, was->task, was->round, assay_digest_hex(&was->root, first),
                      assay_digest_hex(&asked->root, second));
}

enum assay_status assay_once_search(const char *text, size_t size,
                                    const struct assay_once_entry *entry, bool *known,
                                    struct assay_error *err)
{
    size_t number = 1;
    *known = false;
    for (size_t at = 0; at < size; number++) {
        char line[LINE_BYTES_MAX];
        struct assay_once_entry was;
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - (text + at)) : size - at;
        bool ok = end && length < sizeof line && memchr(text + at, '\0', length) == NULL;
        if (ok) {
            memcpy(line, text + at, length);
            line[length] = '\0';
            ok = parse_line(&was, line);
        }
        if (!ok) {
            return assay_fail(err, ASSAY_EFORMAT,
                              "line %zu is not CHAIN TASK ROUND ROOT: nothing is signed until the "
                              "log is whole again",
                              number);
        }
        if (was.round == entry->round && strcmp(was.chain, entry->chain) == 0 &&
            strcmp(was.task, entry->task) == 0) {
            if (!assay_digest_equal(&was.root, &entry->root)) return two_roots(&was, entry, err);
            *known = true;
        }
        at += length + 1;
    }
    return ASSAY_OK;
}

/* All of the open log, without the end of a write that never finished. */
static enum assay_status read_log(int fd, const char *path, struct assay_bytes *text,
                                  struct assay_error *err)
{
    for (;;) {
        enum assay_status status = assay_bytes_reserve(text, 65536, err);
        if (status) return status;
        ssize_t got = read(fd, text->data + text->size, 65536);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return assay_fail_errno(err, errno, "%s", path);
        if (got == 0) break;
        text->size += (size_t)got;
        if (text->size > LOG_BYTES_MAX) {
            return assay_fail(err, ASSAY_EVALUE, "%s: larger than %d bytes", path, LOG_BYTES_MAX);
        }
    }
    size_t whole = text->size;
    while (whole > 0 && text->data[whole - 1] != '\n') whole--;
    if (whole < text->size && ftruncate(fd, (off_t)whole) != 0) {
        return assay_fail_errno(err, errno, "%s: cutting a torn line", path);
    }
    text->size = whole;
    return ASSAY_OK;
}

static enum assay_status append_line(int fd, const char *path, const struct assay_once_entry *entry,
                                     struct assay_error *err)
{
    char line[LINE_BYTES_MAX], hex[ASSAY_DIGEST_HEX];
    int length = snprintf(line, sizeof line, "%s %s %" PRIu64 " %s\n", entry->chain, entry->task,
                          entry->round, assay_digest_hex(&entry->root, hex));
    enum assay_status status = assay_file_write_all(fd, line, (size_t)length, path, err);
    if (!status && fsync(fd) != 0) status = assay_fail_errno(err, errno, "%s", path);
    return status ? status : assay_private_sync_directory(path, err);
}

static enum assay_status open_locked(int *out, const char *path, struct assay_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0 && errno == ELOOP) {
        return assay_fail(err, ASSAY_EVALUE, "%s: a symbolic link; a log must be a file", path);
    }
    if (fd < 0) return assay_fail_errno(err, errno, "%s", path);
    enum assay_status status = assay_private_check(fd, path, err);
    while (!status && flock(fd, LOCK_EX) != 0) {
        if (errno != EINTR) status = assay_fail_errno(err, errno, "%s: locking", path);
    }
    if (status) {
        close(fd);
    } else {
        *out = fd;
    }
    return status;
}

enum assay_status assay_once_enter(const char *path, const struct assay_once_entry *entry,
                                   struct assay_error *err)
{
    struct assay_bytes text = {0};
    bool known = false;
    int fd = -1;
    enum assay_status status = open_locked(&fd, path, err);
    if (status) return status;
    status = read_log(fd, path, &text, err);
    if (!status) {
        status = assay_once_search((const char *)text.data, text.size, entry, &known, err);
        status = assay_while(err, status, "%s", path);
    }
    if (!status && !known) status = append_line(fd, path, entry, err);
    if (!status && known && fsync(fd) != 0) status = assay_fail_errno(err, errno, "%s", path);
    assay_bytes_fini(&text);
    close(fd); /* and with it the lock */
    return status;
}
