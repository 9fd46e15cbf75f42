/* The row operations and the single-value ones: cpu against the judge, with tails of every length.
 */
#include "backend/cases.h"

#include <string.h>

enum { VALUES_MAX = 64 * 577 };

struct fixture {
    const struct assay_backend *cpu, *ref;
    struct assay_team *teams[3];
    struct cases cases;
    float x[VALUES_MAX], w[VALUES_MAX], y[VALUES_MAX], wanted[VALUES_MAX];
};

static struct fixture *open_fixture(const struct assay_backend *cpu)
{
    static struct fixture fixture;
    fixture.cpu = cpu;
    fixture.ref = &assay_backend_ref;
    for (unsigned t = 0; t < 3; t++) fixture.teams[t] = cases_team(t + 1);
    fixture.cases = (struct cases){3};
    return &fixture;
}

static void close_fixture(struct fixture *f)
{
    for (unsigned t = 0; t < 3; t++) assay_team_close(f->teams[t]);
}

static void norm(const struct assay_backend *cpu)
{
    static const size_t widths[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 64, 576, 577};
    struct fixture *f = open_fixture(cpu);
    for (size_t i = 0; i < 4 * sizeof widths / sizeof widths[0]; i++) {
        size_t width = widths[i / 4], rows = i % 2 == 0 ? 3 : 64;
        cases_values(&f->cases, i % 4 < 2 ? CASES_PLAIN : CASES_EXTREME, f->x, rows * width);
        cases_values(&f->cases, CASES_PLAIN, f->w, width);
        f->ref->norm(f->teams[i % 3], f->x, f->w, 1e-5f, rows, width, f->wanted);
        f->cpu->norm(f->teams[2], f->x, f->w, 1e-5f, rows, width, f->y);
        cases_equal("norm", f->y, f->wanted, rows * width);
        f->cpu->norm(f->teams[0], f->x + (rows - 1) * width, f->w, 1e-5f, 1, width, f->y);
        cases_equal("norm of one row", f->y, f->wanted + (rows - 1) * width, width);
        memcpy(f->y, f->x, rows * width * sizeof *f->y);
        f->cpu->norm(f->teams[1], f->y, f->w, 1e-5f, rows, width, f->y);
        cases_equal("norm in place", f->y, f->wanted, rows * width);
    }
    close_fixture(f);
}

static void rotate(const struct assay_backend *cpu)
{
    static const struct {
        uint32_t heads, head_dim, rope_dims;
    } shapes[] = {{9, 64, 64}, {2, 80, 20}, {3, 10, 6}, {1, 2, 2}, {4, 24, 18}, {20, 64, 48}};
    struct fixture *f = open_fixture(cpu);
    struct assay_row_place places[17] = {{0}};
    for (size_t i = 0; i < 2 * sizeof shapes / sizeof shapes[0]; i++) {
        uint32_t heads = shapes[i / 2].heads, dim = shapes[i / 2].head_dim;
        size_t count = (size_t)17 * heads * dim;
        for (uint32_t r = 0; r < 17; r++) places[r].position = r * 7 % 31;
        cases_values(&f->cases, CASES_PLAIN, f->w, (size_t)31 * shapes[i / 2].rope_dims);
        cases_values(&f->cases, i % 4 < 2 ? CASES_PLAIN : CASES_EXTREME, f->wanted, count);
        memcpy(f->y, f->wanted, count * sizeof *f->y);
        f->ref->rotate(f->teams[0], f->wanted, 17, heads, dim, shapes[i / 2].rope_dims, i % 2 == 0,
                       f->w, places);
        f->cpu->rotate(f->teams[2], f->y, 17, heads, dim, shapes[i / 2].rope_dims, i % 2 == 0, f->w,
                       places);
        cases_equal("rotate", f->y, f->wanted, count);
    }
    close_fixture(f);
}

static void gates_and_add(const struct assay_backend *cpu)
{
    static const size_t counts[] = {1, 7, 8, 9, 31, 100, 1536, 9001, 32769};
    struct fixture *f = open_fixture(cpu);
    for (size_t i = 0; i < 2 * sizeof counts / sizeof counts[0]; i++) {
        size_t n = counts[i / 2];
        enum cases_kind kind = i % 2 == 0 ? CASES_PLAIN : CASES_EXTREME;
        cases_values(&f->cases, kind, f->x, n);
        cases_values(&f->cases, kind, f->w, n);
        for (size_t k = 0; k < n; k++) f->x[k] *= 20.0f;
        f->ref->swiglu(f->teams[1], f->x, f->w, n, f->wanted);
        f->cpu->swiglu(f->teams[i % 3], f->x, f->w, n, f->y);
        cases_equal("swiglu", f->y, f->wanted, n);
        memcpy(f->y, f->x, n * sizeof *f->y);
        f->cpu->swiglu(f->teams[2], f->y, f->w, n, f->y);
        cases_equal("swiglu in place", f->y, f->wanted, n);
        f->ref->geglu(f->teams[1], f->x, f->w, n, f->wanted);
        f->cpu->geglu(f->teams[i % 3], f->x, f->w, n, f->y);
        cases_equal("geglu", f->y, f->wanted, n);
        memcpy(f->y, f->x, n * sizeof *f->y);
        f->cpu->geglu(f->teams[2], f->y, f->w, n, f->y);
        cases_equal("geglu in place", f->y, f->wanted, n);
        memcpy(f->wanted, f->x, n * sizeof *f->y);
        memcpy(f->y, f->x, n * sizeof *f->y);
        f->ref->add(f->teams[1], f->wanted, f->w, n);
        f->cpu->add(f->teams[i % 3], f->y, f->w, n);
        cases_equal("add", f->y, f->wanted, n);
    }
    close_fixture(f);
}

static void memory_is_aligned_and_zero(const struct assay_backend *cpu)
{
    static const size_t sizes[] = {0, 1, 64, 4097, (size_t)3 << 20};
    const struct assay_backend *backends[] = {&assay_backend_ref, cpu};
    for (size_t i = 0; i < 10; i++) {
        const struct assay_backend *backend = backends[i % 2];
        uint8_t *memory = backend->alloc(sizes[i / 2]);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 64, 0);
        for (size_t k = 0; k < sizes[i / 2]; k++) assert_int_equal(memory[k], 0);
        backend->free(memory);
        assert_null(backend->alloc(SIZE_MAX));
        assert_null(backend->operand_create(SIZE_MAX / 2, 8));
    }
}

int main(void)
{
    static const struct cases_row rows[] = {
        {"norm", norm},
        {"rotate", rotate},
        {"gates and add", gates_and_add},
        {"memory is aligned and zero", memory_is_aligned_and_zero},
    };
    return cases_main("rows", rows, sizeof rows / sizeof rows[0]);
}
