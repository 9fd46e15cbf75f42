/* settle: the reveals of a round become awards and one consensus, by rule set `paper` (22.6, 23).
 */
#include "ledger/state.h"

#include "base/assert.h"
#include "ledger/paper.h"

#include <stdlib.h>

/* The seats of a round, ascending by key, and the reveals among them. */
struct settling {
    struct assay_call *call;
    uint64_t task_id;
    uint32_t round_id;
    struct assay_state_task task;
    struct assay_state_round round;
    struct assay_public_key sites[ASSAY_TASK_SITES_MAX];
    bool revealed[ASSAY_TASK_SITES_MAX];
    struct assay_weighed weighed[ASSAY_TASK_SITES_MAX]; /* of the revealed, in order */
    size_t site_count, revealed_count;
    struct assay_weights weights;
    uint64_t samples;
};

static void read_seats(struct settling *of)
{
    const struct assay_ledger *ledger = of->call->ledger;
    struct assay_state_key prefix =
        assay_state_key_round(ASSAY_TABLE_SEAT, of->task_id, of->round_id);
    for (size_t i = assay_map_lower(&ledger->map, &prefix); i < ledger->map.count; i++) {
        const struct assay_state_key *key = &ledger->map.entries[i]->key;
        struct assay_state_reveal reveal;
        if (!assay_state_key_begins(key, &prefix)) break;
        ASSAY_ASSERT(of->site_count < ASSAY_TASK_SITES_MAX);
        struct assay_public_key site = assay_state_key_owner(key);
        struct assay_state_key at =
            assay_state_key_member(ASSAY_TABLE_REVEAL, of->task_id, of->round_id, site.bytes);
        bool revealed = assay_state_get(ledger, &at, &reveal);
        of->sites[of->site_count] = site;
        of->revealed[of->site_count++] = revealed;
        if (!revealed) continue;
        of->weighed[of->revealed_count++] =
            (struct assay_weighed){.sum = reveal.sum, .n = reveal.n};
        of->samples += reveal.n;
    }
}

/* delay of the site: blocks from assignment to its commit, or the whole window. */
static void note_work(struct settling *of, const struct assay_public_key *site, uint64_t pay)
{
    struct assay_ledger *ledger = of->call->ledger;
    struct assay_state_commit made;
    struct assay_state_site value;
    struct assay_state_key key =
        assay_state_key_member(ASSAY_TABLE_COMMIT, of->task_id, of->round_id, site->bytes);
    uint64_t delay = assay_state_get(ledger, &key, &made) ? made.height - of->round.assigned
                                                          : of->task.commit_blocks;
    key = assay_state_key_site(ASSAY_TABLE_SITE, site);
    ASSAY_ASSERT(assay_state_get(ledger, &key, &value));
    value.delay = delay;
    value.earned = assay_add_capped(value.earned, pay);
    assay_state_put(ledger, &key, &value);
}

static void award_site(struct settling *of, size_t index, const struct assay_weighed *weighed,
                       bool conclusive)
{
    const struct assay_public_key *site = &of->sites[index];
    struct assay_state_award award = {.revealed = of->revealed[index]};
    if (weighed) {
        award.n = weighed->n;
        award.sum = weighed->sum;
        award.score = weighed->score;
        award.deviation = weighed->deviation;
        award.weight = weighed->weight;
        award.pay = weighed->pay;
        award.hit = weighed->hit;
    }
    if (conclusive || !of->revealed[index]) {
        award.reputation =
            assay_round_judge(of->call->ledger, site, award.hit, !of->revealed[index]);
    } else {
        struct assay_state_site value;
        struct assay_state_key key = assay_state_key_site(ASSAY_TABLE_SITE, site);
        ASSAY_ASSERT(assay_state_get(of->call->ledger, &key, &value));
        award.reputation = value.reputation;
    }
    note_work(of, site, award.pay);
    struct assay_state_key key =
        assay_state_key_member(ASSAY_TABLE_AWARD, of->task_id, of->round_id, site->bytes);
    assay_state_put(of->call->ledger, &key, &award);
}

static void record_settlement(struct settling *of, bool conclusive)
{
    struct assay_state_settlement settlement = {.conclusive = conclusive,
                                                .height = of->call->height,
                                                .sites = (uint32_t)of->site_count,
                                                .revealed = (uint32_t)of->revealed_count,
                                                .samples = of->samples,
                                                .median = of->weights.median,
                                                .mad = of->weights.mad,
                                                .sigma = of->weights.sigma,
                                                .weight_sum = of->weights.weight_sum,
                                                .consensus = of->weights.consensus,
                                                .paid = of->weights.paid,
                                                .remainder = of->weights.remainder};
    struct assay_state_key key =
        assay_state_key_round(ASSAY_TABLE_SETTLEMENT, of->task_id, of->round_id);
    assay_state_put(of->call->ledger, &key, &settlement);
    of->round.phase = ASSAY_PHASE_SETTLED;
    key = assay_state_key_round(ASSAY_TABLE_ROUND, of->task_id, of->round_id);
    assay_state_put(of->call->ledger, &key, &of->round);
}

static void close_task(struct settling *of)
{
    struct assay_state_counters counters = {0};
    struct assay_state_key key = assay_state_key_plain(ASSAY_TABLE_COUNTERS);
    (void)assay_state_get(of->call->ledger, &key, &counters);
    counters.reserve = assay_add_capped(counters.reserve, of->weights.remainder);
    assay_state_put(of->call->ledger, &key, &counters);
    of->task.closed = 1;
    key = assay_state_key_task(ASSAY_TABLE_TASK, of->task_id);
    assay_state_put(of->call->ledger, &key, &of->task);
}

static void settle(struct settling *of)
{
    read_seats(of);
    bool conclusive = of->revealed_count >= of->task.sites_min;
    if (conclusive) {
        assay_paper_weigh(of->weighed, of->revealed_count, of->task.sigma_milli, &of->weights);
        assay_paper_pay(of->weighed, of->revealed_count, of->task.pool, &of->weights);
    }
    const struct assay_weighed *next = of->weighed;
    for (size_t i = 0; i < of->site_count; i++) {
        award_site(of, i, of->revealed[i] ? next++ : NULL, conclusive);
    }
    record_settlement(of, conclusive);
    if (conclusive) {
        close_task(of);
    } else {
        assay_round_follow(of->call->ledger, of->task_id, &of->task, of->call->height);
    }
}

enum assay_code assay_rule_settle(struct assay_call *call, const struct assay_tx_settle *of)
{
    struct assay_state_task task;
    struct assay_state_round round;
    struct assay_state_key key = assay_state_key_round(ASSAY_TABLE_SETTLEMENT, of->task, of->round);
    if (assay_state_has(call->ledger, &key)) return ASSAY_CODE_SETTLE_REPEATED;
    enum assay_code code = assay_round_find(call->ledger, of->task, of->round, &task, &round);
    if (code) return code;
    uint64_t over = round.assigned + task.commit_blocks + task.reveal_blocks;
    if (round.phase == ASSAY_PHASE_BEACON || call->height <= over) return ASSAY_CODE_SETTLE_EARLY;
    struct settling *settling = calloc(1, sizeof *settling);
    if (!settling) {
        call->ledger->map.failed = true;
        return ASSAY_CODE_OK;
    }
    settling->call = call;
    settling->task_id = of->task;
    settling->round_id = of->round;
    settling->task = task;
    settling->round = round;
    settle(settling);
    free(settling);
    return ASSAY_CODE_OK;
}
