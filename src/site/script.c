/* The batch script. It explains itself line by line, since people edit it; every text that comes
 * from a file stands in single quotes or is a word that a shell leaves alone. */
#include "assay/site.h"

#include "base/assert.h"
#include "base/bytes.h"

#include <string.h>

/* Appends until something fails. */
struct writer {
    struct assay_bytes *out;
    struct assay_error *err;
    enum assay_status status;
};

#define PUT(w, ...)                                                                                \
    do {                                                                                           \
        if (!(w)->status) (w)->status = assay_bytes_format((w)->out, (w)->err, __VA_ARGS__);       \
    } while (0)

static void put_head(struct writer *w, const struct assay_batch_job *job);
static void put_component(struct writer *w, const struct assay_site *site, size_t index);
static void put_values(struct writer *w, const struct assay_batch_job *job);
static void put_step(struct writer *w, const struct assay_site *site);
static void put_text(struct writer *w, const char *text);

/* What runs before the step and after it is the same in every script. */
static const char before_step[] =
    "\n"
    "# --- one run\n"
    "# The program writes its exit code here as its last act: an srun that does not return "
    "although\n"
    "# its ranks have ended, or that ends with the code of a rank which it killed meanwhile, is "
    "then "
    "no\n"
    "# riddle. (.tmp: of one killed while writing.)\n"
    "ulimit -c 0 # a rank that dies leaves no core file\n"
    "end=$results.end\n"
    "rm -f \"$end\" \"$end\".*.tmp\n"
    "kept() { cat \"$results\".journal/*.log 2>/dev/null | wc -c; }\n"
    "kept_before=$(kept)\n"
    "\n"
    "# USR1 comes from Slurm before the time limit, TERM before a preemption: both are passed on "
    "as\n"
    "# USR1, at which the program lets go of the samples in flight, syncs, and ends with 85.\n"
    "step=\n"
    "trap '[ -z \"$step\" ] || kill -USR1 \"$step\" 2>/dev/null' USR1 TERM\n"
    "\n"
    "# timeout sends USR1 by itself, should Slurm's not come, and kills an srun that does not heed "
    "it.\n";

static const char after_step[] =
    "step=$!\n"
    "\n"
    "# bash runs a trap only between commands or in `wait`: so the step runs in the background, "
    "and\n"
    "# so does the pause of this loop. 30 seconds after the end marker nobody waits for srun.\n"
    "late=0\n"
    "while kill -0 \"$step\" 2>/dev/null && [ \"$late\" -lt 15 ]; do\n"
    "    sleep 2 &\n"
    "    wait \"$!\"\n"
    "    [ ! -s \"$end\" ] || late=$((late + 1))\n"
    "done\n"
    "\n"
    "if [ -s \"$end\" ]; then\n"
    "    status=$(cat \"$end\")\n"
    "else\n"
    "    # No marker: the program could not be started as it should be (2, 3, 4), or a rank died. "
    "In\n"
    "    # the latter case the journals have what was finished, and another run goes on; but no "
    "third\n"
    "    # one in a row that adds nothing to them.\n"
    "    wait \"$step\"\n"
    "    status=$?\n"
    "    echo \"assay: the step ended without its end marker (srun: $status)\"\n"
    "    case $status in\n"
    "    2 | 3 | 4) ;;\n"
    "    *)\n"
    "        status=85\n"
    "        if [ \"$(kept)\" -gt \"$kept_before\" ]; then\n"
    "            rm -f \"$results.vain\"\n"
    "        else\n"
    "            echo vain >>\"$results.vain\"\n"
    "            [ \"$(wc -l <\"$results.vain\")\" -lt 3 ] || status=1\n"
    "        fi\n"
    "        ;;\n"
    "    esac\n"
    "fi\n"
    "[ \"$status\" = 85 ] || rm -f \"$results.vain\"\n"
    "rm -f \"$end\" \"$end\".*.tmp\n"
    "\n"
    "# --- the next run\n"
    "# SLURM_RESTART_COUNT is unset, not 0, in the first one. A requeued job waits for its "
    "BeginTime.\n"
    "# A cancelled job ends with 85 too, and must stay cancelled: only a running one is requeued.\n"
    "restarts=${SLURM_RESTART_COUNT:-0}\n"
    "state=$(squeue --noheader --states=all --jobs=\"$SLURM_JOB_ID\" --format=%T | head -n 1)\n"
    "if [ \"$status\" = 85 ] && [ \"$state\" != RUNNING ]; then\n"
    "    echo \"assay: this job is $state, and is left so\"\n"
    "elif [ \"$status\" = 85 ] && [ \"$restarts\" -lt \"$restarts_max\" ]; then\n"
    "    echo \"assay: back into the queue, restart $((restarts + 1)) of at most $restarts_max\"\n"
    "    scontrol requeue \"$SLURM_JOB_ID\" || echo \"assay: not requeued; submit this script "
    "again\"\n"
    "elif [ \"$status\" = 85 ]; then\n"
    "    echo \"assay: $restarts restarts were the last; submit this script again to go on\"\n"
    "fi\n"
    "exit \"$status\"\n";

/* Slurm reads % in --output as a pattern and quotes as its own; and the log has the results' name.
 */
static enum assay_status check_results(const char *results, struct assay_error *err)
{
    static const char forbidden[] = "%\\\"'` \t\r\n#$";
    for (const char *at = results; *at; at++) {
        if (strchr(forbidden, *at) || (unsigned char)*at < 0x20 || *at == 0x7f) {
            return assay_fail(err, ASSAY_EUSAGE,
                              "the results path \"%.200s\" has the character 0x%02x, which cannot "
                              "stand in a line for Slurm",
                              results, (unsigned char)*at);
        }
    }
    return ASSAY_OK;
}

