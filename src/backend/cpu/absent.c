/* In place of x86.c's tables where the compiler's target is not x86-64. */
#include "backend/backend.h"

static const char *absent_missing(void)
{
    return "is no x86-64: these kernels were not built";
}

#define ABSENT(which)                                                                              \
    {                                                                                              \
        .name = "cpu", .isa = #which, .missing = absent_missing                                    \
    }

const struct assay_backend assay_backend_avx2 = ABSENT(avx2);
const struct assay_backend assay_backend_avx512 = ABSENT(avx512);
const struct assay_backend assay_backend_vnni = ABSENT(vnni);
