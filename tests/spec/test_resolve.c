/* A spec and its files: where they are looked for, and that they are the ones meant. */
#include "assay/spec.h"
#include "crypto/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* SHA-256 of the contents below, by coreutils' sha256sum. */
#define MODEL_SHA "97ff8a35544dcf40ad84047074439dd6aa3a0be469ea578a1b1c017d939ec61c"
#define BENCHMARK_SHA "6d0fa038ddbac7c2a0709bb6d801e266daac3cbfa4dc6f4926fc831c586aa7bb"
#define OTHER_SHA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static char origin[4096]; /* the working directory before the tests */
static char scratch[64];  /* holds jobs/ and models/; the working directory of each test */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int enter(void **state)
{
    (void)state;
    snprintf(scratch, sizeof scratch, "test-spec-XXXXXX");
    if (!getcwd(origin, sizeof origin) || !mkdtemp(scratch) || chdir(scratch) != 0) return -1;
    return mkdir("jobs", 0700) || mkdir("models", 0700) || mkdir("jobs/data", 0700);
}

static int leave(void **state)
{
    (void)state;
    static const char *const files[] = {"jobs/m",      "models/m",  "m",    "jobs/data/b",
                                        "jobs/b",      "models/b",  "b",    "x.yaml",
                                        "jobs/x.yaml", "jobs/data", "jobs", "models"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) remove(files[i]);
    return chdir(origin) || rmdir(scratch);
}

static struct assay_spec *spec_of(const char *model, const char *benchmark)
{
    char text[1024];
    struct assay_error err = {0};
    struct assay_spec *spec = NULL;
    snprintf(text, sizeof text,
             "assay: 1\nname: short\nmodel: {%s}\nbenchmark: {%s}\nprompt: {user: '{q}'}\n"
             "max_tokens: 1\nreplicates: 1\nseed: 0\nprofiles: [{name: p}]\n",
             model, benchmark);
    if (assay_spec_parse(&spec, text, strlen(text), &err)) fail_msg("%s", err.text);
    return spec;
}

static void places_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *make; /* the file that appears before the search */
        const char *spec_path, *model_dir, *file;
    } rows[] = {
        /* later places first: each file hides the ones made before it */
        {"m", "jobs/x.yaml", "models", "m"},
        {"models/m", "jobs/x.yaml", "models", "models/m"},
        {"jobs/m", "jobs/x.yaml", "models", "jobs/m"},
        {NULL, "jobs/x.yaml", NULL, "jobs/m"},
        {NULL, "./x.yaml", "models", "./m"},
        {NULL, "x.yaml", "models", "m"},
        {NULL, NULL, "models", "m"},
        {NULL, NULL, NULL, "m"},
        {NULL, "models/x.yaml", NULL, "models/m"},
    };
    write_file("b", "a benchmark");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct assay_error err = {0};
        struct assay_spec *spec = spec_of("path: m", "path: b");
        if (rows[i].make) write_file(rows[i].make, "a model");
        if (assay_spec_resolve(spec, rows[i].spec_path, rows[i].model_dir, NULL, &err))
            fail_msg("row %zu: %s", i, err.text);
        assert_string_equal(spec->model.file, rows[i].file);
        assert_string_equal(spec->model.path, "m");
        char hex[ASSAY_DIGEST_HEX];
        assert_string_equal(assay_digest_hex(&spec->model.sha256, hex), MODEL_SHA);
        assert_string_equal(assay_digest_hex(&spec->benchmark.sha256, hex), BENCHMARK_SHA);
        assert_non_null(strstr(spec->canonical, "\"model\":{\"sha256\":\"" MODEL_SHA "\"}"));
        assert_non_null(strstr(spec->canonical, BENCHMARK_SHA));
        assay_spec_destroy(spec);
    }
}

static void the_store_comes_last_for_data(void **state)
{
    (void)state;
    static const struct {
        const char *make, *file;
    } rows[] = {{"models/b", "models/b"}, {"b", "b"}, {"jobs/b", "jobs/b"}};
    write_file("m", "a model");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct assay_error err = {0};
        struct assay_spec *spec = spec_of("path: m", "path: b");
        write_file(rows[i].make, "a benchmark");
        if (assay_spec_resolve(spec, "jobs/x.yaml", "models", NULL, &err))
            fail_msg("row %zu: %s", i, err.text);
        assert_string_equal(spec->benchmark.file, rows[i].file);
        assay_spec_destroy(spec);
    }
    struct assay_error err = {0};
    struct assay_spec *spec = spec_of("path: m", "path: data/b");
    write_file("jobs/data/b", "a benchmark");
    assert_int_equal(assay_spec_resolve(spec, "jobs/x.yaml", "models", NULL, &err), ASSAY_OK);
    assert_string_equal(spec->benchmark.file, "jobs/data/b");
    assay_spec_destroy(spec);
}

