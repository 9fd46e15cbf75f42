/* The file is written under the name with ".part" by whoever holds the lock on it: a builder that
 * was killed leaves a part that the next one takes over. Who waited for the lock and then finds
 * that the name belongs to another file (the part was published) looks again. */
#include "engine/panels.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/team.h"
#include "crypto/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD = 4096, PIECE = 1 << 20, LAYOUT_BYTES = 16 };

/* As in the file. */
struct head {
    char magic[16];
    char layout[LAYOUT_BYTES];
    uint8_t model[ASSAY_DIGEST_BYTES];
    uint8_t bytes[8];
    uint8_t content[ASSAY_DIGEST_BYTES];
};

struct assay_panels {
    struct assay_bytes path, part; /* C strings */
    struct head head;
    uint8_t *map; /* head, then panels */
    size_t bytes; /* of the panels */
    int fd;       /* of the part while it is being made, else −1 */
};

/* --- the digest of all panels: of the digests of their pieces, which a team shares out */

struct digest_work {
    const uint8_t *data;
    size_t bytes;
    struct assay_digest *pieces;
};

static void digest_pieces(void *context, unsigned thread, unsigned threads)
{
    const struct digest_work *work = context;
    size_t begin, end;
    assay_team_share(work->bytes, PIECE, thread, threads, &begin, &end);
    for (size_t at = begin; at < end; at += PIECE) {
        size_t left = end - at;
        work->pieces[at / PIECE] =
            assay_sha256_of(work->data + at, left < PIECE ? left : (size_t)PIECE);
    }
}

static enum assay_status digest_panels(const struct assay_panels *panels, struct assay_team *team,
                                       struct assay_digest *out, struct assay_error *err)
{
    size_t count = panels->bytes / PIECE + (panels->bytes % PIECE != 0);
    struct digest_work work = {assay_panels_data(panels), panels->bytes,
                               calloc(count + 1, sizeof *work.pieces)};
    if (!work.pieces) return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu digests", count);
    assay_team_run(team, digest_pieces, &work);
    *out = assay_sha256_of(work.pieces, count * sizeof *work.pieces);
    free(work.pieces);
    return ASSAY_OK;
}

/* --- one that is there */

static enum assay_status map_file(struct assay_panels *panels, int fd, int protection,
                                  struct assay_error *err)
{
    void *map = mmap(NULL, HEAD + panels->bytes, protection, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) return assay_fail_errno(err, errno, "%s", panels->part.data);
    panels->map = map;
    return ASSAY_OK;
}

static void unmap(struct assay_panels *panels)
{
    if (panels->map) munmap(panels->map, HEAD + panels->bytes);
    panels->map = NULL;
}

/* Whether the open file is what we look for; then it is mapped. */
static bool fits(struct assay_panels *panels, int fd, struct assay_team *team)
{
    struct assay_error unused;
    struct stat facts;
    struct assay_digest content;
    if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode) ||
        (uint64_t)facts.st_size != HEAD + panels->bytes) {
        return false;
    }
    if (map_file(panels, fd, PROT_READ, &unused)) return false;
    const struct head *there = (const struct head *)(const void *)panels->map;
    if (memcmp(there, &panels->head, offsetof(struct head, content)) == 0 &&
        digest_panels(panels, team, &content, &unused) == ASSAY_OK &&
        memcmp(content.bytes, there->content, sizeof content.bytes) == 0) {
        return true;
    }
    unmap(panels);
    return false;
}

