/* Each folder is locked by its pool from the first moment of its use to the end of its life, so
 * that a folder without a lock was left by a pool that was killed, and the next one removes it. */
#define _GNU_SOURCE
#include "sandbox/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "/tmp"
#define PREFIX "assay-sandbox-"

enum { TRIES = 100 };

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    remove(path);
    return 0;
}

static void remove_tree(const char *path)
{
    nftw(path, remove_entry, 8, FTW_PHYS | FTW_DEPTH);
}

/* The folder, locked; -1: another has it, it is not ours, or it is no more what it was called. */
static int lock_folder(const char *path)
{
    struct stat here, there;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &here) == 0 && lstat(path, &there) == 0 &&
        here.st_dev == there.st_dev && here.st_ino == there.st_ino && here.st_uid == geteuid()) {
        return fd;
    }
    close(fd);
    return -1;
}

static void sweep(void)
{
    DIR *folder = opendir(FOLDER);
    if (!folder) return;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[sizeof FOLDER + sizeof entry->d_name];
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0) continue;
        snprintf(path, sizeof path, FOLDER "/%s", entry->d_name);
        int lock = lock_folder(path);
        if (lock < 0) continue;
        remove_tree(path);
        close(lock);
    }
    closedir(folder);
}

enum assay_status assay_scratch_make(struct assay_scratch *out, struct assay_error *err)
{
    sweep();
    for (unsigned i = 0; i < TRIES; i++) { /* a sweep may come between making and locking */
        snprintf(out->path, sizeof out->path, FOLDER "/" PREFIX "XXXXXX");
        if (!mkdtemp(out->path)) {
            int code = errno;
            out->path[0] = 0;
            return assay_fail_errno(err, code, "a scratch folder of the sandbox in " FOLDER);
        }
        out->lock = lock_folder(out->path);
        if (out->lock >= 0) return ASSAY_OK;
    }
    remove_tree(out->path); /* of a file system without locks */
    out->path[0] = 0;
    return assay_fail(err, ASSAY_EIO,
                      "a scratch folder of the sandbox in " FOLDER " cannot be locked");
}

void assay_scratch_remove(struct assay_scratch *scratch)
{
    if (scratch->path[0]) remove_tree(scratch->path);
    if (scratch->path[0]) close(scratch->lock);
    scratch->path[0] = 0;
}
