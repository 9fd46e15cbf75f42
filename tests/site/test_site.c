/* The site file: values, defaults, and every refusal with its place. */
#include "assay/site.h"
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char whole[] =
    "site: 1\n"
    "name: big\n"
    "program: /opt/assay\n"
    "model_dir: /data/models\n"
    "scratch: /scratch/it's\n"
    "account: phys-1\n"
    "qos: long\n"
    "mpi: pmix_v4\n"
    "modules: [gcc/12.2, openmpi/4.1]\n"
    "minutes: 240\n"
    "signal_lead: 300\n"
    "restarts: 3\n"
    "batch: 32\n"
    "partitions:\n"
    "  - {name: cpu-A, nodes: 4, tasks_per_node: 2, cores_per_task: 16, memory_mib: 1024}\n"
    "  - {name: gpu, gpus_per_node: 8, constraint: h100, calibration: gpu.json}\n";

static void every_key_arrives(void **state)
{
    (void)state;
    struct assay_site *site;
    struct assay_error err;
    assert_int_equal(assay_site_parse(&site, whole, strlen(whole), "s.yaml", &err), ASSAY_OK);
    assert_string_equal(site->name, "big");
    assert_string_equal(site->program, "/opt/assay");
    assert_string_equal(site->model_dir, "/data/models");
    assert_string_equal(site->scratch, "/scratch/it's");
    assert_string_equal(site->account, "phys-1");
    assert_string_equal(site->qos, "long");
    assert_string_equal(site->mpi, "pmix_v4");
    assert_int_equal(site->module_count, 2);
    assert_string_equal(site->modules[1], "openmpi/4.1");
    assert_int_equal(site->minutes, 240);
    assert_int_equal(site->lead_s, 300);
    assert_int_equal(site->restarts_max, 3);
    assert_int_equal(site->batch, 32);
    assert_int_equal(site->partition_count, 2);
    const struct assay_partition *cpu = &site->partitions[0], *gpu = &site->partitions[1];
    assert_string_equal(cpu->name, "cpu-A");
    assert_int_equal(cpu->nodes, 4);
    assert_int_equal(cpu->tasks_per_node, 2);
    assert_int_equal(cpu->cores_per_task, 16);
    assert_int_equal(cpu->memory_mib, 1024);
    assert_string_equal(cpu->constraint, "");
    assert_int_equal(gpu->nodes, 1);
    assert_int_equal(gpu->gpus_per_node, 8);
    assert_string_equal(gpu->constraint, "h100");
    assert_string_equal(gpu->calibration, "gpu.json");
    assert_int_equal(assay_site_tasks(site), 9);
    assay_site_close(site);
}

