/* Arena, buffer, reader; and what they and others do when the n-th allocation fails. */
#include "harness/check.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "base/regex.h"
#include "base/team.h"

#include <stdio.h>
#include <stdlib.h>

/* Linked with --wrap: the allocations of the rooms under test come through here. */
static unsigned allocations_left = UINT32_MAX;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static bool may_allocate(void)
{
    if (allocations_left == 0) return false;
    if (allocations_left != UINT32_MAX) allocations_left--;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *memory, size_t size)
{
    return may_allocate() ? __real_realloc(memory, size) : NULL;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return may_allocate() ? __real_aligned_alloc(alignment, size) : NULL;
}

static void test_multiply(void **state)
{
    (void)state;
    static const struct {
        size_t a, b;
        bool fits;
    } rows[] = {
        {0, 0, true},
        {0, SIZE_MAX, true},
        {SIZE_MAX, 0, true},
        {1, SIZE_MAX, true},
        {SIZE_MAX, 1, true},
        {SIZE_MAX / 2, 2, true},
        {SIZE_MAX / 2 + 1, 2, false},
        {SIZE_MAX, SIZE_MAX, false},
        {(size_t)1 << 32, (size_t)1 << 32, false},
        {((size_t)1 << 32) - 1, ((size_t)1 << 32) + 1, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t out = 7;
        assert_int_equal(assay_multiply(rows[i].a, rows[i].b, &out), rows[i].fits);
        assert_int_equal(out, rows[i].fits ? rows[i].a * rows[i].b : 7);
    }
}

static void test_arena(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 1000, 20000, 65472, 65473, 300000};
    struct assay_arena arena = {0};
    unsigned char *taken[20 * COUNT_OF(sizes)];
    for (size_t i = 0; i < COUNT_OF(taken); i++) {
        size_t size = sizes[i % COUNT_OF(sizes)];
        taken[i] = assay_arena_take(&arena, size, 1);
        assert_non_null(taken[i]);
        assert_int_equal((uintptr_t)taken[i] % 16, 0);
        for (size_t k = 0; k < size; k++) assert_int_equal(taken[i][k], 0);
        memset(taken[i], (int)(i + 1), size); /* an overlap would show below */
    }
    for (size_t i = 0; i < COUNT_OF(taken); i++) {
        size_t size = sizes[i % COUNT_OF(sizes)];
        for (size_t k = 0; k < size; k++) assert_int_equal(taken[i][k], (unsigned char)(i + 1));
    }
    assay_arena_fini(&arena);
    assert_null(arena.chunk);
    assert_string_equal(assay_arena_text(&arena, "again, cut", 5), "again");
    assert_string_equal(assay_arena_text(&arena, NULL, 0), "");
    assay_arena_fini(&arena);
}

