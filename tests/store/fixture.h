/* A spec, its plan, and samples made from their numbers: what every test of this room starts from.
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "assay/results.h"
#include "base/assert.h"
#include "crypto/digest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FIXTURE_ITEMS = 3, FIXTURE_TOKENS_MAX = 7, FIXTURE_STRATA = 2 };

struct fixture {
    struct assay_spec *spec;
    struct assay_plan plan; /* 3 items × 2 profiles × 4 replicates */
};

/* `seed` makes another spec, and so another plan. */
static inline struct fixture fixture_make_sized(unsigned seed, uint32_t items)
{
    struct fixture fixture = {NULL, {0}};
    struct assay_error err;
    char text[512];
    int size = snprintf(text, sizeof text,
                        "assay: 1\nname: fixture\nmodel: {path: m.gguf}\n"
                        "benchmark: {path: b.jsonl}\nprompt: {user: 'Q: {question}'}\n"
                        "max_tokens: 16\nreplicates: 4\nsets: 2\nseed: %u\nprofiles:\n"
                        "  - {name: cool, temperature: 0.3, top_k: 40, draw: iid}\n"
                        "  - {name: warm, draw: lattice}\n",
                        seed);
    ASSAY_ASSERT(assay_spec_parse(&fixture.spec, text, (size_t)size, &err) == ASSAY_OK);
    memset(fixture.spec->model.sha256.bytes, 0xaa, 32);
    memset(fixture.spec->benchmark.sha256.bytes, 0xbb, 32);
    ASSAY_ASSERT(assay_spec_seal(fixture.spec, &err) == ASSAY_OK);
    ASSAY_ASSERT(assay_plan_init(&fixture.plan, fixture.spec, items, NULL, 0, &err) == ASSAY_OK);
    return fixture;
}

static inline struct fixture fixture_make(unsigned seed)
{
    return fixture_make_sized(seed, FIXTURE_ITEMS);
}

static inline void fixture_drop(struct fixture *fixture)
{
    assay_spec_destroy(fixture->spec);
}

/* What a sample points into. */
struct fixture_sample {
    struct assay_record record;
    struct assay_circumstances circumstances;
    char item_id[32];
    uint32_t tokens[FIXTURE_TOKENS_MAX];
    float log_probs[FIXTURE_TOKENS_MAX];
};

static inline struct assay_digest fixture_digest(const char *what, uint64_t number)
{
    char text[64];
    int size = snprintf(text, sizeof text, "%s %llu", what, (unsigned long long)number);
    return assay_sha256_of(text, (size_t)size);
}

static inline struct assay_span fixture_span(const char *text)
{
    return (struct assay_span){text, strlen(text)};
}

/* Answers and texts hold what a C string or UTF-8 cannot. */
static inline void fixture_outcome(struct assay_record *record, struct assay_circumstances *c,
                                   uint64_t index)
{
    static const char answer[] = "4\0é";
    static const char text[] = "so: 4\0é \xff";
    switch (index % 4) {
    case 0:
        record->verdict = ASSAY_VERDICT_CORRECT;
        record->score_micro = ASSAY_SCORE_ONE;
        record->answer = (struct assay_span){answer, sizeof answer - 1};
        c->text = (struct assay_span){text, sizeof text - 1};
        break;
    case 1:
        record->verdict = ASSAY_VERDICT_INCORRECT;
        record->finish = ASSAY_FINISH_LENGTH;
        record->answer = fixture_span("five");
        c->text = fixture_span("five");
        break;
    case 2:
        record->verdict = ASSAY_VERDICT_NO_ANSWER;
        record->finish = ASSAY_FINISH_STOP;
        break;
    default:
        record->verdict = ASSAY_VERDICT_FAILED;
        record->finish = ASSAY_FINISH_NONFINITE;
        c->text = fixture_span("?");
    }
}

/* The record of a sample, the same whenever it is made; `attempt` changes its circumstances. */
static inline void fixture_fill(struct fixture_sample *sample, const struct assay_plan *plan,
                                uint64_t index, uint32_t attempt)
{
    struct assay_cell cell = assay_plan_cell(plan, index);
    const struct assay_profile *profile = &plan->spec->profiles[cell.profile_index];
    snprintf(sample->item_id, sizeof sample->item_id, "math/%u", cell.item_index);
    for (size_t i = 0; i < FIXTURE_TOKENS_MAX; i++) {
        sample->tokens[i] = (uint32_t)(index * 1000 + i);
        sample->log_probs[i] = i == 3 ? -INFINITY : -(float)i / 3;
    }
    sample->record =
        (struct assay_record){.arithmetic = ASSAY_ARITHMETIC_EXACT_1,
                              .sampler = ASSAY_SAMPLER_1,
                              .draw = (uint8_t)profile->draw,
                              .replicates = plan->replicates,
                              .sets = plan->spec->sets,
                              .replicate = cell.replicate,
                              .cell_key = fixture_digest("cell", index),
                              .prompt_digest = fixture_digest("prompt", cell.item_index),
                              .item_id = fixture_span(sample->item_id),
                              .profile = fixture_span(profile->name),
                              .answer = {"", 0},
                              .token_count = (size_t)(index % (FIXTURE_TOKENS_MAX + 1)),
                              .tokens = sample->tokens,
                              .log_probs = sample->log_probs};
    sample->circumstances =
        (struct assay_circumstances){.prompt_shared = index % 2 == 1,
                                     .attempts = attempt,
                                     .batch_rows = 8,
                                     .clock_mhz = 3000 + (uint32_t)(index % 3),
                                     .start_ns = UINT64_C(1700000000000000000) + index,
                                     .duration_ns = 1000 * index,
                                     .text = {"", 0},
                                     .grade = {.outcome = (uint8_t)(index % 4),
                                               .flexible_verdict = ASSAY_VERDICT_CORRECT,
                                               .strict = {0, 1, 2},
                                               .flexible = {1, (uint32_t)index, 3},
                                               .flexible_answer = fixture_span("flexible"),
                                               .run = index % 2 ? 4 : ASSAY_NO_RUN,
                                               .run_retried = index % 3 == 1,
                                               .run_cpu_ns = 7 * index,
                                               .run_wall_ns = 8 * index,
                                               .run_peak_bytes = 9 * index,
                                               .run_detail = fixture_span("late")}};
    fixture_outcome(&sample->record, &sample->circumstances, index);
}

