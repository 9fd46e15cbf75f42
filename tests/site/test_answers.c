/* What comes from elsewhere: Slurm's answers, calibrations, tickets. */
#include "assay/site.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void partitions(void **state)
{
    (void)state;
    struct assay_partition_facts facts;
    struct assay_error err;
    assert_int_equal(assay_slurm_parse_partition(
                         &facts,
                         "PartitionName=cpu-a MaxNodes=UNLIMITED State=UP TotalCPUs=8 TotalNodes=2 "
                         "SelectTypeParameters=NONE",
                         &err),
                     ASSAY_OK);
    assert_int_equal(facts.nodes, 2);
    assert_true(facts.up);
    assert_int_equal(
        assay_slurm_parse_partition(&facts, "PartitionName=x State=DRAIN TotalNodes=1", &err),
        ASSAY_OK);
    assert_false(facts.up);
    static const char *const bad[] = {"",
                                      "State=UP",
                                      "State=UP TotalNodes=x",
                                      "TotalNodes=4",
                                      "xState=UP TotalNodes=4",
                                      "State=UP TotalNodes=99999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(assay_slurm_parse_partition(&facts, bad[i], &err), ASSAY_EFORMAT);
    }
}

static void states(void **state)
{
    (void)state;
    struct assay_slurm_state job;
    struct assay_error err;
    assert_int_equal(
        assay_slurm_parse_state(&job, "PENDING|BeginTime|2026-11-25T01:00:00|(null)|3|\nx|y", &err),
        ASSAY_OK);
    assert_string_equal(job.state, "PENDING");
    assert_string_equal(job.reason, "BeginTime");
    assert_string_equal(job.start, "2026-11-25T01:00:00");
    assert_int_equal(job.restarts, 3);
    assert_false(job.ended);
    assert_int_equal(assay_slurm_parse_state(&job, "CANCELLED by 0|None|Unknown||0", &err),
                     ASSAY_OK);
    assert_true(job.ended);
    assert_string_equal(job.reason, "");
    assert_int_equal(assay_slurm_parse_state(&job, "COMPLETED", &err), ASSAY_OK);
    assert_true(job.ended);
    static const char *const bad[] = {"", "|x", "RUNNING|||n1|many", "RUN\033[2J||||0"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(assay_slurm_parse_state(&job, bad[i], &err), ASSAY_EFORMAT);
    }
    assert_int_equal(assay_slurm_query(&job, "7; reboot", &err), ASSAY_EFORMAT);
}

/* As sacct 22.05 --parsable2 writes them: a job that was preempted and requeued, and the second
 * component of a heterogeneous one. */
static void accounts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *job, *state, *nodes;
        uint32_t restarts;
        bool ended;
    } rows[] = {
        {"17|PREEMPTED|None|2026-11-25T01:00:00|n[1-2]\n17|REQUEUED|None|2026-11-25T01:10:00|n1\n"
         "17|COMPLETED|None|2026-11-25T02:00:00|n[3-4]",
         "17", "COMPLETED", "n[3-4]", 2, true},
        {"17|PENDING|Priority|Unknown|None assigned\n", "17", "PENDING", "", 0, false},
        {"17|RUNNING|None|2026-11-25T01:00:00|n1\n18|FAILED|None|2026-11-25T01:00:00|n3", "17",
         "RUNNING", "n1", 0, false},
        {"17|CANCELLED by 1000|None|2026-11-25T01:00:00|n1", "17", "CANCELLED by 1000", "n1", 0,
         true},
        {"170|RUNNING|||", "17", "", "", 0, false},
        {"", "17", "", "", 0, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct assay_slurm_state job;
        struct assay_error err;
        if (assay_slurm_parse_account(&job, rows[i].text, rows[i].job, &err)) {
            fail_msg("row %zu: %s", i, err.text);
        }
        assert_string_equal(job.state, rows[i].state);
        assert_string_equal(job.nodes, rows[i].nodes);
        assert_int_equal(job.restarts, rows[i].restarts);
        assert_int_equal(job.ended, rows[i].ended);
    }
    struct assay_slurm_state job;
    struct assay_error err;
    assert_int_equal(assay_slurm_parse_account(&job, "17||x|y|z", "17", &err), ASSAY_EFORMAT);
}

