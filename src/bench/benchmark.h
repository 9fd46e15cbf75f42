/* The inside of a benchmark, shared by the files of this room. */
#ifndef ASSAY_BENCH_BENCHMARK_H
#define ASSAY_BENCH_BENCHMARK_H

#include "assay/benchmark.h"
#include "base/arena.h"
#include "base/bytes.h"

enum {
    ASSAY_ITEM_BYTES_MAX = 1 << 20, /* one line of the file */
    ASSAY_BENCHMARK_BYTES_MAX = 1 << 30,
    ASSAY_ITEM_ACCEPT_MAX = 256,
    ASSAY_ITEM_CHOICES_MAX = 26, /* letters A to Z */
    ASSAY_EXAMPLES_MAX = 64,
    ASSAY_STRATA_MAX = 1024,
    ASSAY_BENCHMARK_ITEMS_MAX = 1 << 23 /* checked when the table grows */
};

struct assay_bench_item {
    struct assay_item public;
    const char *opening, *question; /* templates filled in */
    const char *answer; /* behind the question of an example; NULL where there are none */
    uint32_t stratum;
};

/* Items in the order of the file, from the heap: it grows. */
struct assay_bench_table {
    struct assay_bench_item *items;
    size_t count, capacity;
    uint32_t *by_topic; /* count: indices ascending by (topic, index); NULL: not wanted */
};

struct assay_benchmark {
    const struct assay_spec *spec;
    struct assay_arena arena;
    struct assay_bench_table items;
    struct assay_bench_table examples; /* of another file; empty: the items are the examples */
    const char **strata;
    uint32_t stratum_count;
    struct assay_regex *rules[ASSAY_SPEC_RULES_MAX];
    struct assay_regex *answer_pattern; /* NULL: the field is the answer */
    /* What the items were read as, all of them, while only some are kept. */
    struct assay_bench_table all;
};

struct assay_json;

/* --- fields of an item --- */

/* The value at a path: a member of that very name, else "a.b.0" step by step. NULL: not there. */
const struct assay_json *assay_field_find(const struct assay_json *row, const char *path);
/* EFORMAT: the row has no field of that name, with the nearest one it has. `key` names what asked
 * for it: "fields.question", "the prompt". */
enum assay_status assay_field_missing(const struct assay_json *row, const char *path,
                                      const char *key, struct assay_error *err);
/* Append a text, or a whole number as its digits. */
ASSAY_MUST_CHECK enum assay_status assay_field_append(const struct assay_json *value,
                                                      const char *path, struct assay_bytes *out,
                                                      struct assay_error *err);
/* Take the marks of the WikiHow corpus out, as HellaSwag's users do; from `start` on, in place. */
ASSAY_MUST_CHECK enum assay_status assay_field_clean(struct assay_bytes *text, size_t start,
                                                     struct assay_error *err);

/* --- templates --- */

/* What the {names} of a template stand for. */
struct assay_fill {
    const struct assay_spec *spec;
    const struct assay_json *row;  /* NULL: only what the item says */
    const struct assay_item *item; /* NULL: only what the row says */
    const char *question;          /* NULL: {question} is a field of the row */
    uint32_t choice;               /* of {choice} and {letter} */
    const char *key;               /* what the template is, for errors: "the prompt" */
};
/* Append `template` with each {name} and {name:filter} replaced ({{ and }} are braces). EFORMAT
 * naming the placeholder that is nothing. */
ASSAY_MUST_CHECK enum assay_status assay_prompt_fill(const char *template,
                                                     const struct assay_fill *fill,
                                                     struct assay_bytes *out,
                                                     struct assay_error *err);
/* The letter under which choices[choice] is shown. */
char assay_item_letter(const struct assay_item *item, uint32_t choice);

/* --- items --- */

/* Read one row into `out`; what it owns lives in the benchmark's arena. */
ASSAY_MUST_CHECK enum assay_status assay_item_read(struct assay_benchmark *benchmark,
                                                   const struct assay_json *row, size_t line,
                                                   size_t position, struct assay_bench_item *out,
                                                   struct assay_error *err);

/* --- answers --- */

/* Append `text` as the scorer compares it (FORMAT.md 3.2). *valid is false where it cannot be an
 * answer: nothing is left, or it is no number. */
ASSAY_MUST_CHECK enum assay_status assay_answer_normalise(enum assay_scorer scorer,
                                                          const char *text, size_t size,
                                                          struct assay_bytes *out, bool *valid,
                                                          struct assay_error *err);
/* Append the canonical decimal of a number as people write it; *valid is false if it is none. */
ASSAY_MUST_CHECK enum assay_status assay_number_normalise(const char *text, size_t size,
                                                          struct assay_bytes *out, bool *valid,
                                                          struct assay_error *err);
/* Append `text` with every byte that is not part of valid UTF-8 replaced by U+FFFD. */
ASSAY_MUST_CHECK enum assay_status
assay_answer_utf8(const char *text, size_t size, struct assay_bytes *out, struct assay_error *err);

/* --- thoughts --- */

/* A stretch of a text that is no thought; `next` begins the search for the one behind it. */
struct assay_spoken {
    size_t start, end, next;
};
/* The next stretch outside <think>…</think>, from spoken->next on; false at the end. A </think>
 * without a beginning closes a thought that the prompt opened. *unclosed is set when a thought has
 * no end. */
bool assay_thought_next(const char *text, size_t size, struct assay_spoken *spoken, bool *unclosed);

#endif
