/* Assertions that stay on in release builds: a broken promise between our own lines stops the
 * program. */
#ifndef ASSAY_BASE_ASSERT_H
#define ASSAY_BASE_ASSERT_H

_Noreturn void assay_assert_failed(const char *condition, const char *file, int line);

#define ASSAY_ASSERT(condition)                                                                    \
    ((condition) ? (void)0 : assay_assert_failed(#condition, __FILE__, __LINE__))

#endif