enum assay_status assay_batch_script(struct assay_bytes *out, const struct assay_batch_job *job,
                                     struct assay_error *err)
{
    struct writer w = {.out = out, .err = err};
    const struct assay_site *site = job->site;
    ASSAY_ASSERT(site->partition_count >= 1);
    w.status = check_results(job->results, err);
    put_head(&w, job);
    for (size_t i = 0; i < site->partition_count; i++) put_component(&w, site, i);
    put_values(&w, job);
    PUT(&w, "%s", before_step);
    put_step(&w, site);
    PUT(&w, "%s", after_step);
    return w.status;
}

static void put_head(struct writer *w, const struct assay_batch_job *job)
{
    PUT(w,
        "#!/bin/bash\n"
        "# A run that resumes by itself, as `assay slurm` writes it; to be edited and submitted by "
        "hand, too:\n"
        "#   sbatch THIS-FILE\n"
        "#\n"
        "# --- what Slurm is asked for\n");
    PUT(w, "#SBATCH --job-name=%s\n", job->name);
    PUT(w,
        "# Output and errors; a restart goes on where the last run ended.\n"
        "#SBATCH --output=%s.log\n"
        "#SBATCH --open-mode=append\n",
        job->results);
    PUT(w, "# Slurm may put the job back into the queue (preemption, a node that died), and so may "
           "this script.\n"
           "#SBATCH --requeue\n");
    PUT(w,
        "# So many seconds before the time limit this shell (B:) gets USR1; Slurm may be a minute "
        "early.\n"
        "#SBATCH --signal=B:USR1@%u\n",
        job->site->lead_s);
}

static void put_component(struct writer *w, const struct assay_site *site, size_t index)
{
    const struct assay_partition *partition = &site->partitions[index];
    if (index > 0) {
        PUT(w, "# Another component of one heterogeneous job: it starts when all of them can.\n"
               "#SBATCH hetjob\n");
    }
    PUT(w, "#SBATCH --partition=%s\n", partition->name);
    PUT(w, "# Minutes of one run; the job goes on in the next.\n#SBATCH --time=%u\n",
        site->minutes);
    PUT(w,
        "# Nodes, ranks on each, and cores (threads) of a rank.\n"
        "#SBATCH --nodes=%u\n#SBATCH --ntasks-per-node=%u\n#SBATCH --cpus-per-task=%u\n",
        partition->nodes, partition->tasks_per_node, partition->cores_per_task);
    if (partition->gpus_per_node) PUT(w, "#SBATCH --gres=gpu:%u\n", partition->gpus_per_node);
    if (partition->memory_mib) PUT(w, "#SBATCH --mem=%uM\n", partition->memory_mib);
    if (partition->constraint[0]) PUT(w, "#SBATCH --constraint=%s\n", partition->constraint);
    if (site->account[0]) PUT(w, "#SBATCH --account=%s\n", site->account);
    if (site->qos[0]) PUT(w, "#SBATCH --qos=%s\n", site->qos);
}

static void put_named(struct writer *w, const char *name, const char *text)
{
    PUT(w, "%s=", name);
    put_text(w, text);
    PUT(w, "\n");
}

static void put_values(struct writer *w, const struct assay_batch_job *job)
{
    const struct assay_site *site = job->site;
    PUT(w, "set -u\n\n# --- what is run; paths as the compute nodes see them\n");
    put_named(w, "assay", job->program);
    put_named(w, "spec", job->spec);
    put_named(w, "results", job->results);
    PUT(w,
        "# A world of another size than all tasks together is refused.\n"
        "options=(--ranks %u --batch %u",
        assay_site_tasks(site), site->batch);
    if (job->model_dir[0]) {
        PUT(w, " --model-dir ");
        put_text(w, job->model_dir);
    }
    if (site->scratch[0]) {
        PUT(w, " --scratch ");
        put_text(w, site->scratch);
    }
    PUT(w, ")\n# A job goes back into the queue so often at most.\nrestarts_max=%u\n",
        site->restarts_max);
    for (size_t i = 0; i < site->module_count; i++) {
        PUT(w, "module load ");
        put_text(w, site->modules[i]);
        PUT(w, "\n");
    }
}

/* One world over all components; each rank is told its own, for in a step over several Slurm names
 * the last one's partition to all. --kill-on-bad-exit: without a dead rank the others would wait in
 * a collective for ever. */
static void put_step(struct writer *w, const struct assay_site *site)
{
    PUT(w, "timeout --foreground --signal=USR1 --kill-after=%u %u \\\n    srun", site->lead_s / 2,
        site->minutes * 60 - site->lead_s / 2);
    for (size_t i = 0; i < site->partition_count; i++) {
        if (i > 0) PUT(w, " \\\n    :");
        PUT(w, " --mpi=%s --kill-on-bad-exit=1 --cpus-per-task=%u", site->mpi,
            site->partitions[i].cores_per_task);
        if (site->partition_count > 1) PUT(w, " --het-group=%zu", i);
        PUT(w, " --export=ALL,ASSAY_COMPONENT=%zu \\\n", i);
        PUT(w,
            "    \"$assay\" run \"$spec\" --output \"$results\" \"${options[@]}\" --threads %u "
            "--end-file \"$end\"",
            site->partitions[i].cores_per_task);
    }
    PUT(w, " &\n");
}

/* In single quotes. */
static void put_text(struct writer *w, const char *text)
{
    PUT(w, "'");
    while (*text) {
        size_t plain = strcspn(text, "'");
        PUT(w, "%.*s", (int)plain, text);
        text += plain;
        if (*text) {
            PUT(w, "'\\''");
            text++;
        }
    }
    PUT(w, "'");
}
