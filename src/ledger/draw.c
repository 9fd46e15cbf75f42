/* The end of a beacon: its randomness, who works, and on what (FORMAT.md 22.6, 23.1, 23.6). */
#include "ledger/state.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "ledger/paper.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert((int)ASSAY_TASK_SITES_MAX == (int)ASSAY_PAPER_SITES_MAX, "arrays of the rule set");

/* Everything a draw works on; the arrays have one element for each site that committed. */
struct draw {
    struct assay_ledger *ledger;
    uint64_t task_id, height;
    uint32_t round_id;
    struct assay_state_task task;
    struct assay_state_round round;
    struct assay_public_key *sites; /* that revealed, ascending; later only the chosen */
    struct assay_digest *secrets;
    struct assay_candidate *candidates;
    uint32_t *organisations, *counts;
    uint8_t *bitmaps;
    size_t committed, revealed, stride;
};

static void draw_fini(struct draw *draw)
{
    free(draw->sites);
    free(draw->secrets);
    free(draw->candidates);
    free(draw->organisations);
    free(draw->counts);
    free(draw->bitmaps);
}

static size_t first_beacon(const struct draw *draw, struct assay_state_key *prefix)
{
    *prefix = assay_state_key_round(ASSAY_TABLE_BEACON, draw->task_id, draw->round_id);
    return assay_map_lower(&draw->ledger->map, prefix);
}

static bool is_beacon(const struct draw *draw, size_t index, const struct assay_state_key *prefix)
{
    const struct assay_map *map = &draw->ledger->map;
    return index < map->count && assay_state_key_begins(&map->entries[index]->key, prefix);
}

static bool draw_allocate(struct draw *draw)
{
    struct assay_state_key prefix;
    size_t index = first_beacon(draw, &prefix), count = 0;
    while (is_beacon(draw, index + count, &prefix)) count++;
    draw->committed = count;
    size_t room = count > 0 ? count : 1;
    draw->sites = calloc(room, sizeof *draw->sites);
    draw->secrets = calloc(room, sizeof *draw->secrets);
    draw->candidates = calloc(room, sizeof *draw->candidates);
    return draw->sites && draw->secrets && draw->candidates;
}

/* Who revealed is a candidate; who did not is withheld. Judging changes values, never the number or
 * the order of entries. */
static void read_secrets(struct draw *draw)
{
    struct assay_state_key prefix;
    size_t index = first_beacon(draw, &prefix);
    for (size_t i = 0; i < draw->committed; i++) {
        struct assay_state_key key = draw->ledger->map.entries[index + i]->key;
        struct assay_public_key site = assay_state_key_owner(&key);
        struct assay_state_beacon beacon;
        ASSAY_ASSERT(assay_state_get(draw->ledger, &key, &beacon));
        if (beacon.revealed) {
            draw->sites[draw->revealed] = site;
            draw->secrets[draw->revealed++] = beacon.secret;
        } else {
            (void)assay_round_judge(draw->ledger, &site, false, true);
        }
    }
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, ASSAY_DIGEST_BYTES);
}

static void make_seeds(struct draw *draw)
{
    struct assay_sha256 sha;
    struct assay_state_counters counters = {0};
    struct assay_state_key key = assay_state_key_plain(ASSAY_TABLE_COUNTERS);
    uint8_t bytes[8];
    (void)assay_state_get(draw->ledger, &key, &counters);
    /* Equal secrets are equal bytes: their order does not matter. */
    qsort(draw->secrets, draw->revealed, sizeof *draw->secrets, compare_digests);
    assay_sha256_init(&sha);
    assay_sha256_text(&sha, "assay/ledger-1/seed");
    assay_sha256_field(&sha, counters.beacon.bytes, ASSAY_DIGEST_BYTES);
    for (size_t i = 0; i < draw->revealed; i++) {
        assay_sha256_field(&sha, draw->secrets[i].bytes, ASSAY_DIGEST_BYTES);
    }
    draw->round.beacon = counters.beacon = assay_sha256_final(&sha);
    assay_state_put(draw->ledger, &key, &counters);

    assay_sha256_init(&sha);
    assay_sha256_text(&sha, "assay/ledger-1/round");
    assay_sha256_text(&sha, draw->ledger->genesis.chain);
    assay_put_le64(bytes, draw->task_id);
    assay_sha256_field(&sha, bytes, 8);
    assay_put_le32(bytes, draw->round_id);
    assay_sha256_field(&sha, bytes, 4);
    assay_sha256_field(&sha, draw->round.beacon.bytes, ASSAY_DIGEST_BYTES);
    draw->round.seed = assay_sha256_final(&sha);
}

/* Equal labels get equal numbers: the index of the first candidate with the label, which lies
 * `offset` bytes into its value. */
static uint32_t number_label(const struct assay_state_site *values, uint32_t of, size_t offset)
{
    const char *label = (const char *)&values[of] + offset;
    uint32_t first = 0;
    while (strcmp((const char *)&values[first] + offset, label) != 0) first++;
    return first;
}