static void absent_keys_have_defaults(void **state)
{
    (void)state;
    static const char text[] = "site: 1\nminutes: 5\npartitions: [{name: p}]\n";
    struct assay_site *site;
    struct assay_error err;
    assert_int_equal(assay_site_parse(&site, text, strlen(text), NULL, &err), ASSAY_OK);
    assert_string_equal(site->name, "cluster");
    assert_string_equal(site->account, "");
    assert_string_equal(site->scratch, "");
    assert_string_equal(site->mpi, "pmix");
    assert_int_equal(site->module_count, 0);
    assert_int_equal(site->lead_s, 120);
    assert_int_equal(site->restarts_max, 20);
    assert_int_equal(site->batch, 64);
    assert_int_equal(assay_site_tasks(site), 1);
    assay_site_close(site);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum assay_status status;
        const char *message;
    } rows[] = {
        {"", ASSAY_EFORMAT, "s.yaml:1:1: the file is empty"},
        {"minutes: 5\n", ASSAY_EFORMAT, "s.yaml:1:1: the first key must be \"site: 1\""},
        {"site: 2\n", ASSAY_EUNSUPPORTED, "s.yaml:1:1: site is 2: this program reads version 1"},
        {"site: 1\nminutes: 5\n", ASSAY_EFORMAT,
         "s.yaml:1:1: the site file needs the key \"partitions\""},
        {"site: 1\npartitions: [{name: p}]\n", ASSAY_EFORMAT,
         "s.yaml:1:1: the site file needs the key \"minutes\""},
        {"site: 1\nminutes: 5\nacount: x\npartitions: [{name: p}]\n", ASSAY_EFORMAT,
         "s.yaml:3:1: unknown key \"acount\" in the site file; did you mean \"account\"?"},
        {"site: 1\nminutes: 5\npartitions:\n  - {name: p, node: 2}\n", ASSAY_EFORMAT,
         "s.yaml:4:15: unknown key \"node\" in a partition; did you mean \"nodes\"?"},
        {"site: 1\nminutes: 5\npartitions: [{nodes: 2}]\n", ASSAY_EFORMAT,
         "s.yaml:3:14: a partition needs the key \"name\""},
        {"site: 1\nminutes: 5\npartitions: []\n", ASSAY_EVALUE,
         "s.yaml:3:1: partitions has 0 entries: it must be a list of 1 to 16 partitions"},
        {"site: 1\nminutes: 0\npartitions: [{name: p}]\n", ASSAY_EVALUE,
         "s.yaml:2:1: minutes is \"0\": it must be a whole number from 1 to 525600"},
        {"site: 1\nminutes: 5\naccount: 'a b'\npartitions: [{name: p}]\n", ASSAY_EVALUE,
         "s.yaml:3:1: account is \"a b\": it must be 1 to 128 characters of letters, digits and"},
        {"site: 1\nminutes: 5\npartitions: [{name: \"p\\n#SBATCH -w x\"}]\n", ASSAY_EVALUE,
         "s.yaml:3:15: name is \"p\\x0a#SBATCH -w x\": it must be"},
        {"site: 1\nminutes: 5\npartitions: [{name: p}, {name: p}]\n", ASSAY_EVALUE,
         "s.yaml:3:26: partitions: two are named \"p\" (lines 3 and 3)"},
        {"site: 1\nminutes: 1\nsignal_lead: 60\npartitions: [{name: p}]\n", ASSAY_EVALUE,
         "s.yaml:3:1: signal_lead is 60 seconds: nothing is left of a run of minutes: 1"},
        {"site: 1\nminutes: 2\npartitions: [{name: p}]\n", ASSAY_EVALUE,
         "s.yaml:2:1: signal_lead is 120 seconds: nothing is left of a run of minutes: 2"},
        {"site: 1\nminutes: 5\nmodules: gcc\npartitions: [{name: p}]\n", ASSAY_EVALUE,
         "s.yaml:3:1: modules is \"gcc\": it must be a list of at most 32 texts"},
        {"site: 1\nminutes: 5\nbatch: 2000\npartitions: [{name: p}]\n", ASSAY_EVALUE,
         "s.yaml:3:1: batch is \"2000\": it must be a whole number from 1 to 1024"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct assay_site *site = NULL;
        struct assay_error err;
        enum assay_status status =
            assay_site_parse(&site, rows[i].text, strlen(rows[i].text), "s.yaml", &err);
        if (strncmp(err.text, rows[i].message, strlen(rows[i].message)) != 0) {
            fail_msg("row %zu: \"%s\"", i, err.text);
        }
        assert_int_equal(status, rows[i].status);
        assert_null(site);
    }
}

static void help_names_every_key(void **state)
{
    (void)state;
    struct assay_bytes text = {0};
    struct assay_error err;
    assert_int_equal(assay_site_help(&text, &err), ASSAY_OK);
    assert_non_null(
        strstr((const char *)text.data, "signal_lead: a whole number from 10 to 65535"));
    assert_non_null(strstr((const char *)text.data, "cores_per_task"));
    assay_bytes_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_arrives),
        cmocka_unit_test(absent_keys_have_defaults),
        cmocka_unit_test(refusals),
        cmocka_unit_test(help_names_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
