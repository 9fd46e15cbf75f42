/* Who started this process, and how many of it: from what launchers leave in the environment. */
#include "run/comm.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { COMPONENTS_MAX = 128 };

static uint32_t number(const char *name)
{
    const char *text = getenv(name);
    uint64_t value;
    return text && assay_text_unsigned(text, UINT32_MAX, &value) ? (uint32_t)value : 0;
}

static const char *text(const char *name)
{
    const char *found = getenv(name);
    return found ? found : "";
}

/* Tasks of a job; of a heterogeneous one SLURM_NTASKS has those of the first component alone. */
static uint32_t granted_tasks(void)
{
    uint32_t components = number("SLURM_HET_SIZE"), tasks = 0;
    if (components == 0) return number("SLURM_NTASKS");
    for (uint32_t i = 0; i < components && i < COMPONENTS_MAX; i++) {
        char name[48];
        snprintf(name, sizeof name, "SLURM_NTASKS_HET_GROUP_%u", i);
        tasks += number(name);
    }
    return tasks;
}

struct assay_launch assay_launch_read(void)
{
    struct assay_launch launch = {.launcher = "none", .job = text("SLURM_JOB_ID")};
    if (getenv("OMPI_COMM_WORLD_SIZE")) {
        launch.launcher = "mpirun";
        launch.ranks = number("OMPI_COMM_WORLD_SIZE");
        launch.mpi = true;
    } else if (getenv("SLURM_STEP_ID") && getenv("SLURM_STEP_NUM_TASKS")) {
        launch.launcher = "srun";
        /* In a step over several components of a heterogeneous job it is the sum over them. */
        launch.ranks = number("SLURM_STEP_NUM_TASKS");
        launch.mpi = launch.ranks != 1;
        launch.lonely = launch.mpi && !getenv("PMIX_RANK") && !getenv("PMI_RANK");
    } else if (getenv("PMIX_RANK") || getenv("PMI_RANK")) {
        launch.launcher = "pmi";
        launch.ranks = number("PMI_SIZE");
        launch.mpi = true;
    } else if (launch.job[0] != '\0') {
        launch.ranks = granted_tasks(); /* a batch script that forgot srun */
    }
    return launch;
}