#define MODEL_OBJECT "sha256/97/" MODEL_SHA

static void make_object(const char *text)
{
    mkdir("models/sha256", 0700);
    mkdir("models/sha256/97", 0700);
    write_file("models/" MODEL_OBJECT, text);
}

static void remove_object(void)
{
    remove("models/" MODEL_OBJECT);
    remove("models/sha256/97");
    remove("models/sha256");
}

static void a_store_has_files_by_digest(void **state)
{
    (void)state;
    static const struct {
        const char *model, *file;
    } rows[] = {{"path: m, sha256: " MODEL_SHA, "models/" MODEL_OBJECT}, /* under no name */
                {"path: 'sha256:" MODEL_SHA "'", "models/" MODEL_OBJECT},
                {"path: /elsewhere/m, sha256: " MODEL_SHA, "models/" MODEL_OBJECT},
                {"path: n", "models/n"}};
    make_object("a model");
    write_file("b", "a benchmark");
    assert_int_equal(symlink(MODEL_OBJECT, "models/n"), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct assay_error err = {0};
        struct assay_spec *spec = spec_of(rows[i].model, "path: b");
        if (assay_spec_resolve(spec, "jobs/x.yaml", "models", NULL, &err))
            fail_msg("row %zu: %s", i, err.text);
        assert_string_equal(spec->model.file, rows[i].file);
        assert_non_null(strstr(spec->canonical, "\"model\":{\"sha256\":\"" MODEL_SHA "\"}"));
        assay_spec_destroy(spec);
    }
    /* A name promises its digest, though the spec declares none. */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct assay_error err = {0};
        struct assay_spec *spec = spec_of(rows[i].model, "path: b");
        make_object("a damaged model");
        assert_int_equal(assay_spec_resolve(spec, "jobs/x.yaml", "models", NULL, &err),
                         ASSAY_EMISMATCH);
        assert_non_null(strstr(err.text, "has sha256 "));
        assert_non_null(strstr(err.text, MODEL_SHA));
        assay_spec_destroy(spec);
    }
    remove("models/n");
    remove_object();
}

static void digests_in_paths_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        enum assay_status status;
        const char *message;
    } rows[] = {
        {"path: 'sha256:" MODEL_SHA "', sha256: " OTHER_SHA, ASSAY_EMISMATCH,
         "x.yaml: model: path says sha256 " MODEL_SHA ", but sha256 is " OTHER_SHA},
        {"path: 'sha256:12'", ASSAY_EVALUE,
         "x.yaml: model: path is \"sha256:12\": 64 hex digits follow sha256:"},
        {"path: 'sha256:" OTHER_SHA "'", ASSAY_ENOTFOUND, "looked for models/sha256/aa/" OTHER_SHA},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct assay_error err = {0};
        struct assay_spec *spec = spec_of(rows[i].model, "path: b");
        assert_int_equal(assay_spec_resolve(spec, "x.yaml", "models", NULL, &err), rows[i].status);
        if (!strstr(err.text, rows[i].message)) fail_msg("row %zu: %s", i, err.text);
        assay_spec_destroy(spec);
    }
}

static void absent_files_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *path, *spec_path, *model_dir, *message;
    } rows[] = {
        {"path: m", "jobs/x.yaml", "models",
         "jobs/x.yaml: model: no file \"m\"; looked for jobs/m, models/m, m; where there is a "
         "network: assay fetch jobs/x.yaml --model-dir models"},
        {"path: m", "x.yaml", "models",
         "x.yaml: model: no file \"m\"; looked for m, models/m; where there is a network: assay "
         "fetch x.yaml --model-dir models"},
        {"path: m, sha256: " OTHER_SHA, "x.yaml", NULL,
         "x.yaml: model: no file \"m\"; looked for m; where there is a network: assay fetch x.yaml "
         "--model-dir DIR"},
        {"path: m", NULL, NULL, "model: no file \"m\"; looked for m"},
        {"path: /nowhere/m", "jobs/x.yaml", "models",
         "jobs/x.yaml: model: no file \"/nowhere/m\"; looked for /nowhere/m"},
    };
    write_file("b", "a benchmark");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct assay_error err = {0};
        struct assay_spec *spec = spec_of(rows[i].path, "path: b");
        assert_int_equal(assay_spec_resolve(spec, rows[i].spec_path, rows[i].model_dir, NULL, &err),
                         ASSAY_ENOTFOUND);
        assert_string_equal(err.text, rows[i].message);
        assay_spec_destroy(spec);
    }
}

