/* What every test includes: cmocka with the headers it needs, and checks of statuses that show the
 * error. */
#ifndef ASSAY_TESTS_CHECK_H
#define ASSAY_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "assay/status.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* The call went well; `err` is shown where it did not. */
#define check_ok(call, error)                                                                      \
    do {                                                                                           \
        enum assay_status got_ = (call);                                                           \
        if (got_) fail_msg("%s: %s", assay_status_name(got_), (error)->text);                      \
    } while (0)

/* The call was refused with `expected`, and its error agrees and quotes `quoted`. */
#define check_refused(call, expected, error, quoted)                                               \
    do {                                                                                           \
        enum assay_status got_ = (call);                                                           \
        if (got_ != (expected)) {                                                                  \
            fail_msg("%s in the place of %s (%s)", assay_status_name(got_),                        \
                     assay_status_name(expected), quoted);                                         \
        }                                                                                          \
        assert_int_equal((error)->status, expected);                                               \
        if (!strstr((error)->text, quoted)) {                                                      \
            fail_msg("\"%s\" does not say \"%s\"", (error)->text, quoted);                         \
        }                                                                                          \
    } while (0)

#endif
