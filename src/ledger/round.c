/* Rounds: found, started, followed by the next one; and what a round does to a site's reputation.
 */
#include "ledger/state.h"

#include "base/assert.h"
#include "ledger/paper.h"

enum assay_code assay_round_find(const struct assay_ledger *ledger, uint64_t task, uint32_t round,
                                 struct assay_state_task *task_out,
                                 struct assay_state_round *round_out)
{
    struct assay_state_key key = assay_state_key_task(ASSAY_TABLE_TASK, task);
    if (!assay_state_get(ledger, &key, task_out)) return ASSAY_CODE_UNKNOWN_TASK;
    if (task_out->closed) return ASSAY_CODE_TASK_CLOSED;
    if (round != task_out->round) return ASSAY_CODE_WRONG_ROUND;
    key = assay_state_key_round(ASSAY_TABLE_ROUND, task, round);
    ASSAY_ASSERT(assay_state_get(ledger, &key, round_out));
    return ASSAY_CODE_OK;
}

void assay_round_start(struct assay_ledger *ledger, uint64_t task, uint32_t round,
                       const struct assay_state_task *terms, uint64_t height)
{
    uint64_t due = height + terms->beacon_commit_blocks + terms->beacon_reveal_blocks;
    struct assay_state_round started = {
        .phase = ASSAY_PHASE_BEACON, .start = height, .assigned = due};
    struct assay_state_agenda agenda = {round};
    struct assay_state_key key = assay_state_key_round(ASSAY_TABLE_ROUND, task, round);
    assay_state_put(ledger, &key, &started);
    key = assay_state_key_agenda(due, task);
    assay_state_put(ledger, &key, &agenda);
}

void assay_round_follow(struct assay_ledger *ledger, uint64_t task, struct assay_state_task *terms,
                        uint64_t height)
{
    struct assay_state_key key = assay_state_key_task(ASSAY_TABLE_TASK, task);
    bool another = terms->round + 1 < terms->rounds_max;
    if (another) {
        terms->round++;
    } else {
        terms->closed = 1;
    }
    assay_state_put(ledger, &key, terms);
    if (another) {
        assay_round_start(ledger, task, terms->round, terms, height);
        return;
    }
    struct assay_state_counters counters = {0};
    key = assay_state_key_plain(ASSAY_TABLE_COUNTERS);
    (void)assay_state_get(ledger, &key, &counters);
    counters.reserve = assay_add_capped(counters.reserve, terms->pool);
    assay_state_put(ledger, &key, &counters);
}

uint64_t assay_round_judge(struct assay_ledger *ledger, const struct assay_public_key *site,
                           bool hit, bool withheld)
{
    struct assay_state_site value = {0};
    struct assay_state_key key = assay_state_key_site(ASSAY_TABLE_SITE, site);
    ASSAY_ASSERT(assay_state_get(ledger, &key, &value));
    value.reputation = assay_paper_reputation(value.reputation, hit);
    value.rounds++;
    value.hits += hit;
    value.withheld += withheld;
    assay_state_put(ledger, &key, &value);
    return value.reputation;
}
