/* Each operation's results over fixed inputs as one digest, against op_digests.txt: so a machine
 * proves itself against the one that wrote the file, with whatever instruction sets it has.
 *     test_backend_digests write > tests/golden/op_digests.txt      (by the judge)
 * Only where exact-1 gains an operation or a type may a line be added; none may ever change. */
#include "backend/cases.h"

#include "base/bytes.h"
#include "base/exact.h"
#include "crypto/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 33, BATCH = 21, COLUMNS_MAX = 768, VALUES = BATCH * COLUMNS_MAX, LINES_MAX = 64 };

struct line {
    char name[24];
    char hex[ASSAY_DIGEST_HEX];
};
struct lines {
    struct line line[LINES_MAX];
    size_t count;
};

/* Bits of the results, little-endian; every NaN is 7fc00000. */
static void add_line(struct lines *lines, const char *op, const char *type, const float *y,
                     size_t count)
{
    struct assay_sha256 state;
    struct line *line = &lines->line[lines->count++];
    assert_true(lines->count <= LINES_MAX);
    assay_sha256_init(&state);
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[4];
        assay_put_le32(bytes, y[i] != y[i] ? 0x7fc00000u : assay_bits(y[i]));
        assay_sha256_update(&state, bytes, sizeof bytes);
    }
    struct assay_digest digest = assay_sha256_final(&state);
    (void)snprintf(line->name, sizeof line->name, "%s%s%s", op, type[0] ? "_" : "", type);
    (void)assay_digest_hex(&digest, line->hex);
}

static float x[VALUES], w[VALUES], y[VALUES];

static void products(struct lines *lines, const struct assay_backend *backend,
                     struct assay_team *team)
{
    static const uint32_t tokens[] = {6, 0, 32};
    for (unsigned dtype = 0; dtype < ASSAY_DTYPE_COUNT; dtype++) {
        struct cases cases = {11};
        size_t in_block = assay_dtype_block_elements(dtype);
        size_t columns = in_block > 32 ? COLUMNS_MAX : in_block > 1 ? 576 : 100;
        for (int kind = 0; kind < CASES_KINDS; kind++) {
            struct assay_tensor tensor =
                cases_tensor(&cases, (enum cases_kind)kind, dtype, ROWS, columns);
            struct assay_matrix *matrix = NULL;
            struct assay_operand *operand = backend->operand_create(BATCH, columns);
            CASES_OK(backend->matrix_create(team, &matrix, &tensor, NULL, err));
            assert_non_null(operand);
            cases_values(&cases, (enum cases_kind)kind, x, BATCH * columns);
            backend->operand_set(team, operand, x, BATCH, columns, in_block > 1);
            backend->products(team, &(struct assay_product){matrix, y}, 1, operand);
            add_line(lines, kind ? "extreme" : "product", assay_dtype_name(dtype), y, ROWS * BATCH);
            backend->embed(team, &tensor, matrix, tokens, 3, y);
            if (!kind) add_line(lines, "embed", assay_dtype_name(dtype), y, 3 * columns);
            backend->operand_destroy(operand);
            backend->matrix_destroy(matrix);
            cases_tensor_free(&tensor);
        }
    }
}

static void row_operations(struct lines *lines, const struct assay_backend *backend,
                           struct assay_team *team)
{
    enum { HEADS = 9, DIM = 64, WIDTH = HEADS * DIM };
    struct assay_row_place places[BATCH] = {{0}};
    struct cases cases = {12};
    for (uint32_t r = 0; r < BATCH; r++) places[r].position = r * 7 % 31;
    cases_values(&cases, CASES_PLAIN, x, BATCH * WIDTH);
    cases_values(&cases, CASES_PLAIN, w, BATCH * WIDTH);
    backend->norm(team, x, w, 1e-5f, BATCH, WIDTH, y);
    add_line(lines, "norm", "", y, BATCH * WIDTH);
    for (int adjacent = 0; adjacent < 2; adjacent++) {
        memcpy(y, x, sizeof y);
        backend->rotate(team, y, BATCH, HEADS, DIM, 48, adjacent == 1, w, places);
        add_line(lines, "rotate", adjacent ? "adjacent" : "distant", y, BATCH * WIDTH);
    }
    for (size_t i = 0; i < BATCH * WIDTH; i++) x[i] *= 5.0f;
    backend->swiglu(team, x, w, BATCH * WIDTH, y);
    add_line(lines, "swiglu", "", y, BATCH * WIDTH);
    backend->geglu(team, x, w, BATCH * WIDTH, y);
    add_line(lines, "geglu", "", y, BATCH * WIDTH);
    bool finite;
    float max = backend->logit_max(x, BATCH * WIDTH, &finite);
    static uint64_t sums[VALUES / ASSAY_WEIGHT_BLOCK + 1];
    (void)backend->weight_sums(x, BATCH * WIDTH, max, 1.25f, sums);
    for (size_t b = 0; b < BATCH * WIDTH / ASSAY_WEIGHT_BLOCK; b++) {
        y[2 * b] = assay_float((uint32_t)(sums[b] & 0x3fffffu)); /* no NaN among them */
        y[2 * b + 1] = assay_float((uint32_t)(sums[b] >> 22 & 0x3fffffu));
    }
    add_line(lines, "weights", "", y, BATCH * WIDTH / ASSAY_WEIGHT_BLOCK * 2);
}

