/* GGUF parser: what it reads, and what it refuses, by files of a few hundred bytes. */
#include "harness/check.h"
#include "harness/gguf_image.h"

#include "model/dtype.h"
#include "model/gguf.h"

#include <stdlib.h>

/* A file with one key of each type and three tensors. */
static void make_plain(struct assay_gguf_image *image)
{
    static const uint64_t matrix[] = {32, 3}, vector[] = {5}, cube[] = {2, 2, 2};
    static const uint8_t data[60] = {1, 2, 3};
    static const char *const texts[] = {"one", "", "three"};
    static const int32_t numbers[] = {-1, 2};
    assay_gguf_image_raw(image, "k.u8", GGUF_U8, "\xfe", 1);
    assay_gguf_image_raw(image, "k.i8", GGUF_I8, "\xfe", 1);
    assay_gguf_image_raw(image, "k.u16", GGUF_U16, "\x01\x02", 2);
    assay_gguf_image_raw(image, "k.i16", GGUF_I16, "\x01\x02", 2);
    assay_gguf_image_u32(image, "k.u32", 4000000000u);
    assay_gguf_image_raw(image, "k.i32", GGUF_I32, "\x07\0\0\0", 4);
    assay_gguf_image_raw(image, "k.u64", GGUF_U64, "\x08\0\0\0\0\0\0\0", 8);
    assay_gguf_image_raw(image, "k.i64", GGUF_I64, "\0\0\0\0\x01\0\0\0", 8);
    assay_gguf_image_raw(image, "k.f64", GGUF_F64, "\0\0\0\0\0\0\0\0", 8);
    assay_gguf_image_f32(image, "k.f32", 1.5f);
    assay_gguf_image_bool(image, "k.bool", true);
    assay_gguf_image_raw(image, "k.bad_bool", GGUF_BOOL, "\x02", 1);
    assay_gguf_image_text(image, "k.text", "héllo");
    assay_gguf_image_texts(image, "k.texts", texts, 3);
    assay_gguf_image_i32s(image, "k.numbers", numbers, 2);
    assay_gguf_image_tensor(image, "matrix", 3, matrix, 2, data, 60);
    assay_gguf_image_tensor(image, "vector", 0, vector, 1, data, 20);
    assay_gguf_image_tensor(image, "cube", 1, cube, 3, data, 16);
}

static struct assay_bytes finish(const struct assay_gguf_image *image)
{
    struct assay_bytes bytes = {0};
    struct assay_error err;
    check_ok(assay_gguf_image_finish(image, &bytes, &err), &err);
    return bytes;
}

static struct assay_gguf *parse_plain(struct assay_bytes *bytes)
{
    struct assay_gguf_image image = {0};
    struct assay_gguf *gguf = NULL;
    struct assay_error err;
    make_plain(&image);
    *bytes = finish(&image);
    assay_gguf_image_fini(&image);
    check_ok(assay_gguf_parse(&gguf, bytes->data, bytes->size, &err), &err);
    return gguf;
}

