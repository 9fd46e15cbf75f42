/* A model in three parts is the model in one; parts that do not belong together are refused. */
#include "patch.h"

#include "base/file.h"
#include "base/shard_name.h"
#include "crypto/digest.h"
#include "harness/folder.h"
#include "model/gguf.h"
#include "model/model_parse.h"

#include <stdlib.h>

enum { PARTS = 3 };

/* What a test may change, from what gguf-split writes. */
struct cut {
    uint32_t counts[PARTS], numbers[PARTS], tensors[PARTS];
    bool key_missing[PARTS]; /* split.no */
    int tensors_from;        /* the part whose tensors stand in part 2; 1 as it should be */
};
static const struct cut good = {
    {PARTS, PARTS, PARTS}, {0, 1, 2}, {0, 0, 0}, {false, false, false}, 1};

static const struct assay_test_gguf_options options = {.layers = 3, .rope_factors = true};

/* Tensor t of the whole belongs to part t mod 3. All are F32. */
static void make_part(struct assay_bytes *out, const struct assay_gguf *whole,
                      const struct cut *cut, unsigned part)
{
    struct assay_gguf_image image = {0};
    struct assay_error err;
    size_t count = assay_gguf_tensor_count(whole);
    unsigned from = part == 1 ? (unsigned)cut->tensors_from : part;
    if (part == 0) assay_test_gguf_keys(&image, &options);
    if (!cut->key_missing[part]) assay_gguf_image_u32(&image, "split.no", cut->numbers[part]);
    assay_gguf_image_u32(&image, "split.count", cut->counts[part]);
    assay_gguf_image_u32(&image, "split.tensors.count", (uint32_t)count + cut->tensors[part]);
    for (size_t t = from; t < count; t += PARTS) {
        const struct assay_gguf_tensor *tensor = assay_gguf_tensor_at(whole, t);
        uint64_t dims[2] = {tensor->dims[0], tensor->dims[1]};
        assay_gguf_image_tensor(&image, tensor->name, 0, dims, tensor->dim_count, tensor->data,
                                tensor->size);
    }
    check_ok(assay_gguf_image_finish(&image, out, &err), &err);
    assay_gguf_image_fini(&image);
}

static void make_parts(struct assay_bytes parts[PARTS], const struct cut *cut)
{
    struct assay_bytes whole = patch_image(&options);
    struct assay_gguf *gguf;
    struct assay_error err;
    check_ok(assay_gguf_parse(&gguf, whole.data, whole.size, &err), &err);
    for (unsigned i = 0; i < PARTS; i++) make_part(&parts[i], gguf, cut, i);
    assay_gguf_destroy(gguf);
    assay_bytes_fini(&whole);
}

static void free_parts(struct assay_bytes parts[PARTS])
{
    for (unsigned i = 0; i < PARTS; i++) assay_bytes_fini(&parts[i]);
}

static void check_same(const struct assay_tensor *a, const struct assay_tensor *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->rows * a->row_bytes, b->rows * b->row_bytes);
    assert_memory_equal(a->data, b->data, a->rows * a->row_bytes);
}

static void check_same_model(const struct assay_model *a, const struct assay_model *b)
{
    const struct assay_model_tensors *x = assay_model_tensors(a), *y = assay_model_tensors(b);
    check_same(&x->embedding, &y->embedding);
    check_same(&x->output_norm, &y->output_norm);
    for (unsigned i = 0; i < options.layers; i++) {
        check_same(&x->layers[i].attn_norm, &y->layers[i].attn_norm);
        check_same(&x->layers[i].q, &y->layers[i].q);
        check_same(&x->layers[i].v, &y->layers[i].v);
        check_same(&x->layers[i].down, &y->layers[i].down);
    }
    assert_int_equal(assay_tokenizer_vocab(assay_model_tokenizer(a)),
                     assay_tokenizer_vocab(assay_model_tokenizer(b)));
}

static void test_files(void **state)
{
    (void)state;
    static const char *const names[] = {"m-00001-of-00003.gguf", "m-00002-of-00003.gguf",
                                        "m-00003-of-00003.gguf"};
    struct folder folder = folder_make();
    struct assay_bytes parts[PARTS] = {{0}}, all = {0}, whole = patch_image(&options);
    struct assay_model *model = NULL, *single = NULL;
    struct assay_digest digest, expected;
    struct assay_error err;
    char paths[PARTS][FOLDER_PATH_BYTES];
    make_parts(parts, &good);
    for (unsigned i = 0; i < PARTS; i++) {
        folder_path(&folder, names[i], paths[i]);
        check_ok(assay_file_write(paths[i], parts[i].data, parts[i].size, &err), &err);
        check_ok(assay_bytes_append(&all, parts[i].data, parts[i].size, &err), &err);
    }
    check_ok(assay_model_parse(&single, whole.data, whole.size, &err), &err);
    check_ok(assay_model_open(&model, paths[0], &err), &err);
    check_same_model(model, single);
    assert_int_equal(assay_model_file_bytes(model), all.size);
    expected = assay_sha256_of(all.data, all.size);
    check_ok(assay_sha256_file(&digest, paths[0], &err), &err);
    assert_true(assay_digest_equal(&digest, &expected));
    assay_model_close(model);
    assay_model_close(single);

    check_refused(assay_model_open(&model, paths[1], &err), ASSAY_EVALUE, &err,
                  "is part 2 of 3: open the first");
    char lone[FOLDER_PATH_BYTES];
    folder_path(&folder, "lone.gguf", lone);
    check_ok(assay_file_write(lone, parts[0].data, parts[0].size, &err), &err);
    check_refused(assay_model_open(&model, lone, &err), ASSAY_EMISMATCH, &err,
                  "one of 3 parts: their names must end in -00001-of-00003.gguf");
    unlink(paths[2]);
    check_refused(assay_model_open(&model, paths[0], &err), ASSAY_ENOTFOUND, &err, "part 3 of 3: ");
    assert_non_null(strstr(err.text, names[2]));
    check_refused(assay_sha256_file(&digest, paths[0], &err), ASSAY_ENOTFOUND, &err, names[2]);
    folder_remove(&folder);
    assay_bytes_fini(&all);
    assay_bytes_fini(&whole);
    free_parts(parts);
}

