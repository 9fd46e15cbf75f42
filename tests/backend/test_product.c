/* Matrix products: cpu against the judge, every dtype, odd shapes, nasty values, any batch and any
 * team. The judge computes the largest batch once; a smaller batch must give the same rows, so the
 * comparison covers batch invariance too. */
#include "backend/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 49, BATCH_MAX = 70, COLUMNS_MAX = 1536 };

struct product_case {
    enum assay_dtype dtype;
    size_t rows, columns;
    enum cases_kind kind;
};

static void product(const struct assay_backend *backend, struct assay_team *team,
                    const struct assay_tensor *tensor, const float *x, size_t batch, float *y)
{
    struct assay_matrix *matrix = NULL;
    CASES_OK(backend->matrix_create(team, &matrix, tensor, NULL, err));
    struct assay_operand *operand = backend->operand_create(batch, tensor->columns);
    assert_non_null(operand);
    backend->operand_set(team, operand, x, batch, tensor->columns,
                         assay_dtype_block_elements(tensor->dtype) > 1);
    backend->products(team, &(struct assay_product){matrix, y}, 1, operand);
    backend->operand_destroy(operand);
    backend->matrix_destroy(matrix);
}

static void check(struct cases *cases, const struct product_case *row,
                  const struct assay_backend *cpu, struct assay_team *const teams[3])
{
    static const size_t batches[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 30, 64, BATCH_MAX};
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

static void equals_ref(const struct assay_backend *cpu)
{
    static const size_t rows[] = {1, 7, 16, 17, 49};
    static const size_t quantised[] = {32, 64, 96, 576, 1536}, plain[] = {1, 7, 33, 64, 576};
    static const size_t packed[] = {256, 512, 768, 1280, 1536}; /* blocks of 256 */
    struct cases cases = {1};
    struct assay_team *teams[3];
    for (unsigned t = 0; t < 3; t++) teams[t] = cases_team(t + 1);
    for (unsigned dtype = 0; dtype < ASSAY_DTYPE_COUNT; dtype++) {
        size_t in_block = assay_dtype_block_elements(dtype);
        const size_t *columns = in_block > 32 ? packed : in_block > 1 ? quantised : plain;
        for (size_t i = 0; i < 50; i++) {
            struct product_case row = {dtype, rows[i % 5], columns[i / 5 % 5],
                                       i < 25 ? CASES_PLAIN : CASES_EXTREME};
            check(&cases, &row, cpu, teams);
        }
    }
    for (unsigned t = 0; t < 3; t++) assay_team_close(teams[t]);
}

/* The largest integers that the kernels can meet: every product of a block has its largest value.
 * All bytes of a block but its f16 scales (1, and minimum 1) are `byte`: the 6-bit scales of Q4_K
 * and Q5_K are then 63 (0xff) and 0, Q6_K's are −1, −128 and 127. */
static void largest_integers(const struct assay_backend *cpu)
{
    static const struct {
        enum assay_dtype dtype;
        uint8_t byte;
        float sign, wanted; /* of a block of 32, activations all 127 of that sign */
    } rows[] = {
        {ASSAY_DTYPE_Q4_1, 0xff, 1, 32 * 127.0f * 16},
        {ASSAY_DTYPE_Q4_1, 0xff, -1, 32 * -127.0f * 16},
        {ASSAY_DTYPE_Q4_0, 0xff, 1, 32 * 127.0f * 7},
        {ASSAY_DTYPE_Q4_0, 0x00, 1, 32 * 127.0f * -8},
        {ASSAY_DTYPE_Q4_0, 0x00, -1, 32 * -127.0f * -8},
        {ASSAY_DTYPE_Q5_0, 0xff, 1, 32 * 127.0f * 15},
        {ASSAY_DTYPE_Q5_0, 0x00, 1, 32 * 127.0f * -16},
        {ASSAY_DTYPE_Q5_0, 0xff, -1, 32 * -127.0f * 15},
        {ASSAY_DTYPE_Q5_1, 0xff, 1, 32 * 127.0f * 32},
        {ASSAY_DTYPE_Q5_1, 0xff, -1, 32 * -127.0f * 32},
        {ASSAY_DTYPE_Q8_0, 0x80, 1, 32 * 127.0f * -128},
        {ASSAY_DTYPE_Q8_0, 0x80, -1, 32 * -127.0f * -128},
        {ASSAY_DTYPE_Q8_0, 0x7f, -1, 32 * -127.0f * 127},
        {ASSAY_DTYPE_Q4_K, 0xff, 1, 32 * 127.0f * 63 * 14},
        {ASSAY_DTYPE_Q4_K, 0xff, -1, 32 * -127.0f * 63 * 14},
        {ASSAY_DTYPE_Q5_K, 0xff, 1, 32 * 127.0f * 63 * 30},
        {ASSAY_DTYPE_Q5_K, 0xff, -1, 32 * -127.0f * 63 * 30},
        {ASSAY_DTYPE_Q6_K, 0xff, 1, 32 * 127.0f * 31 * -1},
        {ASSAY_DTYPE_Q6_K, 0x00, 1, 0},
    };
    const struct assay_backend *backends[] = {&assay_backend_ref, cpu};
    static const uint16_t ones[2] = {0x3c00, 0x3c00};
    struct assay_team *team = cases_team(1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t data[2 * 256];
        float x[512], y;
        size_t bytes = assay_dtype_block_bytes(rows[i].dtype);
        size_t columns = 2 * assay_dtype_block_elements(rows[i].dtype);
        for (size_t k = 0; k < columns; k++) x[k] = rows[i].sign * 127.0f;
        memset(data, rows[i].byte, sizeof data);
        cases_scales(rows[i].dtype, data, ones);
        cases_scales(rows[i].dtype, data + bytes, ones);
        struct assay_tensor tensor = {"largest", rows[i].dtype, 1, columns, 2 * bytes, data};
        float wanted = rows[i].wanted * (float)(columns / 32);
        for (size_t b = 0; b < 2; b++) {
            product(backends[b], team, &tensor, x, 1, &y);
            cases_equal("largest", &y, &wanted, 1);
        }
    }
    assay_team_close(team);
}

/* Q6_K's largest integer, 16 646 144: values −32, scales −128, activations ±127. */
static void largest_of_q6_k(const struct assay_backend *cpu)
{
    const struct assay_backend *backends[] = {&assay_backend_ref, cpu};
    static const uint16_t ones[2] = {0x3c00, 0x3c00};
    struct assay_team *team = cases_team(1);
    for (int i = 0; i < 8; i++) {
        float sign = i % 2 == 0 ? 1.0f : -1.0f, x[256], y;
        uint8_t data[210], codes = i / 2 % 2 == 0 ? 0x00 : 0xff, scales = i < 4 ? 0x80 : 0x7f;
        for (size_t k = 0; k < 256; k++) x[k] = sign * 127.0f;
        memset(data, codes, 192);
        memset(data + 192, scales, 16);
        cases_scales(ASSAY_DTYPE_Q6_K, data, ones);
        struct assay_tensor tensor = {"largest", ASSAY_DTYPE_Q6_K, 1, 256, 210, data};
        float wanted = sign * 127.0f * 256.0f * (codes ? 31.0f : -32.0f) * (float)(int8_t)scales;
        for (size_t b = 0; b < 2; b++) {
            product(backends[b], team, &tensor, x, 1, &y);
            cases_equal("largest of Q6_K", &y, &wanted, 1);
        }
    }
    assay_team_close(team);
}

static void refuses_ragged_blocks(const struct assay_backend *cpu)
{
    static const struct {
        enum assay_dtype dtype;
        size_t columns;
        const char *text;
    } rows[] = {
        {ASSAY_DTYPE_Q4_1, 33, "tensor blk.0.attn_q.weight: 33 columns are no multiple of 32"},
        {ASSAY_DTYPE_Q4_K, 288, "tensor blk.0.attn_q.weight: 288 columns are no multiple of 256"},
    };
    const struct assay_backend *backends[] = {&assay_backend_ref, cpu};
    for (size_t i = 0; i < 4; i++) {
        struct assay_tensor tensor = {
            "blk.0.attn_q.weight", rows[i / 2].dtype, 2, rows[i / 2].columns, 20, NULL};
        struct assay_matrix *matrix = NULL;
        struct assay_error err = {0};
        assert_int_equal(backends[i % 2]->matrix_create(NULL, &matrix, &tensor, NULL, &err),
                         ASSAY_EUNSUPPORTED);
        assert_string_equal(err.text, rows[i / 2].text);
        assert_null(matrix);
    }
}

static void embedding_rows(const struct assay_backend *cpu)
{
    enum { WIDTH = 512 };
    const uint32_t tokens[] = {6, 0, 6, 3};
    static float y[4 * WIDTH], wanted[4 * WIDTH];
    struct assay_team *team = cases_team(3);
    struct cases cases = {2};
    for (unsigned dtype = 0; dtype < ASSAY_DTYPE_COUNT; dtype++) {
        struct assay_tensor tensor = cases_tensor(&cases, CASES_EXTREME, dtype, 7, WIDTH);
        struct assay_matrix *matrix = NULL;
        CASES_OK(cpu->matrix_create(team, &matrix, &tensor, NULL, err));
        assay_backend_ref.embed(team, &tensor, NULL, tokens, 4, wanted);
        cpu->embed(team, &tensor, NULL, tokens, 4, y);
        cases_equal("embedding", y, wanted, 4 * WIDTH);
        memset(y, 0, sizeof y);
        cpu->embed(team, &tensor, matrix, tokens, 4, y);
        cases_equal("embedding from the output's matrix", y, wanted, 4 * WIDTH);
        cpu->matrix_destroy(matrix);
        cases_equal("the same token", wanted, wanted + (size_t)2 * WIDTH, WIDTH);
        cases_tensor_free(&tensor);
    }
    assay_team_close(team);
}

int main(void)
{
    static const struct cases_row rows[] = {
        {"product equals ref", equals_ref},
        {"largest integers", largest_integers},
        {"largest integers of Q6_K", largest_of_q6_k},
        {"refuses ragged blocks", refuses_ragged_blocks},
        {"embedding rows", embedding_rows},
    };
    return cases_main("product", rows, sizeof rows / sizeof rows[0]);
}