static void other_files_are_refused(void **state)
{
    (void)state;
    struct assay_error err = {0};
    write_file("m", "a model");
    write_file("b", "a benchmark");
    struct assay_spec *spec = spec_of("path: m, sha256: " MODEL_SHA, "path: b");
    assert_int_equal(assay_spec_resolve(spec, "x.yaml", NULL, NULL, &err), ASSAY_OK);
    /* The declared digest is checked again, not the one found before. */
    write_file("m", "another model");
    assert_int_equal(assay_spec_resolve(spec, "x.yaml", NULL, NULL, &err), ASSAY_EMISMATCH);
    assay_spec_destroy(spec);

    write_file("m", "a model");
    spec = spec_of("path: m, sha256: " OTHER_SHA, "path: b");
    assert_int_equal(assay_spec_resolve(spec, "x.yaml", NULL, NULL, &err), ASSAY_EMISMATCH);
    assert_string_equal(err.text, "x.yaml: model: m has sha256 " MODEL_SHA
                                  ", but the spec declares " OTHER_SHA);
    assert_null(spec->model.file);
    assert_null(spec->canonical);
    assay_spec_destroy(spec);

    spec = spec_of("path: m", "path: b, sha256: " OTHER_SHA);
    assert_int_equal(assay_spec_resolve(spec, "jobs/x.yaml", NULL, NULL, &err), ASSAY_EMISMATCH);
    assert_string_equal(err.text, "jobs/x.yaml: benchmark: b has sha256 " BENCHMARK_SHA
                                  ", but the spec declares " OTHER_SHA);
    assay_spec_destroy(spec);
}

static void directory_is_no_model(void **state)
{
    (void)state;
    struct assay_error err = {0};
    write_file("b", "a benchmark");
    struct assay_spec *spec = spec_of("path: models", "path: b");
    assert_int_not_equal(assay_spec_resolve(spec, "x.yaml", NULL, NULL, &err), ASSAY_OK);
    assert_non_null(strstr(err.text, "x.yaml: model: models"));
    assay_spec_destroy(spec);
}

static void open_puts_the_path_in_front(void **state)
{
    (void)state;
    struct assay_error err = {0};
    struct assay_spec *spec = NULL;
    assert_int_equal(assay_spec_open(&spec, "jobs/x.yaml", &err), ASSAY_ENOTFOUND);
    assert_int_equal(strncmp(err.text, "jobs/x.yaml: ", 13), 0);
    assert_int_not_equal(assay_spec_open(&spec, "jobs", &err), ASSAY_OK);
    assert_int_equal(strncmp(err.text, "jobs: ", 6), 0);

    write_file("jobs/x.yaml", "assay: 1\nname: x\n  y: z\n");
    assert_int_equal(assay_spec_open(&spec, "jobs/x.yaml", &err), ASSAY_EFORMAT);
    assert_string_equal(
        err.text, "jobs/x.yaml:3:4: not YAML: mapping values are not allowed in this context");
    write_file("jobs/x.yaml", "assay: 1\nnmae: x\n");
    assert_int_equal(assay_spec_open(&spec, "jobs/x.yaml", &err), ASSAY_EFORMAT);
    assert_string_equal(
        err.text, "jobs/x.yaml:2:1: unknown key \"nmae\" in the spec; did you mean \"name\"?");
    write_file("jobs/x.yaml", "");
    assert_int_equal(assay_spec_open(&spec, "jobs/x.yaml", &err), ASSAY_EFORMAT);
    assert_string_equal(err.text, "jobs/x.yaml:1:1: the file is empty");
    assert_null(spec);

    write_file("jobs/x.yaml", "assay: 1\nname: short\nmodel: {path: m}\nbenchmark: {path: b}\n"
                              "prompt: {user: '{q}'}\nmax_tokens: 1\nreplicates: 1\nseed: 0\n"
                              "profiles: [{name: p}]\n");
    assert_int_equal(assay_spec_open(&spec, "jobs/x.yaml", &err), ASSAY_OK);
    assert_string_equal(spec->name, "short");
    assay_spec_destroy(spec);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(places_in_order),
        IN_SCRATCH(the_store_comes_last_for_data),
        IN_SCRATCH(a_store_has_files_by_digest),
        IN_SCRATCH(digests_in_paths_are_checked),
        IN_SCRATCH(absent_files_are_named),
        IN_SCRATCH(other_files_are_refused),
        IN_SCRATCH(directory_is_no_model),
        IN_SCRATCH(open_puts_the_path_in_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