static void number_labels(const struct draw *draw, const struct assay_state_site *values)
{
    for (uint32_t i = 0; i < draw->revealed; i++) {
        draw->candidates[i] = (struct assay_candidate){
            .reputation = values[i].reputation,
            .delay = values[i].delay,
            .organisation =
                number_label(values, i, offsetof(struct assay_state_site, organisation)),
            .country = number_label(values, i, offsetof(struct assay_state_site, country)),
            .arch = number_label(values, i, offsetof(struct assay_state_site, arch)),
            .engine = number_label(values, i, offsetof(struct assay_state_site, engine))};
    }
}

static bool choose_sites(struct draw *draw)
{
    struct assay_state_site *values = calloc(draw->revealed, sizeof *values);
    draw->organisations = calloc(draw->revealed, sizeof *draw->organisations);
    if (!values || !draw->organisations) {
        free(values);
        return false;
    }
    for (size_t i = 0; i < draw->revealed; i++) {
        struct assay_state_key key = assay_state_key_site(ASSAY_TABLE_SITE, &draw->sites[i]);
        ASSAY_ASSERT(assay_state_get(draw->ledger, &key, &values[i]));
    }
    number_labels(draw, values);
    free(values);
    draw->round.sites =
        (uint32_t)assay_paper_select(draw->candidates, draw->revealed, draw->task.sites_max,
                                     draw->task.gamma_milli, draw->task.lambda_milli);
    size_t kept = 0;
    for (size_t i = 0; i < draw->revealed; i++) {
        if (!draw->candidates[i].chosen) continue;
        draw->organisations[kept] = draw->candidates[i].organisation;
        draw->sites[kept++] = draw->sites[i];
    }
    return true;
}

static bool deal_items(struct draw *draw)
{
    struct assay_state_strata strata;
    struct assay_state_key key = assay_state_key_task(ASSAY_TABLE_STRATA, draw->task_id);
    ASSAY_ASSERT(assay_state_get(draw->ledger, &key, &strata));
    draw->stride = (draw->task.items + 7) / 8;
    draw->bitmaps = calloc(draw->round.sites, draw->stride);
    draw->counts = calloc(draw->round.sites, sizeof *draw->counts);
    if (!draw->bitmaps || !draw->counts) return false;
    struct assay_assign of = {.seed = draw->round.seed,
                              .strata = strata.strata.data,
                              .items = draw->task.items,
                              .strata_count = draw->task.strata_count,
                              .replicas = draw->task.replicas,
                              .organisations = draw->organisations,
                              .sites = draw->round.sites};
    return assay_paper_assign(&of, draw->bitmaps, draw->stride, draw->counts);
}

static void record_seats(struct draw *draw)
{
    struct assay_sha256 sha;
    assay_sha256_init(&sha);
    assay_sha256_text(&sha, "assay/ledger-1/assignment");
    uint32_t dealt = draw->round.sites;
    draw->round.sites = 0;
    for (uint32_t i = 0; i < dealt; i++) {
        if (draw->counts[i] == 0) continue;
        draw->round.sites++;
        const uint8_t *bitmap = draw->bitmaps + i * draw->stride;
        struct assay_state_seat seat = {draw->counts[i], {bitmap, (uint32_t)draw->stride}};
        struct assay_state_key key = assay_state_key_member(ASSAY_TABLE_SEAT, draw->task_id,
                                                            draw->round_id, draw->sites[i].bytes);
        assay_sha256_field(&sha, draw->sites[i].bytes, sizeof draw->sites[i].bytes);
        assay_sha256_field(&sha, bitmap, draw->stride);
        assay_state_put(draw->ledger, &key, &seat);
    }
    draw->round.assignment = assay_sha256_final(&sha);
}

static bool draw_run(struct draw *draw)
{
    if (!draw_allocate(draw)) return false;
    read_secrets(draw);
    bool enough =
        3 * draw->revealed >= 2 * draw->committed && draw->revealed >= draw->task.sites_min;
    if (enough) {
        make_seeds(draw);
        if (!choose_sites(draw) || !deal_items(draw)) return false;
        record_seats(draw);
    }
    draw->round.phase = enough ? ASSAY_PHASE_WORK : ASSAY_PHASE_VOID;
    struct assay_state_key key =
        assay_state_key_round(ASSAY_TABLE_ROUND, draw->task_id, draw->round_id);
    assay_state_put(draw->ledger, &key, &draw->round);
    if (!enough) assay_round_follow(draw->ledger, draw->task_id, &draw->task, draw->height);
    return true;
}

bool assay_round_draw(struct assay_ledger *ledger, uint64_t task, uint32_t round, uint64_t height)
{
    struct draw draw = {.ledger = ledger, .task_id = task, .height = height, .round_id = round};
    ASSAY_ASSERT(assay_round_find(ledger, task, round, &draw.task, &draw.round) == ASSAY_CODE_OK);
    bool done = draw_run(&draw);
    draw_fini(&draw);
    return done && !ledger->map.failed;
}