static void attention(struct lines *lines, const struct assay_backend *backend,
                      struct assay_team *team)
{
    enum { HEADS = 6, KV_HEADS = 2, POSITIONS = 200, PAGES = 4, DIM_MAX = 80 };
    static const uint32_t dims[] = {64, 80, 20}, windows[] = {0, 0, 75};
    for (size_t k = 0; k < 6; k++) { /* values in f16, then in f32 */
        const size_t i = k % 3;
        const struct assay_kv_view view = {1, KV_HEADS, dims[i], 0, windows[i], k >= 3};
        struct cases cases = {13 + i};
        uint16_t *pages[PAGES];
        struct assay_row_place places[BATCH];
        char name[16];
        for (size_t c = 0; c < PAGES; c++) {
            pages[c] = backend->alloc(assay_kv_page_bytes(&view));
            assert_non_null(pages[c]);
        }
        for (uint32_t t = 0; t < POSITIONS; t++) {
            const struct assay_row_place place = {t, pages};
            cases_values(&cases, CASES_PLAIN, x, KV_HEADS * dims[i]);
            cases_values(&cases, CASES_PLAIN, w, KV_HEADS * dims[i]);
            backend->kv_store(team, &view, x, w, 1, &place);
        }
        for (uint32_t r = 0; r < BATCH; r++) {
            places[r] = (struct assay_row_place){POSITIONS - 1 - 9 * r, pages};
        }
        cases_values(&cases, CASES_PLAIN, x, BATCH * HEADS * dims[i]);
        backend->attend(team, &view, x, HEADS, BATCH, places, y);
        (void)snprintf(name, sizeof name, "%u_%u", dims[i], windows[i]);
        add_line(lines, view.wide ? "attend32" : "attend", name, y, BATCH * HEADS * dims[i]);
        for (size_t c = 0; c < PAGES; c++) backend->free(pages[c]);
    }
}

static void compute(struct lines *lines, const struct assay_backend *backend)
{
    struct assay_team *team = cases_team(2);
    lines->count = 0;
    products(lines, backend, team);
    row_operations(lines, backend, team);
    attention(lines, backend, team);
    assay_team_close(team);
}

static void equals_file(const struct assay_backend *backend)
{
    static struct lines lines;
    char name[24], hex[65];
    size_t read = 0;
    FILE *file = fopen(ASSAY_TESTS "/golden/op_digests.txt", "r");
    assert_non_null(file);
    compute(&lines, backend);
    while (fscanf(file, " %23s %64s", name, hex) == 2) {
        size_t i = 0;
        while (i < lines.count && strcmp(lines.line[i].name, name) != 0) i++;
        if (i == lines.count) fail_msg("%s is not computed", name);
        if (strcmp(lines.line[i].hex, hex) != 0) fail_msg("%s has other bits", name);
        read++;
    }
    assert_int_equal(read, lines.count);
    (void)fclose(file);
}

static void ref_equals_file(void **state)
{
    (void)state;
    equals_file(&assay_backend_ref);
}

int main(int argc, char **argv)
{
    static struct lines lines;
    static const struct cases_row rows[] = {{"equals the file", equals_file}};
    const struct CMUnitTest tests[] = {cmocka_unit_test(ref_equals_file)};
    if (argc > 1 && strcmp(argv[1], "write") == 0) {
        compute(&lines, &assay_backend_ref);
        for (size_t i = 0; i < lines.count; i++) {
            (void)printf("%s %s\n", lines.line[i].name, lines.line[i].hex);
        }
        return 0;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return cases_main("digests", rows, 1) + failed;
}
