/* One file into a store. It grows in STORE/incoming under its digest, held by a lock, and takes its
 * place only when every byte is there and on the disk: a name in the store always means a whole
 * file. */
#include "fetch/fetch.h"

#include "base/file.h"
#include "crypto/object_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static const uint64_t mebibyte = 1048576;
static const struct timespec pause_between = {0, 500000000};

bool fetch_is_to_stop(const struct fetch_work *work)
{
    return work->options->stop && *work->options->stop;
}

enum assay_status fetch_interrupted(const struct fetch_work *work, struct assay_error *err)
{
    return assay_fail(err, ASSAY_EINTERRUPTED, "interrupted while %s; the same command goes on",
                      work->what);
}

static void show(const struct fetch_work *work)
{
    const struct assay_fetch_options *options = work->options;
    if (options->progress) {
        options->progress(options->context, work->entry, work->written, work->what);
    }
}

enum assay_status fetch_take(void *context, const void *data, size_t size, struct assay_error *err)
{
    struct fetch_work *work = context;
    uint64_t whole = work->entry->bytes;
    if (fetch_is_to_stop(work)) return fetch_interrupted(work, err);
    if (whole && size > whole - work->written) {
        return assay_fail(err, ASSAY_EMISMATCH, "it has more than the %llu bytes that it must have",
                          (unsigned long long)whole);
    }
    if (size > 0) {
        enum assay_status status =
            assay_file_write_all(work->fd, data, size, (const char *)work->growing.data, err);
        if (status) return status;
        assay_sha256_update(&work->digest, data, size);
        work->written += size;
    }
    show(work);
    return ASSAY_OK;
}

enum assay_status fetch_restart(struct fetch_work *work, struct assay_error *err)
{
    const char *path = (const char *)work->growing.data;
    if (ftruncate(work->fd, 0) != 0 || lseek(work->fd, 0, SEEK_SET) != 0) {
        return assay_fail_errno(err, errno, "%s", path);
    }
    assay_sha256_init(&work->digest);
    work->written = 0;
    return ASSAY_OK;
}

/* Digest what an earlier call has left, and write behind it. */
static enum assay_status read_again(struct fetch_work *work, struct assay_error *err)
{
    char block[1 << 16];
    ssize_t count;
    work->what = "reading what came earlier";
    while ((count = read(work->fd, block, sizeof block)) != 0) {
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return assay_fail_errno(err, errno, "%s", (const char *)work->growing.data);
        assay_sha256_update(&work->digest, block, (size_t)count);
        work->written += (uint64_t)count;
        if (fetch_is_to_stop(work)) return fetch_interrupted(work, err);
        show(work);
    }
    if (work->entry->bytes && work->written >= work->entry->bytes) return fetch_restart(work, err);
    return ASSAY_OK;
}

static enum assay_status open_growing(struct fetch_work *work, struct assay_error *err)
{
    const struct assay_catalogue_entry *entry = work->entry;
    const char *path = (const char *)work->growing.data;
    work->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (work->fd < 0) return assay_fail_errno(err, errno, "%s", path);
    assay_sha256_init(&work->digest);
    work->written = 0;
    if (entry->source == ASSAY_SOURCE_URL && entry->piece_count == 1) return read_again(work, err);
    return fetch_restart(work, err);
}

/* Before an hour of download: whether the rest may fit. A package is there twice for a while. */
static enum assay_status check_space(const struct fetch_work *work, struct assay_error *err)
{
    struct statvfs facts;
    uint64_t need = work->entry->bytes - work->written;
    if (!work->entry->bytes || statvfs(work->store, &facts) != 0) return ASSAY_OK;
    if (work->entry->source == ASSAY_SOURCE_PACKAGE) need *= 2;
    uint64_t left = (uint64_t)facts.f_bavail * facts.f_frsize;
    if (need <= left) return ASSAY_OK;
    return assay_fail(err, ASSAY_ESPACE, "it needs %llu MiB, %s has %llu MiB left",
                      (unsigned long long)(need / mebibyte), work->store,
                      (unsigned long long)(left / mebibyte));
}

