/* In place of the CPU backend where the compiler's target is not x86-64. */
#include "backend/backend.h"

static const char *absent_missing(void)
{
    return "is no x86-64: its kernels were not built";
}

const struct assay_backend assay_backend_cpu = {
    .name = "cpu",
    .isa = "none",
    .missing = absent_missing,
};
