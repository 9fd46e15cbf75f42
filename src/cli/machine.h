/* What the options of a computing command mean on this machine. */
#ifndef ASSAY_CLI_MACHINE_H
#define ASSAY_CLI_MACHINE_H

#include "cli/command.h"

#include "assay/backend.h"

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
         "threads (default: the machine's processors)",                                            \
         ASSAY_OPTION_NUMBER,                                                                      \
         offsetof(struct assay_args, threads),                                                     \
         1,                                                                                        \
         ASSAY_THREADS_MAX},                                                                       \
    {                                                                                              \
        "prefill-rows", "N", "prompt tokens in one pass (default: 128)", ASSAY_OPTION_NUMBER,      \
            offsetof(struct assay_args, prefill_rows), 1, ASSAY_PREFILL_MAX                        \
    }

struct assay_machine_choice {
    const struct assay_backend *backend;
    uint32_t batch, threads, prefill_rows;
};

ASSAY_MUST_CHECK enum assay_status assay_machine_choose(struct assay_machine_choice *out,
                                                        const struct assay_args *args,
                                                        struct assay_error *err);

#endif