static enum assay_status check_whole(struct fetch_work *work, struct assay_error *err)
{
    char found[ASSAY_DIGEST_HEX], meant[ASSAY_DIGEST_HEX];
    struct assay_digest digest = assay_sha256_final(&work->digest);
    uint64_t whole = work->entry->bytes;
    if (!assay_digest_equal(&digest, &work->entry->sha256)) {
        return assay_fail(err, ASSAY_EMISMATCH, "it has sha256 %s in %llu bytes, but must have %s",
                          assay_digest_hex(&digest, found), (unsigned long long)work->written,
                          assay_digest_hex(&work->entry->sha256, meant));
    }
    if (whole && work->written != whole) {
        return assay_fail(err, ASSAY_EMISMATCH,
                          "it has %llu bytes, and the right sha256, but is said to have %llu",
                          (unsigned long long)work->written, (unsigned long long)whole);
    }
    return ASSAY_OK;
}

static void forget_growing(const struct fetch_work *work)
{
    unlink((const char *)work->growing.data);
    fetch_remove_folder((const char *)work->folder.data);
}

static enum assay_status bring(struct fetch_work *work, struct assay_error *err)
{
    enum assay_status status = open_growing(work, err);
    if (!status) status = check_space(work, err);
    if (!status) status = fetch_pieces(work, err);
    if (!status) status = check_whole(work, err);
    /* Nothing but its reader: a model that somebody edits in place would not be that model. */
    if (!status && fchmod(work->fd, 0444) != 0) {
        status = assay_fail_errno(err, errno, "%s", (const char *)work->growing.data);
    }
    if (work->fd >= 0) close(work->fd);
    if (!status) {
        status = assay_file_publish((const char *)work->growing.data,
                                    (const char *)work->object.data, err);
    }
    bool may_go_on = status == ASSAY_EINTERRUPTED || (status == ASSAY_EIO && work->written > 0);
    if (!may_go_on) forget_growing(work);
    return status;
}

/* A file that its user has put into the store's folder under that name: the same bytes are taken
 * over without a copy. */
static enum assay_status adopt(struct fetch_work *work, const char *name, bool *adopted,
                               struct assay_error *err)
{
    struct assay_digest digest;
    char found[ASSAY_DIGEST_HEX], meant[ASSAY_DIGEST_HEX];
    struct stat facts;
    *adopted = false;
    if (lstat(name, &facts) != 0 || S_ISLNK(facts.st_mode)) return ASSAY_OK;
    enum assay_status status = assay_sha256_file(&digest, name, err);
    if (status) return status;
    if (!assay_digest_equal(&digest, &work->entry->sha256)) {
        return assay_fail(
            err, ASSAY_EMISMATCH, "%s is there, and has sha256 %s, but must have %s: move it away",
            name, assay_digest_hex(&digest, found), assay_digest_hex(&work->entry->sha256, meant));
    }
    /* Some file systems have no second names: then it is fetched. */
    *adopted = link(name, (const char *)work->object.data) == 0;
    return ASSAY_OK;
}

/* STORE/NAME → sha256/ab/abcdef…, in one step. */
static enum assay_status set_name(const struct fetch_work *work, const char *name,
                                  struct assay_error *err)
{
    struct assay_bytes target = {0}, temporary = {0};
    struct assay_digest before;
    if (assay_object_of_link(name, &before) && assay_digest_equal(&before, &work->entry->sha256)) {
        return ASSAY_OK;
    }
    enum assay_status status = assay_object_path(&target, NULL, &work->entry->sha256, err);
    if (!status) {
        status = assay_bytes_format(&temporary, err, "%s.%ld.link",
                                    (const char *)work->growing.data, (long)getpid());
    }
    if (!status) {
        const char *link_path = (const char *)temporary.data;
        unlink(link_path);
        if (symlink((const char *)target.data, link_path) != 0 || rename(link_path, name) != 0) {
            status = assay_fail_errno(err, errno, "%s", name);
            unlink(link_path);
        }
    }
    assay_bytes_fini(&target);
    assay_bytes_fini(&temporary);
    return status;
}

