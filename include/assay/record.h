/* A record: one sample's outcome (canonical part: the same on every machine) and how it came about
 * (circumstances). Layouts and digests: FORMAT.md 3 and 5.2. */
#ifndef ASSAY_RECORD_H
#define ASSAY_RECORD_H

#include "assay/digest.h"
#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASSAY_FINISH_LIST(X)                                                                       \
    X(END, 0, "end")                                                                               \
    X(STOP, 1, "stop") X(LENGTH, 2, "length") X(CONTEXT, 3, "context") X(NONFINITE, 4, "nonfinite")
#define ASSAY_VERDICT_LIST(X)                                                                      \
    X(INCORRECT, 0, "incorrect")                                                                   \
    X(CORRECT, 1, "correct") X(NO_ANSWER, 2, "no-answer") X(FAILED, 3, "failed")

enum assay_finish {
#define ASSAY_FINISH_ROW(name, id, text) ASSAY_FINISH_##name = id,
    ASSAY_FINISH_LIST(ASSAY_FINISH_ROW)
#undef ASSAY_FINISH_ROW
};
enum assay_verdict {
#define ASSAY_VERDICT_ROW(name, id, text) ASSAY_VERDICT_##name = id,
    ASSAY_VERDICT_LIST(ASSAY_VERDICT_ROW)
#undef ASSAY_VERDICT_ROW
};
const char *assay_finish_name(enum assay_finish finish);    /* NULL if there is none */
const char *assay_verdict_name(enum assay_verdict verdict); /* NULL if there is none */

/* FORMAT.md 1: with keys and values in f16, and in f32 */
#define ASSAY_ARITHMETIC_LIST(X) X(EXACT_1, 1, "exact-1") X(EXACT_1_KV32, 2, "exact-1-kv32")

enum assay_arithmetic {
#define ASSAY_ARITHMETIC_ROW(name, id, text) ASSAY_ARITHMETIC_##name = id,
    ASSAY_ARITHMETIC_LIST(ASSAY_ARITHMETIC_ROW)
#undef ASSAY_ARITHMETIC_ROW
};
const char *assay_arithmetic_name(unsigned arithmetic); /* NULL if there is none */
enum { ASSAY_SAMPLER_1 = 1, ASSAY_RECORD_VERSION = 1 };
enum {
    ASSAY_RECORD_NAME_BYTES_MAX = 256,
    ASSAY_RECORD_ANSWER_BYTES_MAX = 65536,
    ASSAY_RECORD_TOKENS_MAX = 1 << 20,
    ASSAY_SCORE_ONE = 1000000 /* score 1 in millionths */
};

/* What an output was, whatever its verdict. */
#define ASSAY_OUTCOME_LIST(X)                                                                      \
    X(COMPLETE, 0, "complete")                                                                     \
    X(UNCLOSED_THOUGHT, 1, "unclosed-thought")                                                     \
    X(UNCLOSED_FENCE, 2, "unclosed-fence")                                                         \
    X(CUT_OFF, 3, "cut-off") X(NONFINITE, 4, "nonfinite")
enum assay_outcome {
#define ASSAY_OUTCOME_ROW(name, id, text) ASSAY_OUTCOME_##name = id,
    ASSAY_OUTCOME_LIST(ASSAY_OUTCOME_ROW)
#undef ASSAY_OUTCOME_ROW
        ASSAY_OUTCOME_COUNT
};
const char *assay_outcome_name(enum assay_outcome outcome); /* NULL if there is none */

/* Bytes that somebody else owns. */
struct assay_span {
    const char *data;
    size_t size;
};

