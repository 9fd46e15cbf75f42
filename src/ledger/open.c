/* open: the terms of a task, checked against their limits, and its first round (FORMAT.md 22.6). */
#include "ledger/state.h"

#include <stddef.h>
#include <string.h>

enum { RULE_SET_PAPER = 1 };

#define TASK_POOL_MAX UINT64_C(1000000000000000)
/* A draw does about as many steps: it must not hold up a chain. */
#define DEALING_STEPS_MAX UINT64_C(50000000)
enum { ROUNDS_MAX = 16, REPLICAS_MAX = 16, WINDOW_MAX = 1000000, SAMPLES_PER_ITEM_MAX = 4096 };

static bool within(uint64_t value, uint64_t min, uint64_t max)
{
    return value >= min && value <= max;
}

static bool limits_hold(const struct assay_tx_open *of)
{
    const uint32_t windows[] = {of->beacon_commit_blocks, of->beacon_reveal_blocks,
                                of->commit_blocks, of->reveal_blocks};
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        if (!within(windows[i], 1, WINDOW_MAX)) return false;
    }
    return within(of->strata.size, 1, ASSAY_TASK_ITEMS_MAX) &&
           within(of->samples_per_item, 1, SAMPLES_PER_ITEM_MAX) &&
           (uint64_t)of->strata.size * of->samples_per_item <= ASSAY_TASK_SAMPLES_MAX &&
           within(of->replicas, 1, REPLICAS_MAX) &&
           within(of->sites_min, of->replicas, of->sites_max) &&
           of->sites_max <= ASSAY_TASK_SITES_MAX &&
           (uint64_t)of->strata.size * of->sites_max * of->replicas <= DEALING_STEPS_MAX &&
           within(of->rounds_max, 1, ROUNDS_MAX) && of->pool <= TASK_POOL_MAX &&
           within(of->sigma_milli, 500, 4000) && of->gamma_milli <= 1000000 &&
           of->lambda_milli <= 1000;
}

/* K where the strata are 0 … K−1 and none is empty; otherwise 0. */
static uint32_t count_strata(const struct assay_blob *strata)
{
    bool seen[ASSAY_TASK_STRATA_MAX] = {false};
    uint32_t count = 0, distinct = 0;
    for (uint32_t i = 0; i < strata->size; i++) {
        uint8_t stratum = strata->data[i];
        if (stratum >= ASSAY_TASK_STRATA_MAX) return 0;
        if (!seen[stratum]) distinct++;
        seen[stratum] = true;
        if (stratum + 1u > count) count = stratum + 1u;
    }
    return distinct == count ? count : 0;
}

static void copy_terms(struct assay_state_task *task, const struct assay_tx_open *of)
{
#define ASSAY_COPY(S, kind, name, max) memcpy(&task->name, &of->name, sizeof task->name);
    ASSAY_TERMS_FIELDS(ASSAY_COPY, unused)
#undef ASSAY_COPY
}

enum assay_code assay_rule_open(struct assay_call *call, const struct assay_tx_open *of)
{
    if (of->rule_set != RULE_SET_PAPER) return ASSAY_CODE_RULE_SET_UNKNOWN;
    if (!limits_hold(of)) return ASSAY_CODE_TASK_LIMITS;
    struct assay_state_task task = {.sender = *call->sender,
                                    .opened = call->height,
                                    .items = of->strata.size,
                                    .strata_count = count_strata(&of->strata)};
    if (task.strata_count == 0) return ASSAY_CODE_STRATA_INVALID;
    copy_terms(&task, of);

    struct assay_state_counters counters = {0};
    struct assay_state_key key = assay_state_key_plain(ASSAY_TABLE_COUNTERS);
    (void)assay_state_get(call->ledger, &key, &counters);
    uint64_t id = counters.next_task++;
    assay_state_put(call->ledger, &key, &counters);

    struct assay_state_strata strata = {of->strata};
    key = assay_state_key_task(ASSAY_TABLE_STRATA, id);
    assay_state_put(call->ledger, &key, &strata);
    key = assay_state_key_task(ASSAY_TABLE_TASK, id);
    assay_state_put(call->ledger, &key, &task);
    assay_round_start(call->ledger, id, 0, &task, call->height);
    return ASSAY_CODE_OK;
}
