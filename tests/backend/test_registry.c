/* Backends by name, and the refusals. */
#include "backend/cases.h"

#include <string.h>

static void finds_by_name(void **state)
{
    bool fast = assay_backend_cpu.missing() == NULL;
    const struct {
        const char *name;
        enum assay_status status;
        const struct assay_backend *backend;
    } rows[] = {
        {"auto", ASSAY_OK, fast ? &assay_backend_cpu : &assay_backend_ref},
        {"cpu", fast ? ASSAY_OK : ASSAY_EUNSUPPORTED, &assay_backend_cpu},
        {"ref", ASSAY_OK, &assay_backend_ref},
        {"", ASSAY_ENOTFOUND, NULL},
        {"CPU", ASSAY_ENOTFOUND, NULL},
        {"cuda", ASSAY_ENOTFOUND, NULL},
        {"cpu ", ASSAY_ENOTFOUND, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct assay_backend *backend = NULL;
        struct assay_error err = {0};
        assert_int_equal(assay_backend_find(&backend, rows[i].name, &err), rows[i].status);
        if (rows[i].status == ASSAY_OK) {
            assert_ptr_equal(backend, rows[i].backend);
        } else {
            assert_null(backend);
            assert_non_null(strstr(err.text, rows[i].name));
        }
        if (rows[i].status == ASSAY_ENOTFOUND) assert_non_null(strstr(err.text, "auto, cpu, ref"));
    }
}

static void lists_all(void **state)
{
    const struct assay_backend *ref = NULL;
    (void)state;
    assert_string_equal(assay_backend_list(0), "cpu");
    assert_string_equal(assay_backend_list(1), "ref");
    assert_null(assay_backend_list(2));
    CASES_OK(assay_backend_find(&ref, "ref", err));
    assert_string_equal(assay_backend_name(ref), "ref");
    assert_string_equal(assay_backend_isa(ref), "portable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_name),
        cmocka_unit_test(lists_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
