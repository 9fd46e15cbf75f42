/* The inside of a benchmark, shared by the files of this room. */
#ifndef ASSAY_BENCH_BENCHMARK_H
#define ASSAY_BENCH_BENCHMARK_H

#include "assay/benchmark.h"
#include "base/arena.h"

enum {
    ASSAY_ITEM_BYTES_MAX = 1 << 20, /* one line of the file */
    ASSAY_BENCHMARK_BYTES_MAX = 1 << 30,
    ASSAY_ITEM_ACCEPT_MAX = 256,
    ASSAY_STRATA_MAX = 1024,
    ASSAY_BENCHMARK_ITEMS_MAX = 1 << 23 /* checked when the table grows */
};

struct assay_bench_item {
    struct assay_item public;
    const char *prompt; /* the user message, fields filled in */
    uint32_t stratum;
};

struct assay_benchmark {
    struct assay_arena arena;
    struct assay_bench_item *items; /* item_count, from the heap: it grows */
    size_t item_count, item_capacity;
    const char **strata;
    uint32_t stratum_count;
    struct assay_regex *extract;
};

struct assay_json;

/* Append `template` with each {name} replaced by the item's text field of that name ({{ and }} are
 * braces). EFORMAT naming the field that is missing or not a text. */
ASSAY_MUST_CHECK enum assay_status assay_prompt_fill(const char *template,
                                                     const struct assay_json *item,
                                                     struct assay_bytes *out,
                                                     struct assay_error *err);

/* Append `text` normalised as an answer (FORMAT.md 3.2). */
ASSAY_MUST_CHECK enum assay_status assay_answer_normalise(const char *text, size_t size,
                                                          struct assay_bytes *out,
                                                          struct assay_error *err);
/* Append `text` with every byte that is not part of valid UTF-8 replaced by U+FFFD. */
ASSAY_MUST_CHECK enum assay_status
assay_answer_utf8(const char *text, size_t size, struct assay_bytes *out, struct assay_error *err);

#endif
