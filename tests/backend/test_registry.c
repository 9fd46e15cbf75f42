/* Backends by name, and the refusals. */
#include "backend/cases.h"

#include <stdlib.h>
#include <string.h>

/* The first that runs here: what "auto" must find. */
static const struct assay_backend *best(void)
{
    unsigned i = 0;
    while (assay_backend_at(i)->missing() != NULL) i++;
    return assay_backend_at(i);
}

static void finds_by_name(void **state)
{
    const struct {
        const char *name;
        enum assay_status status;
        const struct assay_backend *backend;
    } rows[] = {
        {"auto", ASSAY_OK, best()},
        {"cpu", ASSAY_OK, best()},
        {"ref", ASSAY_OK, &assay_backend_ref},
        {"", ASSAY_ENOTFOUND, NULL},
        {"CPU", ASSAY_ENOTFOUND, NULL},
        {"vnni", ASSAY_ENOTFOUND, NULL},
        {"cuda", ASSAY_ENOTFOUND, NULL},
        {"cpu ", ASSAY_ENOTFOUND, NULL},
    };
    (void)state;
    assert_int_equal(unsetenv("ASSAY_ISA"), 0);
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

static void keeps_to_the_isa_asked_for(void **state)
{
    const struct {
        const char *isa, *name;
        const struct assay_backend *backend; /* NULL: there is none such */
    } rows[] = {
        {"vnni", "cpu", &assay_backend_vnni},
        {"avx512", "auto", &assay_backend_avx512},
        {"avx2", "cpu", &assay_backend_avx2},
        {"avx2", "auto", &assay_backend_avx2},
        {"avx2", "ref", &assay_backend_ref},
        {"portable", "cpu", &assay_backend_portable},
        {"portable", "auto", &assay_backend_portable},
        {"", "auto", best()},
        {"AVX2", "cpu", NULL},
        {"neon", "auto", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct assay_backend *backend = NULL;
        struct assay_error err = {0};
        assert_int_equal(setenv("ASSAY_ISA", rows[i].isa, 1), 0);
        enum assay_status status = assay_backend_find(&backend, rows[i].name, &err);
        if (rows[i].backend == NULL) {
            assert_int_equal(status, ASSAY_ENOTFOUND);
            assert_non_null(strstr(err.text, "there are vnni, avx512, avx2, portable"));
        } else if (rows[i].backend->missing() != NULL) {
            assert_int_equal(status, ASSAY_EMACHINE);
            assert_non_null(strstr(err.text, rows[i].backend->missing()));
        } else {
            assert_ptr_equal(backend, rows[i].backend);
        }
        if (status) assert_non_null(strstr(err.text, rows[i].isa));
    }
    assert_int_equal(unsetenv("ASSAY_ISA"), 0);
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
        cmocka_unit_test(keeps_to_the_isa_asked_for),
        cmocka_unit_test(lists_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
