/* What model.py asks, a question a line on standard input; an answer a line.
 *   exp X · root HIGH LOW · median N V… · reputation R HIT · quality R DELAY GAMMA
 *   settle SIGMA_MILLI POOL N SUM COUNT SUM COUNT …
 *   assign SEED_BYTE REPLICAS STRATA N ORGANISATION… ITEMS STRATUM…
 *   select SITES_MAX GAMMA LAMBDA N (REPUTATION DELAY ORGANISATION COUNTRY ARCH ENGINE)… */
#include "ledger/paper.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS_MAX = 1024, SITES_MAX = 64 };

static void answer_settle(const uint64_t *numbers)
{
    static struct assay_weighed sites[NUMBERS_MAX];
    struct assay_weights weights;
    size_t count = (size_t)numbers[2];
    for (size_t i = 0; i < count; i++) {
        sites[i] = (struct assay_weighed){.sum = numbers[3 + 2 * i], .n = numbers[4 + 2 * i]};
    }
    assay_paper_weigh(sites, count, (uint32_t)numbers[0], &weights);
    assay_paper_pay(sites, count, numbers[1], &weights);
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
           weights.median, weights.mad, weights.sigma, weights.weight_sum, weights.consensus,
           weights.paid, weights.remainder);
    for (size_t i = 0; i < count; i++) {
        printf(" %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d", sites[i].score,
               sites[i].deviation, sites[i].weight, sites[i].pay, sites[i].hit);
    }
    printf("\n");
}

static void answer_median(const uint64_t *numbers)
{
    struct assay_ranked ranked[NUMBERS_MAX];
    for (size_t i = 0; i < numbers[0]; i++) {
        ranked[i] = (struct assay_ranked){numbers[1 + i], (uint32_t)i};
    }
    printf("%" PRIu64 "\n", assay_median(ranked, (size_t)numbers[0]));
}

/* The sites of each item, in order of items. */
static void answer_assign(const uint64_t *numbers)
{
    static uint8_t strata[NUMBERS_MAX], bitmaps[SITES_MAX * NUMBERS_MAX / 8];
    uint32_t organisations[SITES_MAX], counts[SITES_MAX];
    size_t sites = (size_t)numbers[3], stride = NUMBERS_MAX / 8;
    const uint64_t *rest = numbers + 4 + sites;
    for (size_t i = 0; i < sites; i++) organisations[i] = (uint32_t)numbers[4 + i];
    for (size_t i = 0; i < rest[0]; i++) strata[i] = (uint8_t)rest[1 + i];
    struct assay_assign of = {.strata = strata,
                              .items = (uint32_t)rest[0],
                              .strata_count = (uint32_t)numbers[2],
                              .replicas = (uint32_t)numbers[1],
                              .organisations = organisations,
                              .sites = (uint32_t)sites};
    memset(of.seed.bytes, (int)numbers[0], sizeof of.seed.bytes);
    memset(bitmaps, 0, sizeof bitmaps);
    if (!assay_paper_assign(&of, bitmaps, stride, counts)) exit(3);
    for (size_t item = 0; item < of.items; item++) {
        for (size_t i = 0; i < sites; i++) {
            if (bitmaps[i * stride + item / 8] >> item % 8 & 1) printf("%zu ", i);
        }
    }
    printf("\n");
}

static void answer_select(const uint64_t *numbers)
{
    static struct assay_candidate candidates[NUMBERS_MAX];
    size_t count = (size_t)numbers[3];
    for (size_t i = 0; i < count; i++) {
        const uint64_t *of = numbers + 4 + 6 * i;
        candidates[i] = (struct assay_candidate){.reputation = of[0],
                                                 .delay = of[1],
                                                 .organisation = (uint32_t)of[2],
                                                 .country = (uint32_t)of[3],
                                                 .arch = (uint32_t)of[4],
                                                 .engine = (uint32_t)of[5]};
    }
    (void)assay_paper_select(candidates, count, (size_t)numbers[0], (uint32_t)numbers[1],
                             (uint32_t)numbers[2]);
    for (size_t i = 0; i < count; i++) {
        if (candidates[i].chosen) printf("%zu ", i);
    }
    printf("\n");
}

static void answer(const char *verb, const uint64_t *numbers)
{
    if (strcmp(verb, "exp") == 0) {
        printf("%" PRIu64 "\n", assay_fixed_exp_minus(numbers[0]));
    } else if (strcmp(verb, "root") == 0) {
        printf("%" PRIu64 "\n", assay_isqrt((assay_u128)numbers[0] << 64 | numbers[1]));
    } else if (strcmp(verb, "median") == 0) {
        answer_median(numbers);
    } else if (strcmp(verb, "reputation") == 0) {
        printf("%" PRIu64 "\n", assay_paper_reputation(numbers[0], numbers[1] != 0));
    } else if (strcmp(verb, "quality") == 0) {
        printf("%" PRIu64 "\n", assay_paper_quality(numbers[0], numbers[1], (uint32_t)numbers[2]));
    } else if (strcmp(verb, "settle") == 0) {
        answer_settle(numbers);
    } else if (strcmp(verb, "assign") == 0) {
        answer_assign(numbers);
    } else if (strcmp(verb, "select") == 0) {
        answer_select(numbers);
    } else {
        exit(2);
    }
}

int main(void)
{
    static char line[16384];
    while (fgets(line, sizeof line, stdin)) {
        uint64_t numbers[NUMBERS_MAX] = {0};
        size_t verb_length = strcspn(line, " \n");
        char *at = line + verb_length + (line[verb_length] == ' ');
        line[verb_length] = '\0';
        for (size_t count = 0; *at && *at != '\n' && count < NUMBERS_MAX; count++) {
            numbers[count] = strtoull(at, &at, 10);
        }
        answer(line, numbers);
    }
    return ferror(stdin) || fflush(stdout) ? 1 : 0;
}
