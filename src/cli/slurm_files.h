/* Where `assay slurm` keeps what belongs to a results file: FILE.sbatch, FILE.log, FILE.job.json.
 */
#ifndef ASSAY_CLI_SLURM_FILES_H
#define ASSAY_CLI_SLURM_FILES_H

#include "base/bytes.h"

/* Absolute paths; the folder of the results must exist, the file need not. */
struct assay_slurm_files {
    struct assay_bytes results, script, log, ticket;
};
ASSAY_MUST_CHECK enum assay_status assay_slurm_files_init(struct assay_slurm_files *files,
                                                          const char *results,
                                                          struct assay_error *err);
void assay_slurm_files_fini(struct assay_slurm_files *files);
static inline const char *assay_slurm_path(const struct assay_bytes *path)
{
    return (const char *)path->data;
}

/* Append the absolute form of the path of something that exists. */
ASSAY_MUST_CHECK enum assay_status assay_slurm_absolute(struct assay_bytes *out, const char *path,
                                                        struct assay_error *err);
/* Append the last line of a text file; nothing where there is no file or no line. */
ASSAY_MUST_CHECK enum assay_status assay_slurm_last_line(struct assay_bytes *out, const char *path,
                                                         struct assay_error *err);

#endif
