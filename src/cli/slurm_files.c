/* Paths beside a results file, and the tail of a log. */
#include "cli/slurm_files.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TAIL_BYTES = 4096 };

enum assay_status assay_slurm_absolute(struct assay_bytes *out, const char *path,
                                       struct assay_error *err)
{
    char *real = realpath(path, NULL);
    if (!real) return assay_fail_errno(err, errno, "%s", path);
    enum assay_status status = assay_bytes_format(out, err, "%s", real);
    free(real);
    return status;
}

static enum assay_status absolute_results(struct assay_bytes *out, const char *results,
                                          struct assay_error *err)
{
    struct assay_bytes folder = {0};
    const char *slash = strrchr(results, '/');
    size_t length = slash ? (size_t)(slash - results) : 0;
    enum assay_status status =
        slash && length == 0 ? assay_bytes_format(&folder, err, "/")
                             : assay_bytes_format(&folder, err, "%.*s", slash ? (int)length : 1,
                                                  slash ? results : ".");
    if (!status) status = assay_slurm_absolute(out, (const char *)folder.data, err);
    if (!status) {
        const char *between = strcmp((const char *)out->data, "/") ? "/" : "";
        status = assay_bytes_format(out, err, "%s%s", between, slash ? slash + 1 : results);
    }
    assay_bytes_fini(&folder);
    return status;
}

enum assay_status assay_slurm_files_init(struct assay_slurm_files *files, const char *results,
                                         struct assay_error *err)
{
    *files = (struct assay_slurm_files){{0}, {0}, {0}, {0}};
    enum assay_status status = absolute_results(&files->results, results, err);
    const char *path = assay_slurm_path(&files->results);
    if (!status) status = assay_bytes_format(&files->script, err, "%s.sbatch", path);
    if (!status) status = assay_bytes_format(&files->log, err, "%s.log", path);
    if (!status) status = assay_bytes_format(&files->ticket, err, "%s.job.json", path);
    return status;
}

void assay_slurm_files_fini(struct assay_slurm_files *files)
{
    assay_bytes_fini(&files->results);
    assay_bytes_fini(&files->script);
    assay_bytes_fini(&files->log);
    assay_bytes_fini(&files->ticket);
}

enum assay_status assay_slurm_last_line(struct assay_bytes *out, const char *path,
                                        struct assay_error *err)
{
    char tail[TAIL_BYTES + 1], quoted[512];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return ASSAY_OK;
    off_t end = lseek(fd, 0, SEEK_END);
    off_t from = end > TAIL_BYTES ? end - TAIL_BYTES : 0;
    ssize_t size = end < 0 ? -1 : pread(fd, tail, TAIL_BYTES, from);
    close(fd);
    while (size > 0 && tail[size - 1] == '\n') size--;
    if (size <= 0) return ASSAY_OK;
    tail[size] = 0;
    const char *line = strrchr(tail, '\n');
    line = line ? line + 1 : tail;
    assay_text_quote(quoted, sizeof quoted, line, strlen(line)); /* whatever it is, no escapes */
    return assay_bytes_format(out, err, "%s", quoted);
}