static void test_dtypes(void **state)
{
    (void)state;
    static const struct {
        uint32_t id;
        const char *name;
        size_t elements, bytes;
    } rows[] = {{0, "F32", 1, 4},       {1, "F16", 1, 2},      {2, "Q4_0", 32, 18},
                {3, "Q4_1", 32, 20},    {8, "Q8_0", 32, 34},   {30, "BF16", 1, 2},
                {6, "Q5_0", 32, 22},    {7, "Q5_1", 32, 24},   {12, "Q4_K", 256, 144},
                {13, "Q5_K", 256, 176}, {14, "Q6_K", 256, 210}};
    assert_int_equal(COUNT_OF(rows), ASSAY_DTYPE_COUNT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum assay_dtype dtype = ASSAY_DTYPE_COUNT;
        assert_true(assay_dtype_from_gguf(rows[i].id, &dtype));
        assert_string_equal(assay_dtype_name(dtype), rows[i].name);
        assert_int_equal(assay_dtype_block_elements(dtype), rows[i].elements);
        assert_int_equal(assay_dtype_block_bytes(dtype), rows[i].bytes);
    }
    enum assay_dtype dtype;
    assert_false(assay_dtype_from_gguf(10, &dtype));
    assert_string_equal(assay_dtype_refused_name(10), "Q2_K");
    assert_string_equal(assay_dtype_refused_name(4711), "unknown");
    assert_string_equal(assay_dtype_supported(),
                        "F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q4_K Q5_K Q6_K");
}

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        uint32_t value;
        const char *refused;
    } rows[] = {
        {"k.u8", 254, NULL},
        {"k.u16", 0x201, NULL},
        {"k.i16", 0x201, NULL},
        {"k.u32", 4000000000u, NULL},
        {"k.i32", 7, NULL},
        {"k.u64", 8, NULL},
        {"k.i8", 0, "k.i8 is -2"},
        {"k.i64", 0, "k.i64 is 4294967296, outside of 0 to 4294967295"},
        {"k.f32", 0, "k.f32 is an f32, not an integer"},
        {"k.f64", 0, "k.f64 is an f64, not an integer"},
        {"k.text", 0, "k.text is a text"},
        {"k.none", 0, "k.none is missing"},
    };
    struct assay_bytes bytes;
    struct assay_gguf *gguf = parse_plain(&bytes);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_error err;
        uint32_t value = 0;
        enum assay_status status =
            assay_gguf_get_u32(gguf, rows[i].key, ASSAY_GGUF_REQUIRED, &value, &err);
        if (rows[i].refused) {
            check_refused(status, ASSAY_EFORMAT, &err, rows[i].refused);
        } else {
            check_ok(status, &err);
        }
        assert_int_equal(value, rows[i].value);
    }
    assay_gguf_destroy(gguf);
    assay_bytes_fini(&bytes);
}

static void test_values(void **state)
{
    (void)state;
    struct assay_bytes bytes;
    struct assay_gguf *gguf = parse_plain(&bytes);
    struct assay_error err;
    float f = 0.25f;
    bool b = false;
    struct assay_gguf_text text = {0};
    struct assay_gguf_array array = {0};
    const enum assay_gguf_need must = ASSAY_GGUF_REQUIRED, may = ASSAY_GGUF_OPTIONAL;

    check_ok(assay_gguf_get_f32(gguf, "k.none", may, &f, &err), &err);
    assert_true(f == 0.25f);
    check_ok(assay_gguf_get_f32(gguf, "k.f32", must, &f, &err), &err);
    assert_true(f == 1.5f);
    check_refused(assay_gguf_get_f32(gguf, "k.u8", may, &f, &err), ASSAY_EFORMAT, &err,
                  "key k.u8 is a u8, not an f32");
    check_ok(assay_gguf_get_bool(gguf, "k.bool", must, &b, &err), &err);
    assert_true(b);
    check_refused(assay_gguf_get_bool(gguf, "k.bad_bool", must, &b, &err), ASSAY_EFORMAT, &err,
                  "value 2");
    check_refused(assay_gguf_get_bool(gguf, "k.i32", must, &b, &err), ASSAY_EFORMAT, &err,
                  "an i32, not a bool");
    check_ok(assay_gguf_get_text(gguf, "k.text", must, &text, &err), &err);
    assert_int_equal(text.size, 6);
    assert_memory_equal(text.data, "héllo", 6);
    check_refused(assay_gguf_get_text(gguf, "k.texts", must, &text, &err), ASSAY_EFORMAT, &err,
                  "an array, not a text");
    check_refused(assay_gguf_get_array(gguf, "k.texts", must, ASSAY_GGUF_I32, &array, &err),
                  ASSAY_EFORMAT, &err, "an element is a text, not an i32");
    check_refused(assay_gguf_get_array(gguf, "k.f32", must, ASSAY_GGUF_I32, &array, &err),
                  ASSAY_EFORMAT, &err, "an f32, not an array");
    check_ok(assay_gguf_get_array(gguf, "k.texts", must, ASSAY_GGUF_TEXT, &array, &err), &err);
    assert_int_equal(array.count, 3);
    size_t position = 0;
    assert_int_equal(assay_gguf_array_text(&array, &position).size, 3);
    assert_int_equal(assay_gguf_array_text(&array, &position).size, 0);
    assert_memory_equal(assay_gguf_array_text(&array, &position).data, "three", 5);
    assert_int_equal(position, array.size);
    check_ok(assay_gguf_get_array(gguf, "k.numbers", must, ASSAY_GGUF_I32, &array, &err), &err);
    assert_memory_equal(array.data, "\xff\xff\xff\xff\x02\0\0\0", 8);

    assert_true(assay_gguf_has(gguf, "k.f64"));
    assert_false(assay_gguf_has(gguf, "k."));
    assert_int_equal(assay_gguf_key_count(gguf), 15);
    assert_string_equal(assay_gguf_key_at(gguf, 0), "k.bad_bool");
    assay_gguf_destroy(gguf);
    assay_bytes_fini(&bytes);
}

