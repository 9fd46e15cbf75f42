/* The judge and the cpu backends against exact_1.txt, the vectors of an independent model of
 * exact-1 in Python integers (tests/golden/exact_model.py). */
#include "backend/cases.h"

#include "backend/ref/operand.h"
#include "base/bytes.h"
#include "base/exact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 8, WORDS_MAX = 1 << 16, NAME_BYTES = 32 };

struct field {
    char name[NAME_BYTES];
    size_t count;
    const uint32_t *words;
};

struct record {
    char name[NAME_BYTES];
    size_t field_count;
    struct field fields[FIELDS_MAX];
    uint32_t words[WORDS_MAX];
};

static const struct field *field(const struct record *record, const char *name)
{
    for (size_t i = 0; i < record->field_count; i++) {
        if (strcmp(record->fields[i].name, name) == 0) return &record->fields[i];
    }
    fail_msg("record %s has no field %s", record->name, name);
    return NULL;
}

static uint32_t word(const struct record *record, const char *name, size_t i)
{
    const struct field *f = field(record, name);
    assert_true(i < f->count);
    return f->words[i];
}

/* The field's words as f32; the caller frees. */
static float *values(const struct record *record, const char *name)
{
    const struct field *f = field(record, name);
    float *out = cases_memory(f->count * sizeof *out);
    for (size_t i = 0; i < f->count; i++) out[i] = assay_float(f->words[i]);
    return out;
}

static void equal(const struct record *record, const char *name, const float *got)
{
    float *wanted = values(record, name);
    cases_equal(record->name, got, wanted, field(record, name)->count);
    free(wanted);
}

typedef void check(const struct record *record, const struct assay_backend *backend,
                   struct assay_team *team);

static void check_exp(const struct record *record, const struct assay_backend *backend,
                      struct assay_team *team)
{
    size_t count = field(record, "x")->count;
    float *x = values(record, "x");
    (void)backend, (void)team;
    for (size_t i = 0; i < count; i++) x[i] = assay_exp(x[i]);
    equal(record, "y", x);
    free(x);
}

static void check_half(const struct record *record, const struct assay_backend *backend,
                       struct assay_team *team)
{
    const struct field *wanted = field(record, "y");
    float *x = values(record, "x");
    const struct assay_kv_view view = {1, 1, (uint32_t)wanted->count, 0, 0, false};
    uint16_t *page = backend->alloc(assay_kv_page_bytes(&view));
    const struct assay_row_place place = {3, &page};
    assert_non_null(page);
    backend->kv_store(team, &view, x, x, 1, &place);
    const uint16_t *stored = page + assay_kv_offset(&view, 1, 0, 3);
    for (size_t i = 0; i < wanted->count; i++) {
        if (x[i] != x[i]) {
            assert_true((stored[i] & 0x7fff) > 0x7c00 && (assay_to_f16(x[i]) & 0x7fff) > 0x7c00);
            continue;
        }
        assert_int_equal(stored[i], wanted->words[i]);
        assert_int_equal(assay_to_f16(x[i]), wanted->words[i]);
    }
    backend->free(page);
    free(x);
}

static void check_rope(const struct record *record, const struct assay_backend *backend,
                       struct assay_team *team)
{
    size_t count = field(record, "pair")->count;
    float *sin = cases_memory(count * sizeof *sin), *cos = cases_memory(count * sizeof *cos);
    (void)backend, (void)team;
    for (size_t i = 0; i < count; i++) {
        assay_rope_entry(assay_float(word(record, "base", 0)), word(record, "pair", i),
                         word(record, "dims", 0), assay_float(word(record, "base", 1)),
                         word(record, "position", i), &sin[i], &cos[i]);
    }
    equal(record, "sin", sin);
    equal(record, "cos", cos);
    free(sin);
    free(cos);
}

/* The judge's operand is looked into; the others show theirs in the products. */
static void check_quantise(const struct record *record, const struct assay_backend *backend,
                           struct assay_team *team)
{
    if (backend != &assay_backend_ref) return;
    float *x = values(record, "x");
    struct assay_operand *operand = backend->operand_create(1, 32);
    assert_non_null(operand);
    backend->operand_set(team, operand, x, 1, 32, true);
    equal(record, "d", operand->d);
    equal(record, "xs", operand->xs);
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal((uint8_t)operand->q[i], word(record, "q", i));
    }
    backend->operand_destroy(operand);
    free(x);
}

