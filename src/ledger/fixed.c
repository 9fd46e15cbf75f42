/* exp, square root, quotient and median of the network's consensus (FORMAT.md 20). */
#include "ledger/fixed.h"

#include "base/assert.h"

enum { EXP_BITS = 32 };

/* floor(2^64·2^(−2^−i)), i = 1 … 32. */
static const uint64_t roots_of_half[EXP_BITS] = {
    UINT64_C(0xb504f333f9de6484), UINT64_C(0xd744fccad69d6af4), UINT64_C(0xeac0c6e7dd24392e),
    UINT64_C(0xf5257d152486cc2c), UINT64_C(0xfa83b2db722a033a), UINT64_C(0xfd3e0c0cf486c174),
    UINT64_C(0xfe9e115c7b8f884b), UINT64_C(0xff4ecb59511ec8a5), UINT64_C(0xffa756521c8daed1),
    UINT64_C(0xffd3a751c0f7e10b), UINT64_C(0xffe9d2b2f7db2755), UINT64_C(0xfff4e91bff1b8c3d),
    UINT64_C(0xfffa747ea0040664), UINT64_C(0xfffd3a3b7814eb53), UINT64_C(0xfffe9d1cc60ddab1),
    UINT64_C(0xffff4e8e25879bfa), UINT64_C(0xffffa7470363f451), UINT64_C(0xffffd3a37dda0313),
    UINT64_C(0xffffe9d1bdf703ae), UINT64_C(0xfffff4e8debe025e), UINT64_C(0xfffffa746f4fa150),
    UINT64_C(0xfffffd3a37a3f8b0), UINT64_C(0xfffffe9d1bd1065a), UINT64_C(0xffffff4e8de845ad),
    UINT64_C(0xffffffa746f41376), UINT64_C(0xffffffd3a37a05e3), UINT64_C(0xffffffe9d1bd01fb),
    UINT64_C(0xfffffff4e8de80c0), UINT64_C(0xfffffffa746f4050), UINT64_C(0xfffffffd3a37a024),
    UINT64_C(0xfffffffe9d1bd011), UINT64_C(0xffffffff4e8de808),
};

static uint64_t high_product(uint64_t a, uint64_t b)
{
    return (uint64_t)((assay_u128)a * b >> 64);
}

/* exp(−x) = 2^−(k + f): the integer part is a shift; the first 32 bits of the fraction are factors
 * from the table, the other 32 are so small that 1 − d·ln 2 is exact enough. */
uint64_t assay_fixed_exp_minus(uint64_t x)
{
    if (x >= 23 * ASSAY_FIXED_ONE) return 0;
    assay_u128 y = ((assay_u128)x << 32) + ((assay_u128)x * UINT64_C(0x71547652b82fe177) >> 32);
    unsigned k = (unsigned)(y >> 64);
    uint64_t fraction = (uint64_t)y;
    uint64_t r = UINT64_C(1) << 63;
    for (unsigned i = 0; i < EXP_BITS; i++) {
        if (fraction >> (63 - i) & 1) r = high_product(r, roots_of_half[i]);
    }
    uint64_t rest = fraction & 0xffffffffu;
    r -= high_product(r, high_product(rest, UINT64_C(0xb17217f7d1cf79ac)));

    unsigned shift = 31 + k; /* ≤ 64 */
    assay_u128 unit = (assay_u128)1 << shift;
    assay_u128 twice_left = 2 * ((assay_u128)r & (unit - 1));
    uint64_t result = (uint64_t)((assay_u128)r >> shift);
    if (twice_left > unit || (twice_left == unit && (result & 1))) result++;
    return result;
}

/* Bit by bit from the top: the same in every language. */
uint64_t assay_isqrt(assay_u128 v)
{
    uint64_t root = 0;
    for (int bit = 63; bit >= 0; bit--) {
        uint64_t larger = root | UINT64_C(1) << bit;
        if ((assay_u128)larger * larger <= v) root = larger;
    }
    return root;
}

uint64_t assay_muldiv(uint64_t a, uint64_t b, uint64_t c)
{
    ASSAY_ASSERT(c > 0);
    assay_u128 quotient = (assay_u128)a * b / c;
    ASSAY_ASSERT(quotient <= UINT64_MAX);
    return (uint64_t)quotient;
}

uint64_t assay_add_capped(uint64_t a, uint64_t b)
{
    return a > INT64_MAX || b > INT64_MAX - a ? INT64_MAX : a + b;
}

static int before(const struct assay_ranked *a, const struct assay_ranked *b)
{
    return a->value != b->value ? a->value < b->value : a->rank < b->rank;
}

/* Heap sort: no comparison function of the C library, whose order of equal elements is free. */
static void sift_down(struct assay_ranked *heap, size_t at, size_t count)
{
    while (2 * at + 1 < count) {
        size_t child = 2 * at + 1;
        if (child + 1 < count && before(&heap[child], &heap[child + 1])) child++;
        if (!before(&heap[at], &heap[child])) return;
        struct assay_ranked swapped = heap[at];
        heap[at] = heap[child];
        heap[child] = swapped;
        at = child;
    }
}

uint64_t assay_median(struct assay_ranked *values, size_t count)
{
    ASSAY_ASSERT(count > 0);
    for (size_t i = count / 2; i > 0; i--) sift_down(values, i - 1, count);
    for (size_t end = count; end > 1; end--) {
        struct assay_ranked largest = values[0];
        values[0] = values[end - 1];
        values[end - 1] = largest;
        sift_down(values, 0, end - 1);
    }
    uint64_t high = values[count / 2].value;
    if (count % 2 == 1) return high;
    uint64_t low = values[count / 2 - 1].value;
    return low + (high - low) / 2;
}