static void test_tensors(void **state)
{
    (void)state;
    struct assay_bytes bytes;
    struct assay_gguf *gguf = parse_plain(&bytes);
    size_t index = 99;
    assert_int_equal(assay_gguf_tensor_count(gguf), 3);
    assert_null(assay_gguf_tensor_find(gguf, "matri", &index));
    assert_int_equal(index, 99);
    const struct assay_gguf_tensor *tensor = assay_gguf_tensor_find(gguf, "matrix", &index);
    assert_int_equal(index, 1);
    assert_ptr_equal(tensor, assay_gguf_tensor_at(gguf, 1));
    assert_int_equal(tensor->dtype, ASSAY_DTYPE_Q4_1);
    assert_int_equal(tensor->dims[0], 32);
    assert_int_equal(tensor->dims[1], 3);
    assert_int_equal(tensor->dims[2], 1);
    assert_int_equal(tensor->size, 60);
    assert_memory_equal(tensor->data, "\1\2\3", 4);
    tensor = assay_gguf_tensor_find(gguf, "cube", &index);
    assert_int_equal(tensor->offset, 96);
    assert_int_equal(tensor->size, 16);
    assert_ptr_equal(tensor->data + 32, bytes.data + bytes.size);
    assay_gguf_destroy(gguf);
    assay_bytes_fini(&bytes);
}

/* --- refusals: each row changes one thing in a file that is good without it --- */

static const uint64_t four[] = {4, 1}, rows_of_31[] = {31, 1},
                      huge[] = {1u << 30, 1u << 30, 1u << 30}, zero[] = {4, 0}, big[] = {1 << 20};
static const uint8_t sixteen[32];

static void add_tensor(struct assay_gguf_image *image, const char *name, uint32_t type,
                       const uint64_t *dims, uint32_t dim_count)
{
    assay_gguf_image_tensor(image, name, type, dims, dim_count, sixteen, 16);
}