/* A tensor whose dtype is the end of the record's name; the caller frees its data. */
static struct assay_tensor tensor_of(const struct record *record)
{
    const struct field *w = field(record, "w");
    struct assay_tensor tensor = {.name = record->name,
                                  .rows = word(record, "shape", 0),
                                  .columns = word(record, "shape", 1)};
    uint8_t *data = cases_memory(w->count * 4);
    for (size_t i = 0; i < w->count; i++) assay_put_le32(data + 4 * i, w->words[i]);
    while (strcmp(assay_dtype_name(tensor.dtype), strchr(record->name, '_') + 1) != 0) {
        tensor.dtype++;
        assert_true(tensor.dtype < ASSAY_DTYPE_COUNT);
    }
    tensor.row_bytes = tensor.columns / assay_dtype_block_elements(tensor.dtype) *
                       assay_dtype_block_bytes(tensor.dtype);
    tensor.data = data;
    return tensor;
}

static void free_data(const struct assay_tensor *tensor)
{
    void *data;
    memcpy(&data, &tensor->data, sizeof data);
    free(data);
}

static void check_product(const struct record *record, const struct assay_backend *backend,
                          struct assay_team *team)
{
    struct assay_tensor tensor = tensor_of(record);
    size_t tokens = word(record, "shape", 2);
    float *x = values(record, "x"), *y = cases_memory(tensor.rows * tokens * sizeof *y);
    struct assay_matrix *matrix = NULL;
    CASES_OK(backend->matrix_create(team, &matrix, &tensor, NULL, err));
    struct assay_operand *operand = backend->operand_create(tokens, tensor.columns);
    assert_non_null(operand);
    backend->operand_set(team, operand, x, tokens, tensor.columns,
                         assay_dtype_block_elements(tensor.dtype) > 1);
    backend->products(team, &(struct assay_product){matrix, y}, 1, operand);
    equal(record, "y", y);
    backend->operand_destroy(operand);
    backend->matrix_destroy(matrix);
    free_data(&tensor);
    free(x);
    free(y);
}

static void check_embed(const struct record *record, const struct assay_backend *backend,
                        struct assay_team *team)
{
    struct assay_tensor tensor = tensor_of(record);
    const struct field *tokens = field(record, "token");
    float *y = cases_memory(tokens->count * tensor.columns * sizeof *y);
    backend->embed(team, &tensor, NULL, tokens->words, tokens->count, y);
    equal(record, "y", y);
    free_data(&tensor);
    free(y);
}

static void check_norm(const struct record *record, const struct assay_backend *backend,
                       struct assay_team *team)
{
    float *x = values(record, "x"), *w = values(record, "w");
    backend->norm(team, x, w, assay_float(word(record, "eps", 0)), 1, field(record, "x")->count, x);
    equal(record, "y", x);
    free(x);
    free(w);
}

static void check_rotate(const struct record *record, const struct assay_backend *backend,
                         struct assay_team *team)
{
    float *x = values(record, "x"), *table = values(record, "table");
    const struct assay_row_place place = {word(record, "shape", 4), NULL};
    backend->rotate(team, x, 1, word(record, "shape", 0), word(record, "shape", 1),
                    word(record, "shape", 2), word(record, "shape", 3) == 1, table, &place);
    equal(record, "y", x);
    free(x);
    free(table);
}

static void check_attend(const struct record *record, const struct assay_backend *backend,
                         struct assay_team *team)
{
    enum { PAGES = 3 };
    uint32_t heads = word(record, "shape", 0), position = word(record, "shape", 3);
    const struct assay_kv_view view = {2,
                                       word(record, "shape", 1),
                                       word(record, "shape", 2),
                                       1,
                                       field(record, "shape")->count > 4 ? word(record, "shape", 4)
                                                                         : 0,
                                       false};
    uint16_t *pages[PAGES];
    float *keys = values(record, "keys"), *stored = values(record, "values");
    float *q = values(record, "q"), *y = cases_memory((size_t)heads * view.head_dim * sizeof *y);
    for (size_t i = 0; i < PAGES; i++) {
        pages[i] = backend->alloc(assay_kv_page_bytes(&view));
        assert_non_null(pages[i]);
    }
    for (uint32_t t = 0; t <= position; t++) {
        const struct assay_row_place place = {t, pages};
        size_t at = (size_t)t * view.kv_heads * view.head_dim;
        backend->kv_store(team, &view, keys + at, stored + at, 1, &place);
    }
    const struct assay_row_place place = {position, pages};
    backend->attend(team, &view, q, heads, 1, &place, y);
    equal(record, "y", y);
    for (size_t i = 0; i < PAGES; i++) backend->free(pages[i]);
    free(keys);
    free(stored);
    free(q);
    free(y);
}

