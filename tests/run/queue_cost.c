/* What the work queue costs a shard: every rank takes shards as fast as it can and computes
 * nothing. Processor time, so that ranks which share a core do not count for each other.
 *
 *   mpirun -n RANKS queue_cost GROUPS LIMIT-US
 *
 * Ends with 1 when a rank spent more than LIMIT-US microseconds a shard, or when the shards of all
 * ranks are not the whole list. */
#include "base/assert.h"
#include "run/queue.h"
#include "store/fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { REPLICATES = 4, BATCH = 8 };

static double processor_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void must(enum assay_status status, const struct assay_error *err)
{
    if (!status) return;
    fprintf(stderr, "queue_cost: %s\n", err->text);
    exit(1);
}

/* What a rank did. */
struct tally {
    uint64_t shards, groups;
    double seconds;
};

static struct tally drain(struct assay_queue *queue)
{
    struct tally tally = {0};
    struct assay_error err;
    double start = processor_seconds();
    while (!assay_queue_empty(queue)) {
        must(assay_queue_poll(queue, 0, &err), &err);
        uint64_t groups = queue->now.end - queue->now.begin;
        tally.shards += groups > 0;
        tally.groups += groups;
        queue->now.begin = queue->now.end; /* as if they had been handed out and computed */
        for (uint64_t i = 0; i < groups * REPLICATES; i++) assay_queue_count(queue, false, 100);
    }
    tally.seconds = processor_seconds() - start;
    return tally;
}

static int judge(const struct tally *tallies, uint32_t ranks, uint64_t groups, double limit_us)
{
    struct tally sum = {0};
    double worst = 0;
    for (uint32_t i = 0; i < ranks; i++) {
        double each = 1e6 * tallies[i].seconds / (double)(tallies[i].shards + 1);
        sum.shards += tallies[i].shards;
        sum.groups += tallies[i].groups;
        sum.seconds += tallies[i].seconds;
        if (each > worst) worst = each;
    }
    printf("%u ranks, %" PRIu64 " groups in %" PRIu64 " shards: %.2f us of a processor each, "
           "%.2f us at the rank that paid most\n",
           ranks, sum.groups, sum.shards, 1e6 * sum.seconds / (double)sum.shards, worst);
    if (sum.groups != groups) fprintf(stderr, "queue_cost: there were %" PRIu64 "\n", groups);
    if (1e6 * sum.seconds / (double)sum.shards > limit_us) {
        fprintf(stderr, "queue_cost: more than %.0f us\n", limit_us);
        return 1;
    }
    return sum.groups != groups;
}

int main(int argc, char **argv)
{
    static const struct assay_profile profile = {.name = "warm"};
    static struct assay_spec spec = {
        .profiles = &profile, .profile_count = 1, .replicates = REPLICATES, .sets = 1};
    if (argc != 3) return 2;
    uint64_t groups = strtoull(argv[1], NULL, 10);
    static struct assay_job job = {.spec = &spec};
    job.plan = (struct assay_plan){.spec = &spec,
                                   .item_count = (uint32_t)groups,
                                   .profile_count = 1,
                                   .replicates = REPLICATES,
                                   .group_count = groups,
                                   .sample_count = groups * REPLICATES};
    struct assay_comm *comm;
    struct assay_journal *journal;
    struct assay_journal_recovery recovery;
    struct assay_queue queue;
    struct assay_error err;
    char folder[] = "queue-cost-XXXXXX";
    const struct assay_journal_options options = {.sync_records = 1000, .process = &fixture_plain};
    must(assay_comm_open(&comm, 0, &err), &err);
    const struct assay_comm_facts *facts = assay_comm_facts(comm);
    if (!mkdtemp(folder)) return 1;
    must(assay_journal_open(&journal, folder, &job.plan, &options, &recovery, &err), &err);
    must(assay_queue_init(&queue, &job, journal, comm, BATCH, &err), &err);
    struct tally mine = drain(&queue), *all = calloc(facts->ranks, sizeof *all);
    must(assay_queue_finish(&queue, &err), &err);
    must(all ? assay_comm_gather(comm, &mine, sizeof mine, all, &err)
             : assay_fail(&err, ASSAY_EMEMORY, "no memory"),
         &err);
    int code = facts->rank == 0 ? judge(all, facts->ranks, groups, strtod(argv[2], NULL)) : 0;
    free(all);
    assay_queue_fini(&queue);
    must(assay_journal_close(journal, &err), &err);
    must(assay_journal_remove(folder, &err), &err);
    assay_comm_close(comm);
    return code;
}