static void calibrations(void **state)
{
    (void)state;
    static const char text[] =
        "{\"threads\": 2, \"isa\": \"avx2\", \"prefill_tokens_per_s\": 1000, "
        "\"decode_tokens_per_s\": {\"1\": 10, \"64\": 500.5, \"8\": 90}}";
    struct assay_calibration got;
    struct assay_error err;
    assert_int_equal(assay_calibration_parse(&got, text, strlen(text), &err), ASSAY_OK);
    assert_int_equal(got.sequences, 64);
    assert_int_equal(got.threads, 2);
    assert_string_equal(got.isa, "avx2");
    assert_true(got.decode_per_s == 500.5);
    const struct assay_partition partition = {.nodes = 2, .tasks_per_node = 2, .cores_per_task = 4};
    /* 3600 s of prompts and 3600 s of outputs, on 4 tasks of twice the threads. */
    double hours = assay_calibration_hours(&got, &partition, 3600000, 1801800);
    assert_true(fabs(hours - 0.25) < 1e-12);
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"[]", "no calibration"},
        {"{\"threads\": 0}", "no calibration"},
        {"{\"threads\": 1}", "prefill_tokens_per_s must be"},
        {"{\"threads\": 1, \"prefill_tokens_per_s\": -1}", "prefill_tokens_per_s must be"},
        {"{\"threads\": 1, \"prefill_tokens_per_s\": 1}", "decode_tokens_per_s must be an object"},
        {"{\"threads\": 1, \"prefill_tokens_per_s\": 1, \"decode_tokens_per_s\": {}}",
         "decode_tokens_per_s has no number"},
        {"{\"threads\": 1, \"prefill_tokens_per_s\": 1, \"decode_tokens_per_s\": {\"8\": 0}}",
         "8 must be tokens a second"},
        {"{", "1:1: "},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_not_equal(assay_calibration_parse(&got, bad[i].text, strlen(bad[i].text), &err),
                             ASSAY_OK);
        if (!strstr(err.text, bad[i].message)) fail_msg("row %zu: %s", i, err.text);
    }
}

static void tickets(void **state)
{
    (void)state;
    static const char text[] = "{\"assay_job\": 1, \"job\": \"42\", \"spec\": \"/s\", \"site\": "
                               "\"t\", \"results\": \"/r\", \"model_dir\": \"\", \"submitted\": "
                               "\"2026-11-25T00:00:00Z\"}";
    struct assay_ticket_file *file;
    struct assay_error err;
    assert_int_equal(assay_ticket_parse(&file, text, strlen(text), &err), ASSAY_OK);
    assert_string_equal(assay_ticket_of(file)->job, "42");
    assert_string_equal(assay_ticket_of(file)->results, "/r");
    assay_ticket_close(file);
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"{}", "no ticket of version 1"},
        {"[]", "no ticket of version 1"},
        {"{\"assay_job\": 2}", "no ticket of version 1"},
        {"{\"assay_job\": 1}", "a ticket needs the text \"job\""},
        {"{\"assay_job\": 1, \"job\": 42}", "a ticket needs the text \"job\""},
        {"{\"assay_job\": 1, \"job\": \"4;2\", \"spec\": \"\", \"site\": \"\", \"results\": \"\", "
         "\"model_dir\": \"\", \"submitted\": \"\"}",
         "job is \"4;2\": it must be a number"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_not_equal(assay_ticket_parse(&file, bad[i].text, strlen(bad[i].text), &err),
                             ASSAY_OK);
        if (!strstr(err.text, bad[i].message)) fail_msg("row %zu: %s", i, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions),   cmocka_unit_test(states),  cmocka_unit_test(accounts),
        cmocka_unit_test(calibrations), cmocka_unit_test(tickets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
