#include "backend/cases.h"

#include "base/bytes.h"
#include "base/exact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t cases_word(struct cases *cases)
{
    uint64_t x = cases->state == 0 ? 88172645463325252u : cases->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    cases->state = x;
    return x * 2685821657736338717u;
}

uint32_t cases_below(struct cases *cases, uint32_t count)
{
    return (uint32_t)((cases_word(cases) >> 32) % count);
}

float cases_value(struct cases *cases)
{
    float sum = 0;
    for (int i = 0; i < 4; i++) sum += (float)(cases_word(cases) >> 40) * 0x1p-24f - 0.5f;
    return sum * 1.7320508f;
}

static float with_random_bits(struct cases *cases, uint32_t exponent)
{
    uint32_t bits = (uint32_t)(cases_word(cases) >> 32);
    return assay_float((bits & 0x807fffffu) | exponent << 23);
}

static float extreme_value(struct cases *cases, uint32_t kind)
{
    switch (kind) {
    case 0:
        return 0.0f;
    case 1:
        return -0.0f;
    case 2:
        return with_random_bits(cases, 0); /* subnormal */
    case 3:
        return with_random_bits(cases, 22 + cases_below(cases, 5)); /* just below 2^-100 */
    case 4:
        return with_random_bits(cases, 240 + cases_below(cases, 15)); /* huge */
    case 5:
        return cases_below(cases, 2) ? 2.5f : -2.5f; /* all ±127 */
    case 6:
        return with_random_bits(cases, 100 + cases_below(cases, 40)); /* wide range */
    case 7:
        return with_random_bits(cases, 24 + cases_below(cases, 4)); /* just above */
    default:
        return cases_value(cases);
    }
}

void cases_values(struct cases *cases, enum cases_kind kind, float *x, size_t count)
{
    uint32_t block_kind = 99;
    for (size_t i = 0; i < count; i++) {
        if (kind == CASES_EXTREME && i % 32 == 0) block_kind = cases_below(cases, 14);
        x[i] = kind == CASES_EXTREME ? extreme_value(cases, block_kind) : cases_value(cases);
        if (block_kind == 9 && i % 32 == 17 && cases_below(cases, 8) == 0) x[i] = INFINITY;
        if (block_kind == 10 && i % 32 == 31 && cases_below(cases, 8) == 0) {
            x[i] = assay_float(0xffc12345u);
        }
        if (block_kind == 11 && i % 32 == 3) x[i] = 1e6f;
    }
}

static uint16_t scale(struct cases *cases, enum cases_kind kind)
{
    static const uint16_t extreme[] = {0, 0x8000, 1, 0x8123, 0x3ff, 0x7bff, 0xfbff, 0x0400};
    if (kind == CASES_EXTREME && cases_below(cases, 2) == 0) {
        if (cases_below(cases, 200) == 0) return cases_below(cases, 2) ? 0x7c00 : 0x7e01;
        return extreme[cases_below(cases, sizeof extreme / sizeof extreme[0])];
    }
    return assay_to_f16(cases_value(cases) * 0.01f);
}

/* Where a block's f16 scales stand: its first bytes, but Q6_K's last. */
static size_t scale_count(enum assay_dtype dtype)
{
    return dtype == ASSAY_DTYPE_Q4_1 || dtype == ASSAY_DTYPE_Q5_1 || dtype == ASSAY_DTYPE_Q4_K ||
                   dtype == ASSAY_DTYPE_Q5_K
               ? 2
               : 1;
}

void cases_scales(enum assay_dtype dtype, uint8_t *block, const uint16_t scales[2])
{
    uint8_t *at = dtype == ASSAY_DTYPE_Q6_K ? block + 208 : block;
    for (size_t i = 0; i < scale_count(dtype); i++) assay_put_le16(at + 2 * i, scales[i]);
}