static void version_1(struct assay_gguf_image *image)
{
    image->version = 1;
}
static void version_4(struct assay_gguf_image *image)
{
    image->version = 4;
}
static void big_endian(struct assay_gguf_image *image)
{
    image->version = 3u << 24;
}
static void many_keys(struct assay_gguf_image *image)
{
    image->key_count = 65537;
}
static void more_keys(struct assay_gguf_image *image)
{
    image->key_count += 1000;
}
static void many_tensors(struct assay_gguf_image *image)
{
    image->tensor_count = UINT64_MAX;
}
static void one_key_more(struct assay_gguf_image *image)
{
    image->key_count++;
}
static void key_twice(struct assay_gguf_image *image)
{
    assay_gguf_image_u32(image, "k.text", 1);
}
static void key_empty(struct assay_gguf_image *image)
{
    assay_gguf_image_u32(image, "", 1);
}
static void key_control(struct assay_gguf_image *image)
{
    assay_gguf_image_u32(image, "a\nb", 1);
}
static void key_long(struct assay_gguf_image *image)
{
    static char name[301];
    memset(name, 'x', 300);
    assay_gguf_image_u32(image, name, 1);
}
static void type_unknown(struct assay_gguf_image *image)
{
    assay_gguf_image_raw(image, "k.new", 13, "\0", 1);
}
static void array_nested(struct assay_gguf_image *image)
{
    assay_gguf_image_raw(image, "k.new", GGUF_ARRAY, "\x09\0\0\0\0\0\0\0\0\0\0\0", 12);
}
static void array_type(struct assay_gguf_image *image)
{
    assay_gguf_image_raw(image, "k.new", GGUF_ARRAY, "\x77\0\0\0\0\0\0\0\0\0\0\0", 12);
}
static void array_long(struct assay_gguf_image *image)
{
    assay_gguf_image_raw(image, "k.new", GGUF_ARRAY, "\x0a\0\0\0\0\0\0\0\0\0\0\x20", 12);
}
static void array_texts(struct assay_gguf_image *image)
{
    assay_gguf_image_raw(image, "k.new", GGUF_ARRAY,
                         "\x08\0\0\0\1\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 20);
}
static void text_long(struct assay_gguf_image *image)
{
    assay_gguf_image_raw(image, "k.new", GGUF_TEXT, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
}
static void alignment_odd(struct assay_gguf_image *image)
{
    assay_gguf_image_u32(image, "general.alignment", 48);
}
static void alignment_zero(struct assay_gguf_image *image)
{
    assay_gguf_image_u32(image, "general.alignment", 0);
}
static void alignment_type(struct assay_gguf_image *image)
{
    assay_gguf_image_f32(image, "general.alignment", 32);
}
static void alignment_other(struct assay_gguf_image *image)
{
    assay_gguf_image_u32(image, "general.alignment", 64);
}
static void tensor_twice(struct assay_gguf_image *image)
{
    add_tensor(image, "cube", 0, four, 1);
}
static void tensor_name_long(struct assay_gguf_image *image)
{
    add_tensor(image, "0123456789012345678901234567890123456789012345678901234567890123x", 0, four,
               1);
}
static void tensor_type(struct assay_gguf_image *image)
{
    add_tensor(image, "new", 11, four, 1);
}
static void tensor_type_new(struct assay_gguf_image *image)
{
    add_tensor(image, "new", 0x10000, four, 1);
}
static void tensor_dims_0(struct assay_gguf_image *image)
{
    add_tensor(image, "new", 0, four, 0);
}
static void tensor_dims_5(struct assay_gguf_image *image)
{
    static const uint64_t five[] = {1, 1, 1, 1, 1};
    add_tensor(image, "new", 0, five, 5);
}
static void tensor_dim_zero(struct assay_gguf_image *image)
{
    add_tensor(image, "new", 0, zero, 2);
}
static void tensor_blocks(struct assay_gguf_image *image)
{
    add_tensor(image, "new", 8, rows_of_31, 2);
}
static void tensor_huge(struct assay_gguf_image *image)
{
    add_tensor(image, "new", 0, huge, 3);
}
static void tensor_big(struct assay_gguf_image *image)
{
    add_tensor(image, "new", 0, big, 1);
}
static void tensor_longer(struct assay_gguf_image *image)
{
    static const uint64_t longer[] = {17};
    add_tensor(image, "new", 0, longer, 1);
}
static void offset_odd(struct assay_gguf_image *image)
{
    assay_gguf_image_tensor_at(image, "new", 0, four, 1, 129, sixteen, 16);
}
static void offset_overlap(struct assay_gguf_image *image)
{
    assay_gguf_image_tensor_at(image, "new", 0, four, 1, 96, sixteen, 16);
}
static void offset_gap(struct assay_gguf_image *image)
{
    assay_gguf_image_tensor_at(image, "new", 0, four, 1, 160, sixteen, 16);
}
static void offset_outside(struct assay_gguf_image *image)
{
    assay_gguf_image_tensor_at(image, "new", 0, four, 1, UINT64_MAX - 31, sixteen, 16);
}
static void trailing(struct assay_gguf_image *image)
{
    image->status = assay_bytes_append(&image->data, sixteen, 1, NULL);
}

static const struct {
    void (*change)(struct assay_gguf_image *image);
    enum assay_status status;
    const char *message;
} refusals[] = {
    {version_1, ASSAY_EUNSUPPORTED, "GGUF version 1 is not supported; supported are 2 to 3"},
    {version_4, ASSAY_EUNSUPPORTED, "GGUF version 4"},
    {big_endian, ASSAY_EUNSUPPORTED, "big-endian"},
    {many_keys, ASSAY_EFORMAT, "65537 metadata keys; at most 65536"},
    {more_keys, ASSAY_EFORMAT, "1015 metadata keys do not fit"},
    {many_tensors, ASSAY_EFORMAT, "18446744073709551615 tensors; at most 65536"},
    {one_key_more, ASSAY_EFORMAT, "truncated"},
    {key_twice, ASSAY_EFORMAT, "key k.text is there twice"},
    {key_empty, ASSAY_EFORMAT, "a metadata key is empty"},
    {key_control, ASSAY_EFORMAT, "a metadata key \"a\\x0ab\" is not printable"},
    {key_long, ASSAY_EFORMAT, "xxx…\" is too long"},
    {type_unknown, ASSAY_EUNSUPPORTED, "key k.new has the unknown value type 13"},
    {array_nested, ASSAY_EUNSUPPORTED, "key k.new is an array of arrays"},
    {array_type, ASSAY_EUNSUPPORTED, "key k.new has the unknown value type 119"},
    {array_long, ASSAY_EFORMAT, "truncated: the file ends after"},
    {array_texts, ASSAY_EFORMAT, "in key k.new"},
    {text_long, ASSAY_EFORMAT, "in key k.new"},
    {alignment_odd, ASSAY_EFORMAT, "general.alignment 48 is not a power of two"},
    {alignment_zero, ASSAY_EFORMAT, "general.alignment 0"},
    {alignment_type, ASSAY_EFORMAT, "general.alignment is an f32, not an integer"},
    {alignment_other, ASSAY_EFORMAT, "tensor cube: offset 96 is not aligned"},
    {tensor_twice, ASSAY_EFORMAT, "tensor cube is there twice"},
    {tensor_name_long, ASSAY_EFORMAT, "is too long"},
    {tensor_type, ASSAY_EUNSUPPORTED,
     "tensor new: type 11 (Q3_K) is not supported; supported are F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 "
     "Q8_0 Q4_K Q5_K Q6_K"},
    {tensor_type_new, ASSAY_EUNSUPPORTED, "tensor new: type 65536 (unknown)"},
    {tensor_dims_0, ASSAY_EFORMAT, "tensor new has 0 dimensions"},
    {tensor_dims_5, ASSAY_EFORMAT, "tensor new has 5 dimensions; 1 to 4"},
    {tensor_dim_zero, ASSAY_EFORMAT, "tensor new: dimension 1 is 0"},
    {tensor_blocks, ASSAY_EFORMAT,
     "tensor new: rows of 31 elements are not a multiple of the 32 of a Q8_0 block"},
    {tensor_huge, ASSAY_EFORMAT, "tensor new is larger than the file"},
    {tensor_big, ASSAY_EFORMAT, "tensor new is larger than the file"},
    {tensor_longer, ASSAY_EFORMAT, "in the data of the tensors"},
    {offset_odd, ASSAY_EFORMAT, "tensor new: offset 129 is not aligned"},
    {offset_overlap, ASSAY_EFORMAT, "tensor new: offset 96 overlaps the tensor before it"},
    {offset_gap, ASSAY_EFORMAT, "tensor new: offset 160 leaves a gap"},
    {offset_outside, ASSAY_EFORMAT, "tensor new: offset 18446744073709551584 is outside"},
    {trailing, ASSAY_EFORMAT, "oversized: 1 bytes behind the last tensor"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        struct assay_gguf_image image = {0};
        struct assay_gguf *gguf = NULL;
        struct assay_error err;
        make_plain(&image);
        refusals[i].change(&image);
        struct assay_bytes bytes = finish(&image);
        check_refused(assay_gguf_parse(&gguf, bytes.data, bytes.size, &err), refusals[i].status,
                      &err, refusals[i].message);
        assert_null(gguf);
        assay_bytes_fini(&bytes);
        assay_gguf_image_fini(&image);
    }
}

static void test_begin(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t size;
        const char *message;
    } rows[] = {
        {"", 0, "truncated: the file ends after 0 bytes, in the magic number"},
        {"GGU", 3, "in the magic number"},
        {"GGUX\3\0\0\0", 8, "not a GGUF file: it begins with \"GGUX\", not \"GGUF\""},
        {"\x7f"
         "ELF\3\0\0\0",
         8, "it begins with \"\\x7fELF\""},
        {"GGUF\3\0\0", 7, "in the header"},
        {"GGUF\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 23, "in the header"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_gguf *gguf = NULL;
        struct assay_error err;
        check_refused(assay_gguf_parse(&gguf, (const uint8_t *)rows[i].data, rows[i].size, &err),
                      ASSAY_EFORMAT, &err, rows[i].message);
    }
}

/* Versions, alignments, and the padding that some writers leave out at the end. */
static void test_accepted(void **state)
{
    (void)state;
    static const struct {
        uint32_t version, alignment;
        size_t cut;
    } rows[] = {{2, 0, 0}, {3, 0, 0}, {3, 8, 0}, {3, 64, 0}, {3, 0, 16}, {3, 64, 48}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_gguf_image image = {.version = rows[i].version,
                                         .alignment = rows[i].alignment};
        struct assay_gguf *gguf = NULL;
        struct assay_error err;
        make_plain(&image);
        if (rows[i].alignment) {
            assay_gguf_image_u32(&image, "general.alignment", rows[i].alignment);
        }
        struct assay_bytes bytes = finish(&image);
        check_ok(assay_gguf_parse(&gguf, bytes.data, bytes.size - rows[i].cut, &err), &err);
        assay_gguf_destroy(gguf);
        gguf = NULL;
        check_refused(assay_gguf_parse(&gguf, bytes.data, bytes.size - rows[i].cut - 49, &err),
                      ASSAY_EFORMAT, &err, "truncated");
        assay_bytes_fini(&bytes);
        assay_gguf_image_fini(&image);
    }
}

/* A header and nothing else is a file, with or without its padding. */
static void test_empty(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        enum assay_status status;
    } rows[] = {{24, ASSAY_OK}, {32, ASSAY_OK}, {33, ASSAY_EFORMAT}};
    static const uint8_t header[64] = {'G', 'G', 'U', 'F', 3};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_gguf *gguf = NULL;
        struct assay_error err = {0};
        assert_int_equal(assay_gguf_parse(&gguf, header, rows[i].size, &err), rows[i].status);
        if (gguf) {
            size_t index;
            assert_null(assay_gguf_tensor_find(gguf, "x", &index));
            assert_false(assay_gguf_has(gguf, "x"));
        }
        assay_gguf_destroy(gguf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dtypes),   cmocka_unit_test(test_integers),
        cmocka_unit_test(test_values),   cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_begin),
        cmocka_unit_test(test_accepted), cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