static bool find(struct assay_panels *panels, struct assay_team *team)
{
    int fd = open((const char *)panels->path.data, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool found = fits(panels, fd, team);
    close(fd);
    return found;
}

/* --- one that is to be made */

/* The part, locked: this process alone makes it. *mine is false when it was published meanwhile. */
static enum assay_status lock_part(struct assay_panels *panels, bool *mine, struct assay_error *err)
{
    const char *part = (const char *)panels->part.data;
    struct stat open_file, named;
    panels->fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (panels->fd < 0) return assay_fail_errno(err, errno, "%s", part);
    while (flock(panels->fd, LOCK_EX) != 0) {
        if (errno != EINTR) return assay_fail_errno(err, errno, "locking %s", part);
    }
    if (fstat(panels->fd, &open_file) != 0) return assay_fail_errno(err, errno, "%s", part);
    *mine = stat(part, &named) == 0 && named.st_ino == open_file.st_ino &&
            named.st_dev == open_file.st_dev;
    if (*mine) return ASSAY_OK;
    close(panels->fd);
    panels->fd = -1;
    return ASSAY_OK;
}

/* Zeros as large as the file; the disk has room for all of it, so that no write can fail later. */
static enum assay_status make_room(struct assay_panels *panels, struct assay_error *err)
{
    const char *part = (const char *)panels->part.data;
    if (ftruncate(panels->fd, 0) != 0) return assay_fail_errno(err, errno, "%s", part);
    int code = posix_fallocate(panels->fd, 0, (off_t)(HEAD + panels->bytes));
    if (code != 0) return assay_fail_errno(err, code, "%s", part);
    return map_file(panels, panels->fd, PROT_READ | PROT_WRITE, err);
}

static enum assay_status find_or_begin(struct assay_panels *panels, struct assay_team *team,
                                       bool *fresh, struct assay_error *err)
{
    bool mine = false;
    *fresh = false;
    while (!find(panels, team)) {
        enum assay_status status = lock_part(panels, &mine, err);
        if (status) return status;
        if (!mine) continue;
        *fresh = true;
        return make_room(panels, err);
    }
    return ASSAY_OK;
}

enum assay_status assay_panels_open(struct assay_panels **out,
                                    const struct assay_panel_cache *cache,
                                    const struct assay_panels_key *key, struct assay_team *team,
                                    bool *fresh, struct assay_error *err)
{
    struct assay_panels *panels = calloc(1, sizeof *panels);
    if (!panels) return assay_fail(err, ASSAY_EMEMORY, "no memory for the weights' file");
    panels->fd = -1;
    panels->bytes = (size_t)key->bytes;
    memcpy(panels->head.magic, "assay panels-1\n", sizeof panels->head.magic);
    memcpy(panels->head.layout, key->layout, strnlen(key->layout, LAYOUT_BYTES));
    memcpy(panels->head.model, cache->model.bytes, sizeof panels->head.model);
    assay_put_le64(panels->head.bytes, key->bytes);
    enum assay_status status =
        assay_bytes_format(&panels->path, err, "%s.%s", cache->path, key->layout);
    if (!status) {
        status = assay_bytes_format(&panels->part, err, "%s.%s.part", cache->path, key->layout);
    }
    if (!status) status = find_or_begin(panels, team, fresh, err);
    if (status) {
        assay_panels_close(panels);
        return status;
    }
    *out = panels;
    return ASSAY_OK;
}

uint8_t *assay_panels_data(const struct assay_panels *panels)
{
    return panels->map + HEAD;
}

enum assay_status assay_panels_publish(struct assay_panels *panels, struct assay_team *team,
                                       struct assay_error *err)
{
    const char *part = (const char *)panels->part.data;
    struct assay_digest content;
    enum assay_status status = digest_panels(panels, team, &content, err);
    if (status) return status;
    memcpy(panels->head.content, content.bytes, sizeof content.bytes);
    memcpy(panels->map, &panels->head, sizeof panels->head);
    if (msync(panels->map, HEAD + panels->bytes, MS_SYNC) != 0 ||
        mprotect(panels->map, HEAD + panels->bytes, PROT_READ) != 0) {
        return assay_fail_errno(err, errno, "%s", part);
    }
    status = assay_file_publish(part, (const char *)panels->path.data, err);
    if (status) return status;
    close(panels->fd); /* and the lock with it */
    panels->fd = -1;
    return ASSAY_OK;
}

void assay_panels_close(struct assay_panels *panels)
{
    if (!panels) return;
    unmap(panels);
    if (panels->fd >= 0) {
        (void)unlink((const char *)panels->part.data);
        close(panels->fd);
    }
    assay_bytes_fini(&panels->path);
    assay_bytes_fini(&panels->part);
    free(panels);
}
