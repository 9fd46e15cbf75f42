/* Defaults for this machine. */
#include "cli/machine.h"

#include <unistd.h>

static uint32_t processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    if (count < 1) return 1;
    return count > ASSAY_THREADS_MAX ? ASSAY_THREADS_MAX : (uint32_t)count;
}

enum assay_status assay_machine_choose(struct assay_machine_choice *out,
                                       const struct assay_args *args, struct assay_error *err)
{
    struct assay_machine_choice choice = {
        .batch = args->batch ? (uint32_t)args->batch : ASSAY_BATCH_DEFAULT,
        .threads = args->threads ? (uint32_t)args->threads : processors(),
        .prefill_rows = args->prefill_rows ? (uint32_t)args->prefill_rows : ASSAY_PREFILL_DEFAULT};
    enum assay_status status =
        assay_backend_find(&choice.backend, args->backend ? args->backend : "auto", err);
    if (!status) *out = choice;
    return status;
}