static enum assay_status fetch_held(struct fetch_work *work, bool *fetched, struct assay_error *err)
{
    struct assay_bytes name = {0};
    enum assay_stored stored;
    bool adopted = false;
    enum assay_status status =
        assay_bytes_format(&name, err, "%s/%s", work->store, work->entry->name);
    /* Again: somebody else may have brought it while we waited. */
    if (!status) {
        status = assay_store_look(&stored, work->store, work->entry, work->options->digest, err);
    }
    if (!status && stored != ASSAY_STORED_HERE) {
        if (stored != ASSAY_STORED_DAMAGED) {
            status = adopt(work, (const char *)name.data, &adopted, err);
        }
        if (!status && !adopted) status = bring(work, err);
        *fetched = !status;
    }
    if (!status) status = set_name(work, (const char *)name.data, err);
    assay_bytes_fini(&name);
    return status;
}

/* A byte of STORE/incoming/lock for each digest: locks of ranges work on network file systems, and
 * leave no files behind. −1 in *fd where there are no locks at all. */
static enum assay_status hold(struct fetch_work *work, int *fd, struct assay_error *err)
{
    struct assay_bytes path = {0};
    enum assay_status status = assay_bytes_format(&path, err, "%s/incoming/lock", work->store);
    if (!status) {
        *fd = open((const char *)path.data, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (*fd < 0) status = assay_fail_errno(err, errno, "%s", (const char *)path.data);
    }
    assay_bytes_fini(&path);
    if (status) return status;
    struct flock lock = {.l_type = F_WRLCK,
                         .l_whence = SEEK_SET,
                         .l_start =
                             (off_t)(assay_get_le64(work->entry->sha256.bytes) >> 2 & INT64_MAX),
                         .l_len = 1};
    work->what = "waiting for another fetch of it";
    while (fcntl(*fd, F_SETLK, &lock) != 0) {
        if (errno == EINTR) continue;
        if (errno != EACCES && errno != EAGAIN) {
            close(*fd);
            *fd = -1;
            /* Then at least nobody else's file is written into. */
            return assay_bytes_format(&work->growing, err, ".%ld", (long)getpid());
        }
        if (fetch_is_to_stop(work)) {
            close(*fd);
            return fetch_interrupted(work, err);
        }
        show(work);
        nanosleep(&pause_between, NULL);
    }
    return ASSAY_OK;
}

enum assay_status fetch_make_folder(const char *path, struct assay_error *err)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return ASSAY_OK;
    return assay_fail_errno(err, errno, "making the folder %s", path);
}

static enum assay_status make_folders(struct fetch_work *work, struct assay_error *err)
{
    static const char *const names[] = {"", "/incoming", "/sha256"};
    struct assay_bytes path = {0};
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !status; i++) {
        assay_bytes_clear(&path);
        status = assay_bytes_format(&path, err, "%s%s", work->store, names[i]);
        if (!status) status = fetch_make_folder((const char *)path.data, err);
    }
    assay_bytes_clear(&path);
    const char *object = (const char *)work->object.data;
    if (!status) {
        status = assay_bytes_append(&path, object, (size_t)(strrchr(object, '/') - object), err);
    }
    if (!status) status = fetch_make_folder((const char *)path.data, err);
    assay_bytes_fini(&path);
    return status;
}

enum assay_status assay_fetch(const char *store, const char *beside,
                              const struct assay_catalogue_entry *entry,
                              const struct assay_fetch_options *options, bool *fetched,
                              struct assay_error *err)
{
    struct fetch_work work = {
        .entry = entry, .options = options, .beside = beside, .store = store, .fd = -1};
    char hex[ASSAY_DIGEST_HEX];
    int lock = -1;
    *fetched = false;
    assay_digest_hex(&entry->sha256, hex);
    enum assay_status status = assay_object_path(&work.object, store, &entry->sha256, err);
    if (!status) status = assay_bytes_format(&work.growing, err, "%s/incoming/%s", store, hex);
    if (!status) status = make_folders(&work, err);
    if (!status) status = hold(&work, &lock, err);
    if (!status) {
        status = assay_bytes_format(&work.folder, err, "%s.d", (const char *)work.growing.data);
        if (!status) status = fetch_held(&work, fetched, err);
        if (lock >= 0) close(lock);
    }
    assay_bytes_fini(&work.object);
    assay_bytes_fini(&work.growing);
    assay_bytes_fini(&work.folder);
    return assay_while(err, status, "%s", entry->name);
}
