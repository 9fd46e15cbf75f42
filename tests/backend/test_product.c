/* Matrix products: cpu against the judge, every dtype, odd shapes, nasty values, any batch and any
 * team. The judge computes the largest batch once; a smaller batch must give the same rows, so the
 * comparison covers batch invariance too. */
#include "backend/cases.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROWS_MAX = 49, BATCH_MAX = 64, COLUMNS_MAX = 1536 };

struct product_case {
    enum assay_dtype dtype;
    size_t rows, columns;
    enum cases_kind kind;
};

static void product(const struct assay_backend *backend, struct assay_team *team,
                    const struct assay_tensor *tensor, const float *x, size_t batch, float *y)
{
    struct assay_matrix *matrix = NULL;
    CASES_OK(backend->matrix_create(&matrix, tensor, err));
    struct assay_operand *operand = backend->operand_create(batch, tensor->columns);
    assert_non_null(operand);
    backend->operand_set(team, operand, x, batch, tensor->columns,
                         assay_dtype_block_elements(tensor->dtype) > 1);
    backend->product(team, matrix, operand, y);
    backend->operand_destroy(operand);
    backend->matrix_destroy(matrix);
}

static void check(struct cases *cases, const struct product_case *row,
                  const struct assay_backend *cpu, struct assay_team *const teams[3])
{
    static const size_t batches[] = {1, 2, 3, 4, 5, 8, 17, 64};
    static float x[BATCH_MAX * COLUMNS_MAX], wanted[BATCH_MAX * ROWS_MAX], y[BATCH_MAX * ROWS_MAX];
    char what[128];
    struct assay_tensor tensor =
        cases_tensor(cases, row->kind, row->dtype, row->rows, row->columns);
    cases_values(cases, row->kind, x, BATCH_MAX * row->columns);
    product(&assay_backend_ref, teams[1], &tensor, x, BATCH_MAX, wanted);
    for (size_t b = 0; b < sizeof batches / sizeof batches[0]; b++) {
        const size_t thread_count = b % 3 + 1;
        (void)snprintf(what, sizeof what, "%s %zux%zu kind %d batch %zu threads %zu",
                       assay_dtype_name(row->dtype), row->rows, row->columns, (int)row->kind,
                       batches[b], thread_count);
        product(cpu, teams[thread_count - 1], &tensor, x, batches[b], y);
        cases_equal(what, y, wanted, batches[b] * row->rows);
        /* Any row as a batch of its own. */
        size_t alone = cases_below(cases, BATCH_MAX);
        product(cpu, teams[0], &tensor, x + alone * row->columns, 1, y);
        cases_equal(what, y, wanted + alone * row->rows, row->rows);
        product(&assay_backend_ref, teams[0], &tensor, x + alone * row->columns, 1, y);
        cases_equal(what, y, wanted + alone * row->rows, row->rows);
    }
    cases_tensor_free(&tensor);
}

static void cpu_equals_ref(void **state)
{
    static const size_t rows[] = {1, 7, 8, 9, 49};
    static const size_t quantised[] = {32, 64, 96, 576, 1536}, plain[] = {1, 7, 33, 64, 576};
    const struct assay_backend *cpu = cases_cpu();
    struct cases cases = {1};
    struct assay_team *teams[3];
    (void)state;
    for (unsigned t = 0; t < 3; t++) teams[t] = cases_team(t + 1);
    for (unsigned dtype = 0; dtype < ASSAY_DTYPE_COUNT; dtype++) {
        const size_t *columns = assay_dtype_block_elements(dtype) > 1 ? quantised : plain;
        for (size_t i = 0; i < 50; i++) {
            struct product_case row = {dtype, rows[i % 5], columns[i / 5 % 5],
                                       i < 25 ? CASES_PLAIN : CASES_EXTREME};
            check(&cases, &row, cpu, teams);
        }
    }
    for (unsigned t = 0; t < 3; t++) assay_team_close(teams[t]);
}

/* The largest integers that the kernels can meet: every product of a block has its largest value.
 */