/* A process of which a test asks nothing. */
static const struct assay_process fixture_plain = {.ranks = 1,
                                                   .local_ranks = 1,
                                                   .host = "",
                                                   .cpu = "",
                                                   .launcher = "",
                                                   .job = "",
                                                   .component = "",
                                                   .variables = "",
                                                   .engine = "",
                                                   .build = "",
                                                   .backend = "",
                                                   .isa = "",
                                                   .processors = "",
                                                   .memory_nodes = "",
                                                   .grader = "",
                                                   .topology = ""};

/* A process of a pretended run of a hundred ranks, ten on each node. */
static inline struct assay_process fixture_process(uint32_t rank)
{
    static const char *const topologies[] = {"<topology>even</topology>",
                                             "<topology>odd</topology>"};
    return (struct assay_process){.rank = rank,
                                  .ranks = rank + 100,
                                  .local_rank = rank % 10,
                                  .local_ranks = 10,
                                  .threads = 2,
                                  .batch = 8,
                                  .prefill_rows = 128,
                                  .packages = 1,
                                  .numa_nodes = 2,
                                  .cores = 20,
                                  .processing_units = 40,
                                  .clock_mhz = 3100,
                                  .start_ns = UINT64_C(1700000000000000000) + rank,
                                  .memory_bytes = UINT64_C(1) << 35,
                                  .memory_budget_bytes = UINT64_C(1) << 31,
                                  .host = rank % 2 ? "odd" : "even",
                                  .cpu = "Pretender 9000",
                                  .launcher = "mpirun",
                                  .job = "",
                                  .component = "",
                                  .variables = "",
                                  .engine = "assay 0.1.0",
                                  .build = "gcc",
                                  .backend = "cpu",
                                  .isa = rank % 2 ? "avx512" : "avx2",
                                  .processors = "0-1",
                                  .memory_nodes = "0",
                                  .grader = "",
                                  .topology = topologies[rank % 2]};
}

static inline enum assay_status fixture_append(struct assay_journal *journal,
                                               const struct assay_plan *plan, uint64_t index,
                                               struct assay_error *err)
{
    struct fixture_sample sample;
    fixture_fill(&sample, plan, index, 1);
    return assay_journal_append(journal, index, &sample.record, &sample.circumstances, err);
}

/* What a run would know; arrays live as long as this. */
struct fixture_facts {
    struct assay_run_facts facts;
    char ids[FIXTURE_ITEMS][32];
    const char *item_ids[FIXTURE_ITEMS], *topics[FIXTURE_ITEMS], *strata[FIXTURE_STRATA];
    uint32_t positions[FIXTURE_ITEMS], item_strata[FIXTURE_ITEMS], prompt_tokens[FIXTURE_ITEMS];
    struct assay_digest prompt_digests[FIXTURE_ITEMS];
};

static inline void fixture_facts(struct fixture_facts *out, const struct assay_plan *plan)
{
    for (uint32_t i = 0; i < FIXTURE_ITEMS; i++) {
        snprintf(out->ids[i], sizeof out->ids[i], "math/%u", i);
        out->item_ids[i] = out->ids[i];
        out->topics[i] = i == 0 ? "" : "Zahlen und Größen";
        out->positions[i] = plan->assignment ? plan->assignment->items[i] : i;
        out->item_strata[i] = i % FIXTURE_STRATA;
        out->prompt_tokens[i] = 10 + i;
        out->prompt_digests[i] = fixture_digest("prompt", i);
    }
    out->strata[0] = "easy";
    out->strata[1] = "hard";
    out->facts = (struct assay_run_facts){.plan = plan,
                                          .model_name = "tiny",
                                          .engine = "assay 0.1.0",
                                          .host = "node-1",
                                          .created_ns = UINT64_C(1700000000000000000),
                                          .item_ids = out->item_ids,
                                          .item_topics = out->topics,
                                          .item_clusters = out->topics,
                                          .item_positions = out->positions,
                                          .item_strata = out->item_strata,
                                          .item_prompt_tokens = out->prompt_tokens,
                                          .item_prompt_digests = out->prompt_digests,
                                          .stratum_names = out->strata,
                                          .stratum_count = FIXTURE_STRATA};
}

/* A whole journal of the plan at `path`, written by one rank. */
static inline enum assay_status fixture_journal(const char *path, const struct assay_plan *plan,
                                                struct assay_error *err)
{
    const struct assay_process process = fixture_process(0);
    const struct assay_journal_options options = {
        .sync_records = 1000, .sync_ns = UINT64_MAX, .process = &process};
    struct assay_journal_recovery recovery;
    struct assay_journal *journal;
    enum assay_status status = assay_journal_open(&journal, path, plan, &options, &recovery, err);
    if (status) return status;
    for (uint64_t i = 0; i < plan->sample_count && !status; i++) {
        status = fixture_append(journal, plan, plan->sample_count - 1 - i, err);
    }
    enum assay_status closed = assay_journal_close(journal, err);
    return status ? status : closed;
}

#endif
