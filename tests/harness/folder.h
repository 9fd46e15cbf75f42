/* A folder of its own for a test, made under the working directory and removed with what is in it.
 */
#ifndef ASSAY_TESTS_FOLDER_H
#define ASSAY_TESTS_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FOLDER_PATH_BYTES = 320 };

struct folder {
    char path[32];
};

static inline struct folder folder_make(void)
{
    struct folder folder = {"test-folder-XXXXXX"};
    if (!mkdtemp(folder.path)) abort();
    return folder;
}

/* "FOLDER/name" into `to`, which is returned. */
static inline const char *folder_path(const struct folder *folder, const char *name,
                                      char to[FOLDER_PATH_BYTES])
{
    snprintf(to, FOLDER_PATH_BYTES, "%s/%s", folder->path, name);
    return to;
}

/* How many files are in it. */
static inline unsigned folder_count(const struct folder *folder)
{
    unsigned count = 0;
    DIR *open = opendir(folder->path);
    for (struct dirent *entry; open && (entry = readdir(open));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) count++;
    }
    if (open) closedir(open);
    return count;
}

static inline void folder_remove(const struct folder *folder)
{
    DIR *open = opendir(folder->path);
    for (struct dirent *entry; open && (entry = readdir(open));) {
        char path[FOLDER_PATH_BYTES];
        folder_path(folder, entry->d_name, path);
        if (entry->d_name[0] != '.') unlink(path);
    }
    if (open) closedir(open);
    rmdir(folder->path);
}

#endif