static void largest_integers(void **state)
{
    static const struct {
        enum assay_dtype dtype;
        uint8_t scale_byte, weight;
        float x, wanted; /* of 2 blocks, scale 1 (and minimum 1) */
    } rows[] = {
        {ASSAY_DTYPE_Q4_1, 0x3c, 0xff, 127.0f, 64 * 127.0f * 16},
        {ASSAY_DTYPE_Q4_1, 0x3c, 0xff, -127.0f, 64 * -127.0f * 16},
        {ASSAY_DTYPE_Q4_0, 0x3c, 0xff, 127.0f, 64 * 127.0f * 7},
        {ASSAY_DTYPE_Q4_0, 0x3c, 0x00, 127.0f, 64 * 127.0f * -8},
        {ASSAY_DTYPE_Q4_0, 0x3c, 0x00, -127.0f, 64 * -127.0f * -8},
        {ASSAY_DTYPE_Q8_0, 0x3c, 0x80, 127.0f, 64 * 127.0f * -128},
        {ASSAY_DTYPE_Q8_0, 0x3c, 0x80, -127.0f, 64 * -127.0f * -128},
        {ASSAY_DTYPE_Q8_0, 0x3c, 0x7f, -127.0f, 64 * -127.0f * 127},
    };
    const struct assay_backend *backends[] = {&assay_backend_ref, cases_cpu()};
    struct assay_team *team = cases_team(1);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t data[2 * 34];
        float x[64], y;
        size_t bytes = assay_dtype_block_bytes(rows[i].dtype);
        for (size_t k = 0; k < 64; k++) x[k] = rows[i].x;
        for (size_t k = 0; k < 2 * bytes; k++) {
            size_t in = k % bytes, head = rows[i].dtype == ASSAY_DTYPE_Q4_1 ? 4 : 2;
            data[k] = in >= head ? rows[i].weight : in % 2 == 1 ? rows[i].scale_byte : 0;
        }
        struct assay_tensor tensor = {"largest", rows[i].dtype, 1, 64, 2 * bytes, data};
        for (size_t b = 0; b < 2; b++) {
            product(backends[b], team, &tensor, x, 1, &y);
            cases_equal("largest", &y, &rows[i].wanted, 1);
        }
    }
    assay_team_close(team);
}

static void refuses_ragged_blocks(void **state)
{
    const struct assay_backend *backends[] = {&assay_backend_ref, cases_cpu()};
    struct assay_tensor tensor = {"blk.0.attn_q.weight", ASSAY_DTYPE_Q4_1, 2, 33, 20, NULL};
    (void)state;
    for (size_t b = 0; b < 2; b++) {
        struct assay_matrix *matrix = NULL;
        struct assay_error err = {0};
        assert_int_equal(backends[b]->matrix_create(&matrix, &tensor, &err), ASSAY_EUNSUPPORTED);
        assert_string_equal(err.text,
                            "tensor blk.0.attn_q.weight: 33 columns are no multiple of 32");
        assert_null(matrix);
    }
}

static void embedding_rows(void **state)
{
    const uint32_t tokens[] = {6, 0, 6, 3};
    float y[4 * 96], wanted[4 * 96];
    const struct assay_backend *cpu = cases_cpu();
    struct assay_team *team = cases_team(3);
    struct cases cases = {2};
    (void)state;
    for (unsigned dtype = 0; dtype < ASSAY_DTYPE_COUNT; dtype++) {
        struct assay_tensor tensor = cases_tensor(&cases, CASES_EXTREME, dtype, 7, 96);
        assay_backend_ref.embed(team, &tensor, tokens, 4, wanted);
        cpu->embed(team, &tensor, tokens, 4, y);
        cases_equal("embedding", y, wanted, 4 * 96);
        cases_equal("the same token", wanted, wanted + (size_t)2 * 96, 96);
        cases_tensor_free(&tensor);
    }
    assay_team_close(team);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_equals_ref),
        cmocka_unit_test(largest_integers),
        cmocka_unit_test(refuses_ragged_blocks),
        cmocka_unit_test(embedding_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