struct assay_record {
    uint8_t arithmetic; /* ASSAY_ARITHMETIC_… */
    uint8_t sampler;
    uint8_t draw;        /* enum assay_draw */
    uint8_t finish;      /* enum assay_finish */
    uint8_t verdict;     /* enum assay_verdict */
    uint32_t replicates; /* K */
    uint32_t sets;       /* R */
    uint32_t replicate;
    uint32_t score_micro; /* 0 … ASSAY_SCORE_ONE */
    struct assay_digest cell_key;
    struct assay_digest prompt_digest;
    struct assay_span item_id;
    struct assay_span profile;
    struct assay_span answer; /* normalised; empty if none */
    size_t token_count;
    const uint32_t *tokens; /* token_count ids, the ending one included */
    const float *log_probs; /* token_count natural logarithms, FORMAT.md 1.11 */
};

enum { ASSAY_NO_RULE = 255, ASSAY_NO_RUN = 255, ASSAY_RUN_DETAIL_BYTES_MAX = 256 };
/* Where a rule found an answer. */
struct assay_found {
    uint8_t rule;         /* of the spec's, from 0; ASSAY_NO_RULE: none matched */
    uint32_t start, size; /* bytes of the text (with U+FFFD for what is not UTF-8) */
};
/* How an output came to its verdict: what the record does not say. */
struct assay_grade {
    uint8_t outcome;          /* enum assay_outcome */
    uint8_t flexible_verdict; /* enum assay_verdict: by the rules behind the first */
    struct assay_found strict, flexible;
    struct assay_span flexible_answer;
    /* Kind code: what the sandbox said (assay/sandbox.h); all zero but ASSAY_NO_RUN otherwise. */
    uint8_t run; /* enum assay_sandbox_verdict, or ASSAY_NO_RUN */
    bool run_retried;
    uint64_t run_cpu_ns, run_wall_ns, run_peak_bytes;
    struct assay_span run_detail; /* UTF-8: the exception; not to be trusted */
};

/* Kind choice: one option of an item, as it was scored. */
struct assay_option_part {
    uint32_t tokens, bytes; /* bytes: of its text, without the white space in front */
    bool greedy;            /* each of its tokens was the likeliest */
};
enum { ASSAY_OPTION_BYTES = 9, ASSAY_OPTIONS_MAX = 64 /* of an item */ };
/* Their encoding, ASSAY_OPTION_BYTES each. */
void assay_option_put(uint8_t *to, const struct assay_option_part *option);
struct assay_option_part assay_option_get(struct assay_span options, size_t index);

struct assay_circumstances {
    bool prompt_shared; /* the prompt's keys and values came from an earlier sample */
    uint32_t attempts;
    uint32_t batch_rows;    /* rows in the pass that finished it */
    uint32_t clock_mhz;     /* of the processor, as last measured; 0 if unknown */
    uint64_t start_ns;      /* since the Unix epoch */
    uint64_t duration_ns;   /* wall time from its first pass to its last */
    struct assay_span text; /* detokenised output, before the stop string */
    struct assay_grade grade;
    struct assay_span options; /* kind choice: assay_option_put of each; else empty */
    uint32_t gold;             /* kind choice: the right one */
    /* Of an encrypted benchmark: the cell that holds what is missing (FORMAT.md 13): then text,
     * answers and details are empty here and in the record, and its tokens 0. Else empty. */
    struct assay_span sealed;
};

struct assay_bytes;
struct assay_arena;

/* Append the encoding to `out`. The record must be valid (asserted: a broken record is our own
 * fault). */
ASSAY_MUST_CHECK enum assay_status assay_record_encode(struct assay_bytes *out,
                                                       const struct assay_record *record,
                                                       struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_circumstances_encode(struct assay_bytes *out,
                                                              const struct assay_circumstances *c,
                                                              struct assay_error *err);
/* Decode one canonical part at the start of `data`; *used is its length. Spans point into `data`;
 * tokens and log_probs are copied into `arena`. Refuses anything that would not encode back to the
 * same bytes. */
ASSAY_MUST_CHECK enum assay_status assay_record_decode(struct assay_record *out,
                                                       struct assay_arena *arena,
                                                       const uint8_t *data, size_t size,
                                                       size_t *used, struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_circumstances_decode(struct assay_circumstances *out,
                                                              const uint8_t *data, size_t size,
                                                              size_t *used,
                                                              struct assay_error *err);

#endif
