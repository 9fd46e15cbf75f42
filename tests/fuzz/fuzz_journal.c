/* Fuzz target: a journal file of a plan of 1000 samples. */
#include "store/journal.h"

static enum assay_status visit(void *context, const struct assay_frame *frame,
                               struct assay_error *err)
{
    (void)err;
    *(uint64_t *)context += frame->canonical_bytes;
    return ASSAY_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct assay_profile profile = {.name = "hot", .draw = ASSAY_DRAW_STRAT};
    static const struct assay_spec spec = {
        .profiles = &profile, .profile_count = 1, .replicates = 4, .sets = 1};
    static const struct assay_plan plan = {.spec = &spec,
                                           .item_count = 250,
                                           .profile_count = 1,
                                           .replicates = 4,
                                           .group_count = 250,
                                           .sample_count = 1000};
    struct assay_journal_source source = {"input", -1, data, size};
    struct assay_journal_extent extent;
    struct assay_error err;
    uint64_t seen = 0;
    if (assay_journal_scan(&source, &plan, 0, visit, &seen, &extent, &err)) return 0;
    return 0;
}
