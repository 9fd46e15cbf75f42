/* What the options of a computing command mean on this machine. */
#ifndef ASSAY_CLI_MACHINE_H
#define ASSAY_CLI_MACHINE_H

#include "cli/command.h"

#include "assay/backend.h"
#include "assay/topology.h"
#include "base/team.h"

enum { ASSAY_BATCH_MAX = 1024, ASSAY_THREADS_MAX = 256, ASSAY_PREFILL_MAX = 4096 };
enum { ASSAY_BATCH_DEFAULT = 64, ASSAY_PREFILL_DEFAULT = 128 };

/* The options that say how, not what: they change the time, never a record. */
#define ASSAY_OPTION_MACHINE                                                                       \
    {"backend",                                                                                    \
     "NAME",                                                                                       \
     "auto (default), cpu, or ref, the slow judge",                                                \
     ASSAY_OPTION_TEXT,                                                                            \
     offsetof(struct assay_args, backend),                                                         \
     0,                                                                                            \
     0},                                                                                           \
        {"threads",                                                                                \
         "N",                                                                                      \
         "threads of a rank (default: one a core of its part of the machine)",                     \
         ASSAY_OPTION_NUMBER,                                                                      \
         offsetof(struct assay_args, threads),                                                     \
         1,                                                                                        \
         ASSAY_THREADS_MAX},                                                                       \
    {                                                                                              \
        "prefill-rows", "N", "prompt tokens in one pass (default: 128)", ASSAY_OPTION_NUMBER,      \
            offsetof(struct assay_args, prefill_rows), 1, ASSAY_PREFILL_MAX                        \
    }

#define ASSAY_OPTION_CACHE                                                                         \
    {                                                                                              \
        "cache", "DIR",                                                                            \
            "where the weights are kept as the processor reads them (default: $ASSAY_CACHE, else " \
            "beside the model); none: nowhere",                                                    \
            ASSAY_OPTION_TEXT, offsetof(struct assay_args, cache), 0, 0                            \
    }

struct assay_machine_choice {
    const struct assay_backend *backend;
    uint32_t batch, threads, prefill_rows; /* threads 0: by the machine */
};

ASSAY_MUST_CHECK enum assay_status assay_machine_choose(struct assay_machine_choice *out,
                                                        const struct assay_args *args,
                                                        struct assay_error *err);

/* As struct assay_run_options wants it. */
const char *assay_machine_cache(const struct assay_args *args);

/* All of the machine that this process may use, for a command that computes alone: threads (if 0,
 * one a core) and where they run. */
struct assay_machine_part {
    struct assay_topology *topology;
    struct assay_placement *placement;
    struct assay_team_place place;
};
ASSAY_MUST_CHECK enum assay_status assay_machine_take(struct assay_machine_part *part,
                                                      struct assay_machine_choice *choice,
                                                      struct assay_error *err);
void assay_machine_leave(struct assay_machine_part *part);

#endif
