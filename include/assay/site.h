/* A cluster as its users see it: the site file (YAML, kept apart from the job), and what is asked
 * of Slurm with it. FORMAT.md 25. */
#ifndef ASSAY_SITE_H
#define ASSAY_SITE_H

#include "assay/session.h"
#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct assay_bytes;

enum {
    ASSAY_SITE_PARTITIONS_MAX = 16,
    ASSAY_SITE_FILE_BYTES_MAX = 1 << 20,
    ASSAY_SITE_MODULES_MAX = 32
};

/* Texts are never NULL; "" where the file says nothing. */
struct assay_partition {
    const char *name;
    uint32_t nodes, tasks_per_node, cores_per_task, gpus_per_node;
    uint32_t memory_mib;     /* of a node; 0: what Slurm says of it */
    const char *constraint;  /* features its nodes must have */
    const char *calibration; /* `assay bench --json` of one task there; relative to the site file */
};

struct assay_site {
    const char *name, *account, *qos, *mpi;
    const char *program;   /* on the compute nodes */
    const char *model_dir; /* there too */
    const char *scratch;   /* a folder that every task must be able to write */
    const char *const *modules;
    size_t module_count;
    uint32_t minutes;      /* time limit of one run; the job goes on in the next */
    uint32_t lead_s;       /* the warning comes so long before it */
    uint32_t restarts_max; /* of a job */
    uint32_t batch;        /* samples computed together by a task */
    const struct assay_partition *partitions;
    size_t partition_count; /* 1 … PARTITIONS_MAX; more than one: a heterogeneous job */
};

/* Errors: "PATH:LINE:COLUMN: …" with the nearest key. Everything is copied. */
ASSAY_MUST_CHECK enum assay_status assay_site_parse(struct assay_site **out, const char *text,
                                                    size_t size, const char *path,
                                                    struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_site_open(struct assay_site **out, const char *path,
                                                   struct assay_error *err);
void assay_site_close(struct assay_site *site);           /* NULL is fine */
uint32_t assay_site_tasks(const struct assay_site *site); /* of all partitions */
/* Append what each key means. */
ASSAY_MUST_CHECK enum assay_status assay_site_help(struct assay_bytes *out,
                                                   struct assay_error *err);

/* --- the batch script: a pure function of these */
struct assay_batch_job {
    const struct assay_site *site;
    const char *name;      /* [a-z0-9._-] */
    const char *program;   /* paths, absolute or relative to where sbatch is called */
    const char *model_dir; /* or "" */
    const char *spec, *results;
};
/* Append it. EUSAGE for a results path that Slurm would take for a pattern. */
ASSAY_MUST_CHECK enum assay_status assay_batch_script(struct assay_bytes *out,
                                                      const struct assay_batch_job *job,
                                                      struct assay_error *err);

/* --- how long it may take */
/* What `assay bench --json` measured for one task. */
struct assay_calibration {
    double prefill_per_s, decode_per_s; /* tokens; decode at the largest batch measured */
    uint32_t threads, sequences;
    char isa[16];
};
ASSAY_MUST_CHECK enum assay_status assay_calibration_parse(struct assay_calibration *out,
                                                           const char *text, size_t size,
                                                           struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status
assay_calibration_open(struct assay_calibration *out, const char *path, struct assay_error *err);
/* Hours that a partition alone needs for so many tokens: an upper bound, since outputs may end
 * early. Rates grow with the threads of a task as with the number of tasks. */
double assay_calibration_hours(const struct assay_calibration *calibration,
                               const struct assay_partition *partition, uint64_t prompt_tokens,
                               uint64_t output_tokens);

/* --- Slurm. Its programs are found by PATH, run without a shell, and given a minute each. */
struct assay_partition_facts {
    uint32_t nodes;      /* that it has */
    uint32_t memory_mib; /* of its smallest node */
    bool up;
};
/* ENOTFOUND naming the nearest partition and all of them; EVALUE when it has fewer nodes than the
 * site file wants, or is not up. */
ASSAY_MUST_CHECK enum assay_status
assay_slurm_check_partition(struct assay_partition_facts *out,
                            const struct assay_partition *partition, struct assay_error *err);
/* What `scontrol show partition --oneliner` said. EFORMAT when it lacks a field. */
ASSAY_MUST_CHECK enum assay_status assay_slurm_parse_partition(struct assay_partition_facts *out,
                                                               const char *text,
                                                               struct assay_error *err);
/* `sbatch --test-only`: append its answer. EFAILED with it when the job would be refused. */
ASSAY_MUST_CHECK enum assay_status assay_slurm_test(struct assay_bytes *answer, const char *script,
                                                    struct assay_error *err);
/* The number of the submitted job, as text. */
ASSAY_MUST_CHECK enum assay_status assay_slurm_submit(char job[32], const char *script_path,
                                                      struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_slurm_cancel(const char *job, struct assay_error *err);

struct assay_slurm_state {
    char state[32];  /* RUNNING, PENDING …; "" when nobody knows the job any more */
    char reason[96]; /* why it waits, or "" */
    char start[32];  /* when it may start or did, or "" */
    char nodes[128];
    const char *source; /* "sacct", "squeue", or "" */
    uint32_t restarts;
    bool ended; /* it will not run again */
};
/* One query of sacct, and where that knows nothing one of squeue. A job that neither knows is no
 * error. */
ASSAY_MUST_CHECK enum assay_status assay_slurm_query(struct assay_slurm_state *out, const char *job,
                                                     struct assay_error *err);
/* A line of fields with "|" between: state, reason, start, nodes, restarts. */
ASSAY_MUST_CHECK enum assay_status
assay_slurm_parse_state(struct assay_slurm_state *out, const char *line, struct assay_error *err);
/* What sacct said of `job`: a line for each of its runs, oldest first, with the job's number and
 * "|" in front and no restarts behind. The last one counts; state "" where there is none. */
ASSAY_MUST_CHECK enum assay_status assay_slurm_parse_account(struct assay_slurm_state *out,
                                                             const char *text, const char *job,
                                                             struct assay_error *err);

/* --- the ticket: what `assay slurm` leaves beside the results file (RESULTS.job.json) */
struct assay_ticket {
    char job[32];
    const char *spec, *site, *results, *model_dir, *submitted;
};
ASSAY_MUST_CHECK enum assay_status
assay_ticket_write(const char *path, const struct assay_ticket *ticket, struct assay_error *err);
struct assay_ticket_file; /* owns its texts */
ASSAY_MUST_CHECK enum assay_status assay_ticket_parse(struct assay_ticket_file **out,
                                                      const char *text, size_t size,
                                                      struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_ticket_open(struct assay_ticket_file **out,
                                                     const char *path, struct assay_error *err);
const struct assay_ticket *assay_ticket_of(const struct assay_ticket_file *file);
void assay_ticket_close(struct assay_ticket_file *file); /* NULL is fine */

#endif
