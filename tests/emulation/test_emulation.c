/* The CUDA-shaped kernels against the judge, bit for bit, and the tests of the test: a fold in
 * another order, or cut short, gives other bits on this data. With the argument "race" a kernel
 * without its barrier runs, which the tsan preset expects the thread sanitizer to report. */
#include "backend/cases.h"
#include "emulation/kernels.h"

#include "base/exact.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 11, TOKENS = 2, COLUMNS_MAX = 288 };

struct product_fixture {
    struct assay_tensor tensor;
    float x[TOKENS * COLUMNS_MAX], wanted[TOKENS * ROWS];
};

/* A random tensor and activations, and the judge's product of them. */
static void product_init(struct product_fixture *fixture, struct cases *cases,
                         enum assay_dtype dtype, size_t columns, enum cases_kind kind)
{
    const struct assay_backend *ref = &assay_backend_ref;
    struct assay_team *team = cases_team(1);
    struct assay_matrix *matrix = NULL;
    fixture->tensor = cases_tensor(cases, CASES_PLAIN, dtype, ROWS, columns);
    cases_values(cases, kind, fixture->x, TOKENS * columns);
    CASES_OK(ref->matrix_create(team, &matrix, &fixture->tensor, NULL, err));
    struct assay_operand *operand = ref->operand_create(TOKENS, columns);
    assert_non_null(operand);
    ref->operand_set(team, operand, fixture->x, TOKENS, columns, dtype == ASSAY_DTYPE_Q4_1);
    ref->products(team, &(struct assay_product){matrix, fixture->wanted}, 1, operand);
    ref->operand_destroy(operand);
    ref->matrix_destroy(matrix);
    assay_team_close(team);
}

static void product_run(const struct product_fixture *fixture, enum emulated_fault fault, float *y)
{
    const struct assay_tensor *tensor = &fixture->tensor;
    if (tensor->dtype == ASSAY_DTYPE_F16) {
        emulated_product_f16(tensor->data, ROWS, tensor->columns, fixture->x, TOKENS, y, fault);
        return;
    }
    struct emulated_block blocks[TOKENS * COLUMNS_MAX / 32];
    emulated_quantise(fixture->x, TOKENS * tensor->columns, blocks);
    emulated_product_q4_1(tensor->data, ROWS, tensor->columns, blocks, TOKENS, y, fault);
}

static void products_equal_ref(void **state)
{
    static const struct {
        enum assay_dtype dtype;
        size_t columns;
        enum cases_kind kind;
    } rows[] = {
        {ASSAY_DTYPE_Q4_1, 32, CASES_PLAIN},   {ASSAY_DTYPE_Q4_1, 96, CASES_EXTREME},
        {ASSAY_DTYPE_Q4_1, 288, CASES_PLAIN},  {ASSAY_DTYPE_Q4_1, 288, CASES_EXTREME},
        {ASSAY_DTYPE_F16, 5, CASES_PLAIN},     {ASSAY_DTYPE_F16, 100, CASES_PLAIN},
        {ASSAY_DTYPE_F16, 100, CASES_EXTREME},
    };
    struct cases cases = {11};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct product_fixture fixture;
        float y[TOKENS * ROWS];
        product_init(&fixture, &cases, rows[i].dtype, rows[i].columns, rows[i].kind);
        product_run(&fixture, FAULT_NONE, y);
        cases_equal(assay_dtype_name(rows[i].dtype), y, fixture.wanted, TOKENS * ROWS);
        cases_tensor_free(&fixture.tensor);
    }
}

static void other_folds_show(void **state)
{
    static const enum assay_dtype dtypes[] = {ASSAY_DTYPE_Q4_1, ASSAY_DTYPE_F16};
    struct cases cases = {12};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct product_fixture fixture;
        float y[TOKENS * ROWS];
        product_init(&fixture, &cases, dtypes[i / 2], 288, CASES_PLAIN);
        product_run(&fixture, i % 2 == 0 ? FAULT_FOLD_ORDER : FAULT_FOLD_MISSING, y);
        assert_memory_not_equal(y, fixture.wanted, sizeof y);
        cases_tensor_free(&fixture.tensor);
    }
}

static void attention_equals_ref(void **state)
{
    enum { HEADS = 2, DIM_MAX = 40, PAGES = 3 };
    static const struct {
        uint32_t dim, position;
    } rows[] = {{20, 0}, {16, 63}, {40, 64}, {7, 130}};
    const struct assay_backend *ref = &assay_backend_ref;
    struct assay_team *team = cases_team(1);
    struct cases cases = {13};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct assay_kv_view view = {1, 1, rows[i].dim, 0, 0, false};
        float q[HEADS * DIM_MAX], wanted[HEADS * DIM_MAX], y[HEADS * DIM_MAX];
        uint16_t *pages[PAGES];
        const uint16_t *keys[PAGES], *values[PAGES];
        for (uint32_t c = 0; c < PAGES; c++) {
            uint32_t count = rows[i].position + 1 < c * ASSAY_CHUNK
                                 ? 0
                                 : (rows[i].position + 1 - c * ASSAY_CHUNK) * view.head_dim;
            size_t halves = assay_kv_page_bytes(&view) / 2;
            pages[c] = cases_memory(halves * 2);
            for (size_t k = 0; k < halves; k++) { /* NaN where the row must not look */
                bool seen = k % (halves / 2) < count;
                pages[c][k] = seen ? assay_to_f16(cases_value(&cases) * 2.0f) : 0x7e00;
            }
            keys[c] = pages[c] + assay_kv_offset(&view, 0, 0, 0);
            values[c] = pages[c] + assay_kv_offset(&view, 1, 0, 0);
        }
        cases_values(&cases, CASES_PLAIN, q, (size_t)HEADS * view.head_dim);
        const struct assay_row_place place = {rows[i].position, pages};
        ref->attend(team, &view, q, HEADS, 1, &place, wanted);
        emulated_attend(q, HEADS, view.head_dim, rows[i].position, keys, values, y);
        cases_equal("attend", y, wanted, (size_t)HEADS * view.head_dim);
        for (uint32_t c = 0; c < PAGES; c++) free(pages[c]);
    }
    assay_team_close(team);
}

static void race(void **state)
{
    struct cases cases = {14};
    struct product_fixture fixture;
    float y[TOKENS * ROWS];
    (void)state;
    product_init(&fixture, &cases, ASSAY_DTYPE_F16, 288, CASES_PLAIN);
    product_run(&fixture, FAULT_NO_BARRIER, y);
    cases_tensor_free(&fixture.tensor);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_equal_ref),
        cmocka_unit_test(other_folds_show),
        cmocka_unit_test(attention_equals_ref),
    };
    const struct CMUnitTest faulty[] = {cmocka_unit_test(race)};
    if (argc == 2 && strcmp(argv[1], "race") == 0) {
        return cmocka_run_group_tests(faulty, NULL, NULL);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
