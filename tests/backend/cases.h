/* What the conformance tests share: deterministic data with the nasty values in it, tensors of
 * every dtype, pages, and a comparison of bits. */
#ifndef ASSAY_TESTS_BACKEND_CASES_H
#define ASSAY_TESTS_BACKEND_CASES_H

#include "backend/backend.h"
#include "base/team.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* xorshift64*: the same data on every machine. */
struct cases {
    uint64_t state;
};
uint64_t cases_word(struct cases *cases);
uint32_t cases_below(struct cases *cases, uint32_t count);
float cases_value(struct cases *cases); /* about normal, standard deviation 1 */

enum cases_kind {
    CASES_PLAIN,
    CASES_EXTREME, /* zeros, subnormals, tiny, huge, ±a only, infinities, NaN, by blocks of 32 */
    CASES_KINDS
};
void cases_values(struct cases *cases, enum cases_kind kind, float *x, size_t count);

/* rows × columns of random bytes; extreme: all nibbles 15, all −128, scales of 0, subnormal, large,
 * infinite and NaN. The caller frees the data. */
struct assay_tensor cases_tensor(struct cases *cases, enum cases_kind kind, enum assay_dtype dtype,
                                 size_t rows, size_t columns);
/* The f16 scale of a block, and its minimum where it has one. */
void cases_scales(enum assay_dtype dtype, uint8_t *block, const uint16_t scales[2]);
void cases_tensor_free(struct assay_tensor *tensor);

/* Fails the test at the first value whose bits differ; a NaN equals any NaN. */
void cases_equal(const char *what, const float *got, const float *wanted, size_t count);

/* Not NULL; a team of `threads`. */
void *cases_memory(size_t bytes);
struct assay_team *cases_team(unsigned threads);

/* main() of a test program. A cpu test takes its backend from its state and is run for every
 * instruction set of the CPU; where the machine lacks one it is skipped, and says so. */
typedef void cases_test(const struct assay_backend *cpu);
struct cases_row {
    const char *name;
    cases_test *run;
};
int cases_main(const char *group, const struct cases_row *rows, size_t count);

#define CASES_OK(call)                                                                             \
    do {                                                                                           \
        struct assay_error cases_err = {0};                                                        \
        struct assay_error *err = &cases_err;                                                      \
        if ((call) != ASSAY_OK) fail_msg("%s: %s", #call, cases_err.text);                         \
    } while (0)

#endif
