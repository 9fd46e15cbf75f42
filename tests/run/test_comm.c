/* What launchers leave in the environment, the one-rank world, and how much work a rank takes. */
#include "harness/check.h"

#include "run/comm.h"
#include "run/queue.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const known[] = {"OMPI_COMM_WORLD_SIZE",
                                    "SLURM_STEP_ID",
                                    "SLURM_STEP_NUM_TASKS",
                                    "SLURM_HET_SIZE",
                                    "SLURM_JOB_ID",
                                    "SLURM_NTASKS",
                                    "SLURM_NTASKS_HET_GROUP_0",
                                    "SLURM_NTASKS_HET_GROUP_1",
                                    "PMIX_RANK",
                                    "PMI_RANK",
                                    "PMI_SIZE"};

/* NAME=VALUE words into an environment that says nothing else of launchers. */
static void set_environment(const char *words)
{
    char copy[256], *rest = copy;
    for (size_t i = 0; i < COUNT_OF(known); i++) unsetenv(known[i]);
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word; (word = strsep(&rest, " "));) {
        char *value = strchr(word, '=');
        if (!value) continue;
        *value++ = '\0';
        setenv(word, value, 1);
    }
}

static void test_launch(void **state)
{
    (void)state;
    static const struct {
        const char *environment, *launcher, *job;
        uint32_t ranks;
        bool mpi;
    } cases[] = {{"", "none", "", 0, false},
                 {"OMPI_COMM_WORLD_SIZE=4", "mpirun", "", 4, true},
                 {"OMPI_COMM_WORLD_SIZE=4 SLURM_JOB_ID=7 SLURM_NTASKS=9", "mpirun", "7", 4, true},
                 {"OMPI_COMM_WORLD_SIZE=many", "mpirun", "", 0, true},
                 {"SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=8", "srun", "7", 8, true},
                 {"SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=1", "srun", "7", 1, false},
                 {"SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=2 SLURM_HET_SIZE=2", "srun",
                  "7", 2, true},
                 {"SLURM_JOB_ID=7 SLURM_NTASKS=4 SLURM_HET_SIZE=2 SLURM_NTASKS_HET_GROUP_0=4 "
                  "SLURM_NTASKS_HET_GROUP_1=2",
                  "none", "7", 6, false},
                 {"SLURM_JOB_ID=7 SLURM_NTASKS=8", "none", "7", 8, false},
                 {"SLURM_NTASKS=8", "none", "", 0, false},
                 {"PMIX_RANK=0", "pmi", "", 0, true},
                 {"PMI_RANK=0 PMI_SIZE=3", "pmi", "", 3, true}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        set_environment(cases[i].environment);
        struct assay_launch launch = assay_launch_read();
        assert_string_equal(launch.launcher, cases[i].launcher);
        assert_string_equal(launch.job, cases[i].job);
        assert_int_equal(launch.ranks, cases[i].ranks);
        assert_int_equal(launch.mpi, cases[i].mpi);
    }
}

static void test_promises(void **state)
{
    (void)state;
    static const struct {
        const char *environment;
        uint32_t ranks;
        enum assay_status expected;
        const char *quoted;
    } cases[] = {{"", 0, ASSAY_OK, ""},
                 {"", 1, ASSAY_OK, ""},
                 {"", 4, ASSAY_EMISMATCH, "--ranks 4, but 1 rank was started (launcher: none)"},
                 {"SLURM_JOB_ID=7 SLURM_NTASKS=8", 0, ASSAY_EMISMATCH, "job 7 was granted 8 tasks"},
                 {"SLURM_JOB_ID=7 SLURM_NTASKS=8", 1, ASSAY_OK, ""},
                 {"SLURM_JOB_ID=7 SLURM_NTASKS=1", 0, ASSAY_OK, ""},
                 {"SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=8", 0, ASSAY_EMISMATCH,
                  "srun started 8 tasks that cannot find each other"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct assay_comm *comm = NULL;
        struct assay_error err;
        set_environment(cases[i].environment);
        if (cases[i].expected) {
            check_refused(assay_comm_open(&comm, cases[i].ranks, &err), cases[i].expected, &err,
                          cases[i].quoted);
        } else {
            check_ok(assay_comm_open(&comm, cases[i].ranks, &err), &err);
            assert_int_equal(assay_comm_facts(comm)->ranks, 1);
            assert_int_equal(assay_comm_facts(comm)->local_ranks, 1);
        }
        assay_comm_close(comm);
    }
}

static void test_self(void **state)
{
    (void)state;
    struct assay_comm *comm;
    struct assay_error err;
    struct assay_board add = {{3, 1, 0, 40}}, before;
    uint32_t mine = 7, all = 0;
    bool done = false;
    set_environment("");
    check_ok(assay_comm_open(&comm, 0, &err), &err);
    for (uint64_t i = 0; i < 5; i++) {
        check_ok(assay_comm_exchange(comm, &add, &err), &err);
        check_ok(assay_comm_exchange_test(comm, &before, &done, &err), &err);
        assert_true(done);
        assert_int_equal(before.words[ASSAY_BOARD_NEXT], 3 * i);
        assert_int_equal(before.words[ASSAY_BOARD_TOKENS], 40 * i);
    }
    check_ok(assay_comm_broadcast(comm, &mine, sizeof mine, &err), &err);
    check_ok(assay_comm_gather(comm, &mine, sizeof mine, &all, &err), &err);
    assert_int_equal(all, 7);
    check_ok(assay_comm_meet(comm, &err), &err);
    check_ok(assay_comm_meet_test(comm, &done, &err), &err);
    assert_true(done);
    assert_int_equal(assay_comm_agree(comm, ASSAY_ESPACE, &err), ASSAY_ESPACE);
    assay_comm_close(comm);
}

/* (hold, group, left, ranks, mine, total) → limit */
static void test_limit(void **state)
{
    (void)state;
    static const uint64_t cases[][7] = {
        {128, 8, 7872, 1, 0, 0, 128},           /* alone: always two batches */
        {128, 8, 0, 1, 5, 5, 128},              /* … to the end */
        {128, 8, 7872, 2, 0, 0, 128},           /* plenty */
        {128, 8, 256, 2, 0, 0, 64},             /* half of a half, speeds unknown */
        {128, 8, 256, 2, 20000, 100000, 25},    /* a slow rank takes less … */
        {128, 8, 256, 2, 80000, 100000, 102},   /* … a fast one more */
        {128, 8, 16, 2, 20000, 100000, 8},      /* never less than a group */
        {128, 8, 1000000, 512, 1, 10000000, 8}, /* one that has nearly stopped */
        {128, 8, 256, 2, 80, 100, 64},          /* too early to tell speeds */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const uint64_t *c = cases[i];
        assert_int_equal(assay_queue_limit(c[0], c[1], c[2], (uint32_t)c[3], c[4], c[5]), c[6]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_launch),
                                       cmocka_unit_test(test_promises), cmocka_unit_test(test_self),
                                       cmocka_unit_test(test_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