static void check_gate(const struct record *record, const struct assay_backend *backend,
                       struct assay_team *team)
{
    float *g = values(record, "g"), *u = values(record, "u");
    bool gelu = strcmp(record->name, "geglu") == 0;
    (gelu ? backend->geglu : backend->swiglu)(team, g, u, field(record, "g")->count, g);
    equal(record, "y", g);
    free(g);
    free(u);
}

static void check_weights(const struct record *record, const struct assay_backend *backend,
                          struct assay_team *team)
{
    size_t vocab = field(record, "logits")->count, blocks = field(record, "sums")->count / 2;
    float *logits = values(record, "logits"),
          inv_t = 1000.0f / (float)word(record, "thousandths", 0);
    uint64_t *sums = cases_memory(blocks * sizeof *sums);
    bool finite;
    (void)team;
    float max = backend->logit_max(logits, vocab, &finite);
    assert_true(finite);
    equal(record, "max", &max);
    (void)backend->weight_sums(logits, vocab, max, inv_t, sums);
    for (size_t b = 0; b < blocks; b++) {
        assert_int_equal(sums[b], word(record, "sums", 2 * b) |
                                      (uint64_t)word(record, "sums", 2 * b + 1) << 32);
    }
    double total = (double)backend->weight_sums(logits, vocab, max, 1.0f, sums);
    float log_probability[8];
    for (size_t i = 0; i < field(record, "token")->count; i++) { /* 1.11 */
        float distance = logits[word(record, "token", i)] - max;
        log_probability[i] = (float)((double)distance - assay_ln(total, -40));
    }
    equal(record, "log_probability", log_probability);
    free(logits);
    free(sums);
}

static const struct {
    const char *prefix;
    check *run;
} checks[] = {
    {"exp", check_exp},           {"half", check_half},        {"rope", check_rope},
    {"quantise", check_quantise}, {"product_", check_product}, {"embed_", check_embed},
    {"norm", check_norm},         {"rotate", check_rotate},    {"attend", check_attend},
    {"swiglu", check_gate},       {"geglu", check_gate},       {"weights", check_weights},
};
enum { CHECKS = sizeof checks / sizeof checks[0] };

/* The next record of the file; false at its end. */
static bool next(FILE *file, struct record *record)
{
    size_t used = 0;
    char name[NAME_BYTES];
    if (fscanf(file, " %31s", record->name) != 1) return false;
    record->field_count = 0;
    while (fscanf(file, " %31s", name) == 1 && strcmp(name, "end") != 0) {
        assert_true(record->field_count < FIELDS_MAX);
        struct field *f = &record->fields[record->field_count++];
        memcpy(f->name, name, sizeof name);
        f->words = record->words + used;
        assert_int_equal(fscanf(file, "%zu", &f->count), 1);
        assert_true(f->count <= WORDS_MAX - used);
        for (size_t i = 0; i < f->count; i++) {
            assert_int_equal(fscanf(file, "%x", &record->words[used++]), 1);
        }
    }
    return true;
}

static void golden(const struct assay_backend *backend)
{
    static struct record record;
    struct assay_team *team = cases_team(2);
    size_t seen[CHECKS] = {0};
    FILE *file = fopen(ASSAY_TESTS "/golden/exact_1.txt", "r");
    assert_non_null(file);
    (void)fscanf(file, "#%*[^\n]");
    while (next(file, &record)) {
        size_t i = 0;
        while (i < CHECKS &&
               strncmp(record.name, checks[i].prefix, strlen(checks[i].prefix)) != 0) {
            i++;
        }
        if (i == CHECKS) fail_msg("unknown record %s", record.name);
        checks[i].run(&record, backend, team);
        seen[i]++;
    }
    for (size_t i = 0; i < CHECKS; i++) assert_true(seen[i] > 0);
    (void)fclose(file);
    assay_team_close(team);
}

static void equals_model(const struct assay_backend *cpu)
{
    golden(cpu);
}

static void ref_equals_model(void **state)
{
    (void)state;
    golden(&assay_backend_ref);
}

int main(void)
{
    static const struct cases_row rows[] = {{"equals model", equals_model}};
    const struct CMUnitTest tests[] = {cmocka_unit_test(ref_equals_model)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return cases_main("golden", rows, 1) + failed;
}
