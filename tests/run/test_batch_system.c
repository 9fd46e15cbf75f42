/* What is kept of a batch system's variables. */
#include "run/batch_system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void variables(void **state)
{
    (void)state;
    static const char *const environment[] = {"HOME=/home",
                                              "SLURM_NTASKS=4",
                                              "SLURM_JOB_ID=7",
                                              "SLURM_JOB_USER=somebody",
                                              "SLURM_JOB_UID=1000",
                                              "SLURM_JOB_ID_HET_GROUP_1=8",
                                              "SLURM_JOB_ID_PACK_GROUP_1=8",
                                              "SLURM_CPUS_ON_NODE_HET_GROUP_0=4",
                                              "X=SLURM_HET_GROUP_",
                                              "SLURM_JOB_COMMENT=a\nb",
                                              "SLURM_JOB_NAME=\xff",
                                              "CUDA_VISIBLE_DEVICES=0,1",
                                              "SLURM_CPU_BIND=quiet,mask_cpu:0x3",
                                              "SLURM_TOPOLOGY_ADDR=sw0.n1",
                                              "APPTAINER_CONTAINER=/images/a.sif",
                                              "APPTAINER_BIND=/home/somebody",
                                              "broken",
                                              NULL};
    struct assay_bytes out = {0};
    struct assay_error err;
    assert_int_equal(assay_batch_variables(&out, environment, 1000, &err), ASSAY_OK);
    assert_string_equal((const char *)out.data,
                        "APPTAINER_CONTAINER=/images/a.sif\nCUDA_VISIBLE_DEVICES=0,1\n"
                        "SLURM_CPUS_ON_NODE_HET_GROUP_0=4\n"
                        "SLURM_CPU_BIND=quiet,mask_cpu:0x3\n"
                        "SLURM_JOB_ID=7\nSLURM_JOB_ID_HET_GROUP_1=8\nSLURM_NTASKS=4\n"
                        "SLURM_TOPOLOGY_ADDR=sw0.n1\n");
    assay_bytes_clear(&out);
    assert_int_equal(assay_batch_variables(&out, environment, 30, &err), ASSAY_OK);
    assert_string_equal((const char *)out.data, "CUDA_VISIBLE_DEVICES=0,1\n");
    assay_bytes_fini(&out);
}

static const char *component(const char *number, const char *size)
{
    static char text[64];
    struct assay_bytes out = {0};
    struct assay_error err;
    setenv("SLURM_JOB_PARTITION", "last", 1);
    setenv("SLURM_JOB_PARTITION_HET_GROUP_0", "cpu", 1);
    setenv("SLURM_JOB_PARTITION_HET_GROUP_1", "gpu", 1);
    unsetenv("ASSAY_COMPONENT");
    unsetenv("SLURM_HET_SIZE");
    if (number) setenv("ASSAY_COMPONENT", number, 1);
    if (size) setenv("SLURM_HET_SIZE", size, 1);
    assert_int_equal(assay_batch_component(&out, &err), ASSAY_OK);
    assert_true(out.size < sizeof text);
    memcpy(text, out.data, out.size + 1);
    assay_bytes_fini(&out);
    return text;
}

static void components(void **state)
{
    (void)state;
    assert_string_equal(component("1", "2"), "1 gpu");
    assert_string_equal(component("0", "2"), "0 cpu");
    assert_string_equal(component("2", "2"), "");
    assert_string_equal(component("x", "2"), "");
    assert_string_equal(component(NULL, "2"), "");
    assert_string_equal(component(NULL, NULL), "0 last");
    unsetenv("SLURM_JOB_PARTITION");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(variables), cmocka_unit_test(components)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
