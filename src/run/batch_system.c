/* Slurm's variables. */
#include "run/batch_system.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 256, LINE_BYTES_MAX = 512 };

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* What is wanted of the environment: by name, up to the "=". */
static bool is_wanted(const char *line)
{
    static const char *const wanted[] = {"SLURM_JOB_",
                                         "SLURM_NTASKS",
                                         "SLURM_HET_SIZE=",
                                         "SLURM_PROCID=",
                                         "SLURM_NODEID=",
                                         "SLURM_LOCALID=",
                                         "SLURM_STEP_ID=",
                                         "SLURM_CLUSTER_NAME=",
                                         "SLURMD_NODENAME=",
                                         "SLURM_NNODES=",
                                         "SLURM_GPUS",
                                         "SLURM_RESTART_COUNT=",
                                         "SLURM_CPUS_PER_TASK=",
                                         "CUDA_VISIBLE_DEVICES=",
                                         "ASSAY_COMPONENT=",
                                         "SLURM_CPU_BIND",
                                         "SLURM_MEM_",
                                         "SLURM_TOPOLOGY_",
                                         "SLURM_DISTRIBUTION=",
                                         "SLURM_CONTAINER",
                                         "APPTAINER_CONTAINER=",
                                         "APPTAINER_NAME=",
                                         "SINGULARITY_CONTAINER=",
                                         "SINGULARITY_NAME="};
    static const char *const unwanted[] = {"SLURM_JOB_USER=", "SLURM_JOB_UID=", "SLURM_JOB_GID="};
    const char *end = strchr(line, '=');
    const char *group = strstr(line, "_HET_GROUP_"), *old = strstr(line, "_PACK_GROUP_");
    if (!end || (old && old < end)) return false; /* the older name of the same */
    for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++) {
        if (has_prefix(line, unwanted[i])) return false;
    }
    if (has_prefix(line, "SLURM_") && group && group < end) return true;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (has_prefix(line, wanted[i])) return true;
    }
    return false;
}

static bool is_clean(const char *line)
{
    size_t length = strlen(line);
    return length <= LINE_BYTES_MAX && !assay_text_has_control(line) &&
           assay_text_utf8_prefix(line, length) == length;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum assay_status assay_batch_variables(struct assay_bytes *out, const char *const *environment,
                                        size_t bytes_max, struct assay_error *err)
{
    const char *lines[LINES_MAX];
    size_t count = 0, start = out->size;
    enum assay_status status = assay_bytes_append(out, "", 0, err);
    for (size_t i = 0; environment[i] && count < LINES_MAX; i++) {
        if (is_wanted(environment[i]) && is_clean(environment[i])) lines[count++] = environment[i];
    }
    qsort(lines, count, sizeof lines[0], compare);
    for (size_t i = 0; i < count && !status; i++) {
        if (out->size - start + strlen(lines[i]) + 1 > bytes_max) continue;
        status = assay_bytes_format(out, err, "%s\n", lines[i]);
    }
    return status;
}

enum assay_status assay_batch_component(struct assay_bytes *out, struct assay_error *err)
{
    const char *number = getenv("ASSAY_COMPONENT"), *partition;
    uint64_t component = 0;
    char name[64];
    bool many = getenv("SLURM_HET_SIZE") != NULL;
    enum assay_status status = assay_bytes_append(out, "", 0, err);
    if (number && !assay_text_unsigned(number, UINT32_MAX, &component)) number = NULL;
    if (many && !number) return status;
    snprintf(name, sizeof name, "SLURM_JOB_PARTITION%s", many ? "_HET_GROUP_" : "");
    if (many) {
        size_t used = strlen(name);
        snprintf(name + used, sizeof name - used, "%llu", (unsigned long long)component);
    }
    partition = getenv(name);
    if (status || !partition || !is_clean(partition)) return status;
    return assay_bytes_format(out, err, "%llu %s", (unsigned long long)component, partition);
}
