/* The site file: YAML by a table of keys, with the reader of specs. */
#include "assay/site.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/file.h"
#include "spec/keys.h"
#include "spec/read.h"
#include "spec/spec_help.h"
#include "spec/tree.h"

#include <assert.h>
#include <stdlib.h>

#define IN_SITE(member) offsetof(struct assay_site, member)
#define IN_PARTITION(member) offsetof(struct assay_partition, member)

enum { PATH_BYTES_MAX = 4095, WORD_MAX = 128 };

static const struct spec_key partition_keys[] = {
    {"name", SPEC_WORD, .required = true, .at = IN_PARTITION(name), .max = WORD_MAX,
     .help = "as sinfo shows it"},
    {"nodes", SPEC_WHOLE, .at = IN_PARTITION(nodes), .min = 1, .max = 16384, .fallback = "1",
     .help = "nodes of it that the job takes"},
    {"tasks_per_node", SPEC_WHOLE, .at = IN_PARTITION(tasks_per_node), .min = 1, .max = 1024,
     .fallback = "1", .help = "ranks on each node; one a NUMA node is a good start"},
    {"cores_per_task", SPEC_WHOLE, .at = IN_PARTITION(cores_per_task), .min = 1, .max = 256,
     .fallback = "1", .help = "threads of a rank"},
    {"gpus_per_node", SPEC_WHOLE, .at = IN_PARTITION(gpus_per_node), .max = 64, .fallback = "0",
     .help = "GPUs on each node; none if absent"},
    {"memory_mib", SPEC_WHOLE, .at = IN_PARTITION(memory_mib), .max = 1 << 28, .fallback = "0",
     .help = "memory of a node that the job asks for; if absent, none is asked for and Slurm's own "
             "figure is planned with"},
    {"constraint", SPEC_WORD, .at = IN_PARTITION(constraint), .max = WORD_MAX,
     .help = "a feature that its nodes must have"},
    {"calibration", SPEC_TEXT, .at = IN_PARTITION(calibration), .min = 1, .max = PATH_BYTES_MAX,
     .help = "what `assay bench MODEL --json` printed on one task there; relative to this file"},
    {0}};

static const struct spec_key site_keys[] = {
    {"site", SPEC_VERSION, .required = true, .min = 1, .max = 1,
     .help = "the version of this format; it must be the first key"},
    {"name", SPEC_WORD, .at = IN_SITE(name), .max = WORD_MAX, .fallback = "cluster",
     .help = "for people"},
    {"program", SPEC_TEXT, .at = IN_SITE(program), .min = 1, .max = PATH_BYTES_MAX,
     .help = "assay on the compute nodes; the program that submits if absent"},
    {"model_dir", SPEC_TEXT, .at = IN_SITE(model_dir), .min = 1, .max = PATH_BYTES_MAX,
     .help = "where models lie"},
    {"scratch", SPEC_TEXT, .at = IN_SITE(scratch), .min = 1, .max = PATH_BYTES_MAX,
     .help = "a folder for temporary files that every task can write; checked before it computes"},
    {"account", SPEC_WORD, .at = IN_SITE(account), .max = WORD_MAX, .help = "who pays"},
    {"qos", SPEC_WORD, .at = IN_SITE(qos), .max = WORD_MAX, .help = "quality of service"},
    {"mpi", SPEC_WORD, .at = IN_SITE(mpi), .max = WORD_MAX, .fallback = "pmix",
     .help = "srun's --mpi; another one may start single ranks, which is refused"},
    {"modules", SPEC_TEXTS, .each = "a module", .at = IN_SITE(modules),
     .also_at = IN_SITE(module_count), .max = ASSAY_SITE_MODULES_MAX,
     .help = "loaded before the program starts"},
    {"minutes", SPEC_WHOLE, .required = true, .at = IN_SITE(minutes), .min = 1, .max = 525600,
     .help = "time limit of one run; a job that needs more goes back into the queue"},
    {"signal_lead", SPEC_WHOLE, .at = IN_SITE(lead_s), .min = 10, .max = 65535, .fallback = "120",
     .help = "seconds before the time limit at which the run is told to end"},
    {"restarts", SPEC_WHOLE, .at = IN_SITE(restarts_max), .max = 1000, .fallback = "20",
     .help = "how often a job goes back into the queue at most"},
    {"batch", SPEC_WHOLE, .at = IN_SITE(batch), .min = 1, .max = 1024, .fallback = "64",
     .help = "samples that a rank computes together"},
    {"partitions", SPEC_RECORDS, .required = true, .each = "a partition",
     .record_bytes = sizeof(struct assay_partition), .at = IN_SITE(partitions),
     .also_at = IN_SITE(partition_count), .max = ASSAY_SITE_PARTITIONS_MAX, .keys = partition_keys,
     .help = "several become one heterogeneous job whose ranks share the "
             "work"},
    {0}};

