/* Any bytes as a site file: what is accepted keeps the promises of assay/site.h, and its script has
 * no line for Slurm that the generator did not mean. */
#include "assay/site.h"
#include "base/assert.h"
#include "base/bytes.h"

#include <string.h>

static void check_lines(const char *script, size_t partitions)
{
    size_t directives = 0, hetjobs = 0;
    for (const char *at = script; (at = strstr(at, "\n#SBATCH ")) != NULL; at++) {
        directives++;
        hetjobs += strncmp(at, "\n#SBATCH hetjob\n", 16) == 0;
    }
    ASSAY_ASSERT(hetjobs == partitions - 1);
    ASSAY_ASSERT(directives >= 5 + 5 * partitions + hetjobs);
    ASSAY_ASSERT(directives <= 5 + 10 * partitions + hetjobs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct assay_error err = {0};
    struct assay_site *site = NULL;
    struct assay_bytes script = {0};
    if (assay_site_parse(&site, (const char *)data, size, NULL, &err)) {
        ASSAY_ASSERT(!site && err.text[0]);
        return 0;
    }
    ASSAY_ASSERT(site->partition_count >= 1 && site->partition_count <= ASSAY_SITE_PARTITIONS_MAX);
    ASSAY_ASSERT(assay_site_tasks(site) >= site->partition_count);
    ASSAY_ASSERT(site->lead_s < site->minutes * 60 && site->account && site->scratch);
    const struct assay_batch_job job = {
        .site = site, .name = "n", .program = "a", .model_dir = "", .spec = "s", .results = "r"};
    ASSAY_ASSERT(assay_batch_script(&script, &job, &err) == ASSAY_OK);
    /* Module names and paths may hold anything, in quotes, behind the first command. */
    char *commands = strstr((char *)script.data, "\nset -u\n");
    ASSAY_ASSERT(commands);
    *commands = 0;
    check_lines((const char *)script.data, site->partition_count);
    assay_bytes_fini(&script);
    assay_site_close(site);
    return 0;
}
