/* The batch script: the templates in slurm/ are what the generator makes of the site files beside
 * them, and no text of a file gets out of its quotes. `test_site_script write` writes them anew. */
#include "assay/site.h"
#include "base/bytes.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *site, *script;
} templates[] = {{ASSAY_TESTS "/../slurm/site.yaml", ASSAY_TESTS "/../slurm/run.sbatch"},
                 {ASSAY_TESTS "/../slurm/het-site.yaml", ASSAY_TESTS "/../slurm/het.sbatch"}};
enum { TEMPLATES = sizeof templates / sizeof templates[0] };

static void make(struct assay_bytes *out, const char *site_path)
{
    struct assay_site *site;
    struct assay_error err;
    if (assay_site_open(&site, site_path, &err)) fail_msg("%s", err.text);
    const struct assay_batch_job job = {.site = site,
                                        .name = "quickstart",
                                        .program = "build/assay",
                                        .model_dir = "build/models",
                                        .spec = "jobs/quickstart.yaml",
                                        .results = "quickstart.h5"};
    if (assay_batch_script(out, &job, &err)) fail_msg("%s", err.text);
    assay_site_close(site);
}

static void templates_are_what_is_generated(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEMPLATES; i++) {
        struct assay_bytes made = {0}, kept = {0};
        struct assay_error err;
        make(&made, templates[i].site);
        if (assay_file_read(templates[i].script, 1 << 20, &kept, &err)) fail_msg("%s", err.text);
        assert_string_equal((const char *)made.data, (const char *)kept.data);
        assay_bytes_fini(&made);
        assay_bytes_fini(&kept);
    }
}

static void write_templates(void)
{
    for (size_t i = 0; i < TEMPLATES; i++) {
        struct assay_bytes made = {0};
        struct assay_error err;
        make(&made, templates[i].site);
        if (assay_file_write(templates[i].script, made.data, made.size, &err)) {
            printf("%s\n", err.text);
        }
        assay_bytes_fini(&made);
    }
}

static struct assay_site *parse(const char *text)
{
    struct assay_site *site;
    struct assay_error err;
    if (assay_site_parse(&site, text, strlen(text), NULL, &err)) fail_msg("%s", err.text);
    return site;
}

static void texts_stay_in_their_quotes(void **state)
{
    (void)state;
    struct assay_site *site = parse("site: 1\nminutes: 5\nscratch: \"/s'$(reboot)\"\n"
                                    "modules: [\"a'; reboot\"]\npartitions: [{name: p}]\n");
    struct assay_bytes script = {0};
    struct assay_error err;
    const struct assay_batch_job job = {.site = site,
                                        .name = "n",
                                        .program = "/a b/assay",
                                        .model_dir = "",
                                        .spec = "/x'y.yaml",
                                        .results = "/r.h5"};
    assert_int_equal(assay_batch_script(&script, &job, &err), ASSAY_OK);
    const char *text = (const char *)script.data;
    assert_non_null(strstr(text, "\nassay='/a b/assay'\n"));
    assert_non_null(strstr(text, "\nspec='/x'\\''y.yaml'\n"));
    assert_non_null(strstr(text, " --scratch '/s'\\''$(reboot)')\n"));
    assert_non_null(strstr(text, "\nmodule load 'a'\\''; reboot'\n"));
    assert_null(strstr(text, "--model-dir"));
    assay_bytes_fini(&script);
    assay_site_close(site);
}

static void a_results_path_that_slurm_would_change_is_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {"/a b.h5", "/a%j.h5", "/a\n#SBATCH -w x", "/a'", "/a\"",
                                        "/a\\b",   "/$HOME"};
    struct assay_site *site = parse("site: 1\nminutes: 5\npartitions: [{name: p}]\n");
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct assay_bytes script = {0};
        struct assay_error err;
        const struct assay_batch_job job = {.site = site,
                                            .name = "n",
                                            .program = "a",
                                            .model_dir = "",
                                            .spec = "s",
                                            .results = paths[i]};
        assert_int_equal(assay_batch_script(&script, &job, &err), ASSAY_EUSAGE);
        assert_non_null(strstr(err.text, "which cannot stand in a line for Slurm"));
        assay_bytes_fini(&script);
    }
    assay_site_close(site);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_are_what_is_generated),
        cmocka_unit_test(texts_stay_in_their_quotes),
        cmocka_unit_test(a_results_path_that_slurm_would_change_is_refused),
    };
    if (argc > 1 && strcmp(argv[1], "write") == 0) {
        write_templates();
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
