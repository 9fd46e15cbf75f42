/* One thread a file; `stop` is looked at between its reads. */
#include "crypto/file_check.h"

#include "crypto/digest.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct assay_file_check {
    struct assay_digest declared;
    pthread_t thread;
    bool joined;
    atomic_bool stop;
    enum assay_status status; /* of the thread, once it is joined */
    struct assay_error err;
    char path[];
};

static enum assay_status compare(struct assay_file_check *check)
{
    char found[ASSAY_DIGEST_HEX], declared[ASSAY_DIGEST_HEX];
    struct assay_digest digest;
    enum assay_status status =
        assay_sha256_file_until(&digest, check->path, &check->stop, &check->err);
    if (status || assay_digest_equal(&digest, &check->declared)) return status;
    return assay_fail(&check->err, ASSAY_EMISMATCH, "%s has sha256 %s, but the spec declares %s",
                      check->path, assay_digest_hex(&digest, found),
                      assay_digest_hex(&check->declared, declared));
}

static void *check_main(void *argument)
{
    struct assay_file_check *check = argument;
    check->status = compare(check);
    return NULL;
}

enum assay_status assay_file_check_begin(struct assay_file_check **out, const char *path,
                                         const struct assay_digest *declared,
                                         struct assay_error *err)
{
    size_t size = strlen(path) + 1;
    struct assay_file_check *check = calloc(1, sizeof *check + size);
    if (!check) return assay_fail(err, ASSAY_EMEMORY, "no memory to check %s", path);
    check->declared = *declared;
    memcpy(check->path, path, size);
    /* Signals that ask the program to end belong to its first thread. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&check->thread, NULL, check_main, check);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0) {
        free(check);
        return assay_fail_errno(err, code, "starting a thread to check %s", path);
    }
    *out = check;
    return ASSAY_OK;
}

enum assay_status assay_file_check_wait(struct assay_file_check *check, struct assay_error *err)
{
    if (!check->joined) pthread_join(check->thread, NULL);
    check->joined = true;
    if (check->status && err) *err = check->err;
    return check->status;
}

void assay_file_check_end(struct assay_file_check *check)
{
    if (!check) return;
    atomic_store(&check->stop, true);
    if (!check->joined) pthread_join(check->thread, NULL);
    free(check);
}