static void fill_block(struct cases *cases, enum cases_kind kind, enum assay_dtype dtype,
                       uint8_t *block)
{
    if (dtype == ASSAY_DTYPE_F32 || dtype == ASSAY_DTYPE_BF16) {
        float value;
        cases_values(cases, CASES_PLAIN, &value, 1);
        if (kind == CASES_EXTREME) value = extreme_value(cases, cases_below(cases, 9));
        if (dtype == ASSAY_DTYPE_F32) assay_put_le32(block, assay_bits(value));
        if (dtype == ASSAY_DTYPE_BF16) assay_put_le16(block, (uint16_t)(assay_bits(value) >> 16));
        return;
    }
    if (dtype == ASSAY_DTYPE_F16) {
        assay_put_le16(block, scale(cases, kind));
        return;
    }
    uint32_t pattern = kind == CASES_EXTREME ? cases_below(cases, 4) : 3;
    for (size_t i = 0; i < assay_dtype_block_bytes(dtype); i++) {
        uint8_t random = (uint8_t)(cases_word(cases) >> 32);
        block[i] = pattern == 0 ? 0xff : pattern == 1 ? 0x80 : pattern == 2 ? 0x00 : random;
    }
    const uint16_t scales[2] = {scale(cases, kind), scale(cases, kind)};
    cases_scales(dtype, block, scales);
}

struct assay_tensor cases_tensor(struct cases *cases, enum cases_kind kind, enum assay_dtype dtype,
                                 size_t rows, size_t columns)
{
    struct assay_tensor tensor = {.name = "case", .dtype = dtype, .rows = rows, .columns = columns};
    size_t block = assay_dtype_block_bytes(dtype);
    size_t blocks = columns / assay_dtype_block_elements(dtype);
    tensor.row_bytes = blocks * block;
    /* One byte in, so that no address is aligned: the contract promises none. */
    uint8_t *data = (uint8_t *)cases_memory(rows * tensor.row_bytes + 1) + 1;
    for (size_t i = 0; i < rows * blocks; i++) fill_block(cases, kind, dtype, data + i * block);
    tensor.data = data;
    return tensor;
}

void cases_tensor_free(struct assay_tensor *tensor)
{
    void *memory;
    const uint8_t *start = tensor->data - 1;
    memcpy(&memory, &start, sizeof memory);
    free(memory);
    tensor->data = NULL;
}

void cases_equal(const char *what, const float *got, const float *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (assay_bits(got[i]) == assay_bits(wanted[i])) continue;
        if (got[i] != got[i] && wanted[i] != wanted[i]) continue;
        fail_msg("%s: value %zu of %zu is %a, must be %a", what, i, count, (double)got[i],
                 (double)wanted[i]);
    }
}

void *cases_memory(size_t bytes)
{
    void *memory = malloc(bytes > 0 ? bytes : 1);
    assert_non_null(memory);
    return memory;
}

struct assay_team *cases_team(unsigned threads)
{
    struct assay_team *team;
    struct assay_error err = {0};
    if (assay_team_open(&team, threads, NULL, &err) != ASSAY_OK) fail_msg("%s", err.text);
    return team;
}

struct prepared {
    const struct cases_row *row;
    const struct assay_backend *cpu;
};

static void run_prepared(void **state)
{
    const struct prepared *prepared = *state;
    const char *missing = prepared->cpu->missing();
    if (missing != NULL) {
        print_message("SKIP %s on %s: this machine %s\n", prepared->row->name, prepared->cpu->isa,
                      missing);
        skip();
    }
    prepared->row->run(prepared->cpu);
}

int cases_main(const char *group, const struct cases_row *rows, size_t count)
{
    enum { TESTS_MAX = 64, NAME_BYTES = 64 };
    static struct prepared prepared[TESTS_MAX];
    static struct CMUnitTest tests[TESTS_MAX];
    static char names[TESTS_MAX][NAME_BYTES];
    size_t used = 0;
    const struct assay_backend *backend;
    for (unsigned b = 0; (backend = assay_backend_at(b)) != NULL; b++) {
        if (backend == &assay_backend_ref) continue;
        for (size_t i = 0; i < count && used < TESTS_MAX; i++, used++) {
            (void)snprintf(names[used], NAME_BYTES, "%s: %s", backend->isa, rows[i].name);
            prepared[used] = (struct prepared){&rows[i], backend};
            tests[used] =
                (struct CMUnitTest){names[used], run_prepared, NULL, NULL, &prepared[used]};
        }
    }
    return _cmocka_run_group_tests(group, tests, used, NULL, NULL);
}
