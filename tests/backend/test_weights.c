/* The sampler's sweeps: cpu against the judge on random rows, with masked, infinite and NaN logits.
 */
#include "backend/cases.h"

#include "base/exact.h"

#include <string.h>

enum { VOCAB_MAX = 49152 + 5 };

static float logits[VOCAB_MAX];

static void check(const struct assay_backend *cpu, size_t vocab, float inv_t)
{
    static uint64_t sums[2][VOCAB_MAX / ASSAY_WEIGHT_BLOCK + 1];
    size_t blocks = (vocab + ASSAY_WEIGHT_BLOCK - 1) / ASSAY_WEIGHT_BLOCK;
    bool finite[2];
    float max = assay_backend_ref.logit_max(logits, vocab, &finite[0]);
    float cpu_max = cpu->logit_max(logits, vocab, &finite[1]);
    assert_int_equal(finite[0], finite[1]);
    if (finite[0]) {
        cases_equal("max", &cpu_max, &max, 1);
    } else {
        max = 3.0f;
    }
    memset(sums, 0xee, sizeof sums);
    uint64_t total = assay_backend_ref.weight_sums(logits, vocab, max, inv_t, sums[0]);
    assert_int_equal(cpu->weight_sums(logits, vocab, max, inv_t, sums[1]), total);
    assert_memory_equal(sums[0], sums[1], blocks * sizeof sums[0][0]);
    uint64_t sum = 0;
    for (size_t b = 0; b < blocks; b++) sum += sums[1][b];
    assert_int_equal(sum, total);
    if (finite[0]) assert_true(total >= (uint64_t)1 << 40); /* the largest logit weighs 2^40 */
}

static void equals_ref(const struct assay_backend *cpu)
{
    static const size_t vocabs[] = {1, 7, 8, 31, 32, 33, 255, 256, 257, 511, 1000, VOCAB_MAX};
    static const float temperatures[] = {1000.0f, 800.0f, 1.0f, 300.0f, 2000.0f};
    struct cases cases = {7};
    for (size_t i = 0; i < 12 * sizeof vocabs / sizeof vocabs[0]; i++) {
        size_t vocab = vocabs[i / 12];
        for (size_t k = 0; k < vocab; k++) {
            logits[k] = cases_value(&cases) * 5.0f;
            if (i % 4 == 1 && cases_below(&cases, 3) == 0) logits[k] = -INFINITY;
            if (i % 4 == 2) logits[k] *= 100.0f;
            if (i % 12 == 3) logits[k] = cases_below(&cases, 2) ? -0.0f : 0.0f;
        }
        size_t at = cases_below(&cases, (uint32_t)vocab);
        if (i % 12 == 7) logits[at] = INFINITY;
        if (i % 12 == 8) logits[at] = assay_float(0x7fc00001u);
        if (i % 12 == 11) {
            for (size_t k = 0; k < vocab; k++) logits[k] = -INFINITY;
        }
        check(cpu, vocab, 1000.0f / temperatures[i % 5]);
    }
}

static void maximum(const struct assay_backend *cpu)
{
    static const struct {
        float logits[4];
        bool finite;
        float max;
    } rows[] = {
        {{1, 2, -3, 0.5f}, true, 2},
        {{-INFINITY, -7, -INFINITY, -9}, true, -7},
        {{-0.0f, -0.0f, -1, -0.0f}, true, 0.0f},
        {{-INFINITY, -INFINITY, -INFINITY, -INFINITY}, false, 0},
        {{1, INFINITY, 2, 3}, false, 0},
        {{1, NAN, 2, 3}, false, 0},
        {{NAN, NAN, NAN, NAN}, false, 0},
        {{3, 2, 1, NAN}, false, 0},
    };
    const struct assay_backend *backends[] = {&assay_backend_ref, cpu};
    for (size_t i = 0; i < 4 * sizeof rows / sizeof rows[0]; i++) {
        const struct assay_backend *backend = backends[i % 2];
        bool finite, wide = i / 2 % 2 == 1;
        float row[36];
        for (size_t k = 0; k < 36; k++) row[k] = rows[i / 4].logits[k % 4];
        float max = backend->logit_max(row, wide ? 36 : 4, &finite);
        assert_int_equal(finite, rows[i / 4].finite);
        if (finite) assert_int_equal(assay_bits(max), assay_bits(rows[i / 4].max));
    }
}

int main(void)
{
    static const struct cases_row rows[] = {
        {"equals ref", equals_ref},
        {"maximum", maximum},
    };
    return cases_main("weights", rows, sizeof rows / sizeof rows[0]);
}
