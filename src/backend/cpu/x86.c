/* The CPU backend's tables of x86-64, and what each needs. */
#include "backend/cpu/table.h"

#include <cpuid.h>
#include <stdbool.h>

/* Clang 14 does not know this one by name. What it needs of the system AVX2 needs too. */
static bool has_f16c(void)
{
    unsigned a, b, c = 0, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

/* __builtin_cpu_supports asks the processor, and by xgetbv whether the system saves the registers.
 */
static const char *avx2_missing(void)
{
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c()) {
        return NULL;
    }
    return "lacks AVX2, FMA or F16C";
}

static const char *avx512_missing(void)
{
    if (avx2_missing() == NULL && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        return NULL;
    }
    return "lacks AVX-512 F, BW, DQ or VL";
}

static const char *vnni_missing(void)
{
    if (avx512_missing() == NULL && __builtin_cpu_supports("avx512vnni")) return NULL;
    return "lacks AVX-512 F, BW, DQ, VL or VNNI";
}

static const struct assay_cpu_isa avx2 = {
    .lanes = 8,
    .tokens = 4,
    .quantise = assay_avx2_quantise,
    .kernels = {ASSAY_QUANTISED_TABLE(avx2), ASSAY_FLOAT_TABLE(avx2)}};
static const struct assay_cpu_isa avx512 = {
    .lanes = 16,
    .tokens = 16,
    .quantise = assay_avx512_quantise,
    .kernels = {ASSAY_QUANTISED_TABLE(avx512), ASSAY_FLOAT_TABLE(avx512)}};
static const struct assay_cpu_isa vnni = {
    .lanes = 16,
    .tokens = 16,
    .quantise = assay_avx512_quantise,
    .kernels = {ASSAY_QUANTISED_TABLE(vnni), ASSAY_FLOAT_TABLE(avx512)}};
_Static_assert(sizeof avx2.kernels / sizeof avx2.kernels[0] == 11, "one kernel per dtype");

ASSAY_CPU_OF_LANES(avx2)
ASSAY_CPU_OF_LANES(avx512)
ASSAY_CPU_OF_LANES(vnni)

const struct assay_backend assay_backend_avx2 =
    ASSAY_CPU_TABLE(avx2, avx2, avx2, "panel-8", assay_avx2_peak);
const struct assay_backend assay_backend_avx512 =
    ASSAY_CPU_TABLE(avx512, avx512, avx2, "panel-16", assay_avx512_peak);
const struct assay_backend assay_backend_vnni =
    ASSAY_CPU_TABLE(vnni, avx512, avx2, "panel-16", assay_vnni_peak);
