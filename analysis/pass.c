/* pass@k. */
#include "assay/pass.h"

#include <math.h>

double assay_pass_of(uint64_t n, uint64_t c, uint64_t k)
{
    double none = 1;
    if (k == 0 || k > n || c > n) return NAN;
    if (n - c < k) return 1;
    /* C(n−c, k)/C(n, k) as a product of c factors: exact where it must be, and no overflow. */
    for (uint64_t i = n - c + 1; i <= n; i++) none *= 1 - (double)k / (double)i;
    return 1 - none;
}

static double pass_of_cell(const struct assay_scores *scores, uint64_t cell, uint64_t k)
{
    uint64_t begin = scores->cell_offset[cell], end = scores->cell_offset[cell + 1], passed = 0;
    for (uint64_t s = begin; s < end; s++) passed += scores->verdict[s] == ASSAY_VERDICT_CORRECT;
    return assay_pass_of(end - begin, passed, k);
}

struct assay_pass assay_pass_at(const struct assay_scores *scores, uint64_t k)
{
    struct assay_pass pass = {NAN, NAN, false};
    const uint32_t profiles = scores->profile_count;
    double sum = 0, squares = 0;
    for (uint32_t p = 0; p < profiles; p++) {
        if (k > 1 && scores->profile_draws[p] != ASSAY_DRAW_IID) pass.dependent = true;
    }
    if (pass.dependent || scores->item_count == 0) return pass;
    for (uint32_t i = 0; i < scores->item_count; i++) {
        double item = 0;
        for (uint32_t p = 0; p < profiles; p++) {
            item += pass_of_cell(scores, (uint64_t)i * profiles + p, k) / profiles;
        }
        sum += item;
        squares += item * item;
    }
    const double n = scores->item_count;
    pass.value = sum / n;
    if (scores->item_count < 2 || isnan(pass.value)) return pass;
    const double variance = (squares - sum * pass.value) / (n - 1);
    pass.se = sqrt((variance > 0 ? variance : 0) / n);
    return pass;
}