static const struct {
    struct cut cut;
    unsigned order[PARTS];
    enum assay_status status;
    const char *quoted;
} rows[] = {
    {{{3, 4, 3}, {0, 1, 2}, {0}, {false}, 1},
     {0, 1, 2},
     ASSAY_EMISMATCH,
     "part 2: key split.count is 4, but here it is 3"},
    {{{2, 2, 2}, {0, 1, 2}, {0}, {false}, 1},
     {0, 1, 2},
     ASSAY_EMISMATCH,
     "part 1: key split.count is 2, but here it is 3"},
    {{{3, 3, 3}, {0, 1, 1}, {0}, {false}, 1},
     {0, 1, 2},
     ASSAY_EMISMATCH,
     "part 3: key split.no is 1, but here it is 2"},
    {{{3, 3, 3}, {0, 1, 2}, {0}, {false, true}, 1},
     {0, 1, 2},
     ASSAY_EMISMATCH,
     "part 2 has no key split.no"},
    {{{3, 3, 3}, {0, 1, 2}, {0, 0, 5}, {false}, 1},
     {0, 1, 2},
     ASSAY_EMISMATCH,
     "part 3: key split.tensors.count is"},
    {{{3, 3, 3}, {0, 1, 2}, {0}, {false}, 2}, {0, 1, 2}, ASSAY_EMISMATCH, "is in another part too"},
    {{{3, 3, 3}, {0, 1, 2}, {0}, {false}, 1},
     {0, 2, 1},
     ASSAY_EMISMATCH,
     "part 2: key split.no is 2, but here it is 1"},
    {{{3, 3, 3}, {0, 1, 2}, {0}, {false}, 1},
     {1, 0, 2},
     ASSAY_EMISMATCH,
     "part 1: key split.no is 1, but here it is 0"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_bytes parts[PARTS] = {{0}};
        struct assay_model_part given[PARTS];
        struct assay_model *model = NULL;
        struct assay_error err;
        make_parts(parts, &rows[i].cut);
        for (unsigned p = 0; p < PARTS; p++) {
            const struct assay_bytes *part = &parts[rows[i].order[p]];
            given[p] = (struct assay_model_part){part->data, part->size};
        }
        check_refused(assay_model_parse_parts(&model, given, PARTS, &err), rows[i].status, &err,
                      rows[i].quoted);
        assert_null(model);
        free_parts(parts);
    }
}

/* A part that is cut off, or missing at the end. */
static void test_damaged(void **state)
{
    (void)state;
    struct assay_bytes parts[PARTS] = {{0}};
    struct assay_model_part given[PARTS];
    struct assay_model *model = NULL;
    struct assay_error err;
    make_parts(parts, &good);
    for (unsigned p = 0; p < PARTS; p++) {
        given[p] = (struct assay_model_part){parts[p].data, parts[p].size};
    }
    check_refused(assay_model_parse_parts(&model, given, PARTS - 1, &err), ASSAY_EMISMATCH, &err,
                  "split.count is 3, but here it is 2");
    given[2].size -= 100;
    check_refused(assay_model_parse_parts(&model, given, PARTS, &err), ASSAY_EFORMAT, &err,
                  "part 3: ");
    free_parts(parts);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        uint32_t number, count;
        const char *second;
    } names[] = {
        {"a-00001-of-00003.gguf", 1, 3, "a-00002-of-00003.gguf"},
        {"/x/y-00012-of-00345.gguf", 12, 345, "/x/y-00002-of-00345.gguf"},
        {"a-00001-of-00001.gguf", 1, 1, "a-00001-of-00001.gguf"},
        {"-00001-of-00003.gguf", 1, 1, "-00001-of-00003.gguf"},
        {"a-00004-of-00003.gguf", 1, 1, "a-00004-of-00003.gguf"},
        {"a-00000-of-00003.gguf", 1, 1, "a-00000-of-00003.gguf"},
        {"a-0001-of-00003.gguf", 1, 1, "a-0001-of-00003.gguf"},
        {"a-00001-of-00003.gguf2", 1, 1, "a-00001-of-00003.gguf2"},
        {"a_00001-of-00003.gguf", 1, 1, "a_00001-of-00003.gguf"},
        {"", 1, 1, ""},
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct assay_shard_name name = assay_shard_name_of(names[i].path);
        struct assay_bytes path = {0};
        struct assay_error err;
        assert_int_equal(name.number, names[i].number);
        assert_int_equal(name.count, names[i].count);
        check_ok(assay_shard_path(names[i].path, 2, &path, &err), &err);
        assert_string_equal((const char *)path.data, names[i].second);
        assay_bytes_fini(&path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_damaged), cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