#define FITS(table) (sizeof(table) / sizeof((table)[0]) - 1 <= SPEC_KEYS_MAX)
static_assert(FITS(site_keys) && FITS(partition_keys), "a table has at most SPEC_KEYS_MAX keys");

struct owner {
    struct assay_site site; /* first: a site is cast to its owner */
    struct assay_arena arena;
};

/* Texts that the file does not have. */
static void fill_absent(struct assay_site *site, struct assay_partition *partitions)
{
    const char **texts[] = {&site->account, &site->qos, &site->program, &site->model_dir,
                            &site->scratch};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!*texts[i]) *texts[i] = "";
    }
    for (size_t i = 0; i < site->partition_count; i++) {
        if (!partitions[i].constraint) partitions[i].constraint = "";
        if (!partitions[i].calibration) partitions[i].calibration = "";
    }
}

static enum assay_status read_site(struct owner *owner, const struct spec_node *root,
                                   const struct spec_report *report)
{
    const struct spec_reader reader = {.arena = &owner->arena, .report = report};
    struct assay_site *site = &owner->site;
    enum assay_status status =
        assay_spec_read_root(&reader, "the site file", site_keys, root, site);
    if (status) return status;
    fill_absent(site, (struct assay_partition *)site->partitions);
    if (site->lead_s < site->minutes * 60) return ASSAY_OK;
    const struct spec_node *lead = assay_spec_tree_find(root, "signal_lead");
    return assay_spec_fail(report, ASSAY_EVALUE,
                           (lead ? lead : assay_spec_tree_find(root, "minutes"))->mark,
                           "signal_lead is %u seconds: nothing is left of a run of minutes: %u",
                           site->lead_s, site->minutes);
}

enum assay_status assay_site_parse(struct assay_site **out, const char *text, size_t size,
                                   const char *path, struct assay_error *err)
{
    const struct spec_report report = {.path = path, .err = err};
    struct assay_arena scratch = {0};
    const struct spec_node *root = NULL;
    if (size > ASSAY_SITE_FILE_BYTES_MAX) {
        return assay_spec_fail(&report, ASSAY_EVALUE, (struct spec_mark){0},
                               "the site file has %zu bytes: at most %d", size,
                               ASSAY_SITE_FILE_BYTES_MAX);
    }
    struct owner *owner = calloc(1, sizeof *owner);
    if (!owner) return assay_spec_fail_memory(&report);
    enum assay_status status = assay_spec_tree(&root, &scratch, size ? text : "", size, &report);
    if (!status) status = read_site(owner, root, &report);
    assay_arena_fini(&scratch);
    if (status) {
        assay_site_close(&owner->site);
        return status;
    }
    *out = &owner->site;
    return ASSAY_OK;
}

enum assay_status assay_site_open(struct assay_site **out, const char *path,
                                  struct assay_error *err)
{
    struct assay_bytes bytes = {0};
    enum assay_status status = assay_file_read(path, ASSAY_SITE_FILE_BYTES_MAX, &bytes, err);
    if (!status) {
        status = assay_site_parse(out, bytes.data ? (const char *)bytes.data : "", bytes.size, path,
                                  err);
    }
    assay_bytes_fini(&bytes);
    return status;
}

void assay_site_close(struct assay_site *site)
{
    if (!site) return;
    struct owner *owner = (struct owner *)(void *)site;
    assay_arena_fini(&owner->arena);
    free(owner);
}

uint32_t assay_site_tasks(const struct assay_site *site)
{
    uint32_t tasks = 0; /* at most 16 · 2^14 · 2^10 */
    for (size_t i = 0; i < site->partition_count; i++) {
        tasks += site->partitions[i].nodes * site->partitions[i].tasks_per_node;
    }
    return tasks;
}

enum assay_status assay_site_help(struct assay_bytes *out, struct assay_error *err)
{
    return assay_spec_help_keys(out, site_keys, err);
}