static void test_arena_refuses(void **state)
{
    (void)state;
    struct assay_arena arena = {0};
    static const size_t rows[][2] = {
        {SIZE_MAX, 2},      {(size_t)1 << 33, (size_t)1 << 33}, {1, SIZE_MAX}, {1, SIZE_MAX - 15},
        {SIZE_MAX - 16, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_null(assay_arena_take(&arena, rows[i][0], rows[i][1]));
    }
    assert_null(assay_arena_text(&arena, "", SIZE_MAX));
    allocations_left = 0;
    assert_null(assay_arena_take(&arena, 1, 1));
    allocations_left = 1;
    assert_non_null(assay_arena_take(&arena, 1, 1));
    assert_non_null(assay_arena_take(&arena, 1, 1));
    assert_null(assay_arena_take(&arena, 100000, 1));
    allocations_left = UINT32_MAX;
    assay_arena_fini(&arena);
}

static void test_bytes(void **state)
{
    (void)state;
    struct assay_bytes bytes = {0};
    struct assay_error err;
    check_ok(assay_bytes_append(&bytes, NULL, 0, &err), &err);
    assert_string_equal((char *)bytes.data, "");
    for (unsigned i = 0; i < 1000; i++) {
        check_ok(assay_bytes_format(&bytes, &err, "%u,", i % 10), &err);
        assert_int_equal(bytes.size, 2 * (i + 1));
        assert_int_equal(bytes.data[bytes.size], 0);
    }
    assert_memory_equal(bytes.data + 1990, "5,6,7,8,9,", 10);
    assay_bytes_clear(&bytes);
    assert_int_equal(bytes.size, 0);
    assert_string_equal((char *)bytes.data, "");
    check_ok(assay_bytes_format(&bytes, &err, "%s", ""), &err);
    check_refused(assay_bytes_reserve(&bytes, SIZE_MAX, &err), ASSAY_EMEMORY, &err, "more bytes");
    check_refused(assay_bytes_reserve(&bytes, SIZE_MAX / 2, &err), ASSAY_EMEMORY, &err, "bytes");
    assay_bytes_fini(&bytes);
    assert_null(bytes.data);
    assay_bytes_fini(&bytes);
    assay_bytes_clear(&bytes);
}

/* Every growth of a buffer fails once; what it held before stays. */
static void test_bytes_memory(void **state)
{
    (void)state;
    for (unsigned allowed = 0; allowed < 8; allowed++) {
        struct assay_bytes bytes = {0};
        struct assay_error err;
        enum assay_status status = ASSAY_OK;
        allocations_left = allowed;
        for (unsigned i = 0; !status && i < 100000; i++) {
            status = i % 2 ? assay_bytes_format(&bytes, &err, "%u", i % 10)
                           : assay_bytes_append(&bytes, "0", 1, &err);
        }
        allocations_left = UINT32_MAX;
        check_refused(status, ASSAY_EMEMORY, &err, "no memory for");
        assert_true(bytes.size + 1 == bytes.capacity || !bytes.data);
        for (size_t i = 0; i < bytes.size; i++) {
            assert_int_equal(bytes.data[i], i % 2 ? '0' + i % 10 : '0');
        }
        if (bytes.data) assert_int_equal(bytes.data[bytes.size], 0);
        assay_bytes_fini(&bytes);
    }
}

static void test_fields(void **state)
{
    (void)state;
    static const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
    uint8_t data[14];
    assay_put_le16(data, 0x0201);
    assay_put_le32(data + 2, 0x06050403);
    assay_put_le64(data + 6, 0x0e0d0c0b0a090807);
    assert_memory_equal(data, expected, sizeof data);
    struct assay_reader reader = {data, sizeof data, 0, false};
    assert_int_equal(assay_read_le16(&reader), 0x0201);
    assert_int_equal(assay_read_le32(&reader), 0x06050403);
    assert_true(assay_read_le64(&reader) == 0x0e0d0c0b0a090807);
    assert_non_null(assay_read_span(&reader, 0));
    assert_false(reader.failed);
    assert_int_equal(assay_read_u8(&reader), 0);
    assert_true(reader.failed);
    uint8_t high[8];
    memset(high, 0xff, sizeof high);
    assert_true(assay_get_le64(high) == UINT64_MAX && assay_get_le32(high) == UINT32_MAX);
}

/* Each kind of read at each distance from the end, in memory of just that size. */
static void test_reader_bounds(void **state)
{
    (void)state;
    static const size_t widths[] = {1, 2, 4, 8, 5, SIZE_MAX};
    for (size_t size = 0; size <= 9; size++) {
        uint8_t *data = malloc(size > 0 ? size : 1);
        assert_non_null(data);
        memset(data, 0xa5, size);
        for (size_t kind = 0; kind < COUNT_OF(widths); kind++) {
            struct assay_reader reader = {data, size, 0, false};
            uint64_t value = 0;
            switch (kind) {
            case 0:
                value = assay_read_u8(&reader);
                break;
            case 1:
                value = assay_read_le16(&reader);
                break;
            case 2:
                value = assay_read_le32(&reader);
                break;
            case 3:
                value = assay_read_le64(&reader);
                break;
            default:
                value = assay_read_span(&reader, widths[kind]) != NULL;
                break;
            }
            bool fits = widths[kind] <= size;
            assert_int_equal(value != 0, fits);
            assert_int_equal(reader.failed, !fits);
            assert_int_equal(reader.position, fits ? widths[kind] : 0);
            if (fits) continue;
            assert_int_equal(assay_read_u8(&reader), 0); /* the failure stays */
            assert_null(assay_read_span(&reader, 0));
        }
        free(data);
    }
}

static void test_others_memory(void **state)
{
    (void)state;
    struct assay_error err;
    struct assay_regex *regex = NULL;
    struct assay_team *team = NULL;
    struct assay_bytes bytes = {0};
    allocations_left = 0;
    check_refused(assay_regex_create(&regex, "a", &err), ASSAY_EMEMORY, &err, "no memory");
    check_refused(assay_team_open(&team, 2, NULL, &err), ASSAY_EMEMORY, &err, "no memory");
    check_refused(assay_file_beside("a/b", "c", &bytes, &err), ASSAY_EMEMORY, &err, "no memory");
    check_refused(assay_file_write("a", "b", 1, &err), ASSAY_EMEMORY, &err, "no memory");
    assert_null(assay_json_new_text("\xff"));
    allocations_left = 1;
    check_refused(assay_team_open(&team, 2, NULL, &err), ASSAY_EMEMORY, &err, "no memory");
    allocations_left = UINT32_MAX;
    assert_null(regex);
    assert_null(team);
    assert_int_equal(bytes.size, 0);
}

/* A writer that runs out of memory leaves its output as it was. */
static void test_json_write_memory(void **state)
{
    (void)state;
    struct assay_error err;
    struct assay_json *array = assay_json_new_array();
    for (int i = 0; i < 200; i++) assert_true(assay_json_add(array, assay_json_new_integer(i)));
    for (unsigned allowed = 0; allowed < 4; allowed++) {
        struct assay_bytes bytes = {0};
        check_ok(assay_bytes_append(&bytes, "before", 6, &err), &err);
        allocations_left = allowed;
        enum assay_status status = assay_json_write(array, true, &bytes, &err);
        allocations_left = UINT32_MAX;
        check_refused(status, ASSAY_EMEMORY, &err, "no memory");
        assert_string_equal((char *)bytes.data, "before");
        assay_bytes_fini(&bytes);
    }
    assay_json_destroy(array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multiply),          cmocka_unit_test(test_arena),
        cmocka_unit_test(test_arena_refuses),     cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_bytes_memory),      cmocka_unit_test(test_fields),
        cmocka_unit_test(test_reader_bounds),     cmocka_unit_test(test_others_memory),
        cmocka_unit_test(test_json_write_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
