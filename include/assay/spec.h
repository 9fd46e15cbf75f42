/* A job spec: what to measure. YAML text → checked values → canonical text → digest
 * (FORMAT.md 4.1). */
#ifndef ASSAY_SPEC_H
#define ASSAY_SPEC_H

#include "assay/cipher.h"
#include "assay/digest.h"
#include "assay/record.h"
#include "assay/status.h"

#include <stddef.h>
#include <stdint.h>

/* name, id in records (FORMAT.md 2.4) */
#define ASSAY_DRAW_LIST(X)                                                                         \
    X(IID, 0, "iid") X(LHS, 1, "lhs") X(STRAT, 2, "strat") X(LATTICE, 3, "lattice")

enum assay_draw {
#define ASSAY_DRAW_ROW(name, id, text) ASSAY_DRAW_##name = id,
    ASSAY_DRAW_LIST(ASSAY_DRAW_ROW)
#undef ASSAY_DRAW_ROW
};
const char *assay_draw_name(enum assay_draw draw); /* "strat"; NULL if there is no such draw */

/* One way to sample. Fractions are in thousandths ("milli"). */
struct assay_profile {
    const char *name;                  /* [a-z0-9._-]{1,48}, unique in the spec */
    uint32_t temperature_milli;        /* 0 … 10000; 0 is greedy */
    uint32_t top_p_milli;              /* 1 … 1000; 1000 keeps all */
    uint32_t top_k;                    /* 0 … 1000000; 0 keeps all */
    uint32_t min_p_milli;              /* 0 … 1000; 0 keeps all */
    uint32_t repetition_penalty_milli; /* 100 … 10000; 1000 is none */
    enum assay_draw draw;
};

/* The template in the model file; raw text; or a family of templates, whatever the file has. */
#define ASSAY_CHAT_LIST(X)                                                                         \
    X(MODEL, "model")                                                                              \
    X(NONE, "none")                                                                                \
    X(CHATML, "chatml")                                                                            \
    X(LLAMA3, "llama3")                                                                            \
    X(LLAMA31, "llama3.1")                                                                         \
    X(MISTRAL, "mistral")                                                                          \
    X(MISTRAL_V2, "mistral-v2")                                                                    \
    X(MISTRAL_V3, "mistral-v3")                                                                    \
    X(GEMMA, "gemma")

enum assay_chat {
#define ASSAY_CHAT_ROW(name, text) ASSAY_CHAT_##name,
    ASSAY_CHAT_LIST(ASSAY_CHAT_ROW)
#undef ASSAY_CHAT_ROW
        ASSAY_CHAT_COUNT
};

/* How keys and values are kept; the second is an arithmetic of its own (FORMAT.md 1.9). */
#define ASSAY_KV_LIST(X) X(F16, "f16", EXACT_1) X(F32, "f32", EXACT_1_KV32)

enum assay_kv {
#define ASSAY_KV_ROW(name, text, arithmetic) ASSAY_KV_##name,
    ASSAY_KV_LIST(ASSAY_KV_ROW)
#undef ASSAY_KV_ROW
};

/* What a benchmark asks of a model. */
#define ASSAY_KIND_LIST(X)                                                                         \
    X(MATCH, "match")   /* an output in which an answer is found and compared */                   \
    X(CHOICE, "choice") /* the options' log-likelihoods; nothing is generated */                   \
    X(LETTER, "letter") /* an output that names the letter of an option */                         \
    X(CODE, "code")     /* an output that is a program, run against a test */
/* How an answer is compared with those accepted: FORMAT.md 3.2. */
#define ASSAY_SCORER_LIST(X) X(TEXT, "text") X(EXACT, "exact") X(NUMBER, "number")
/* Kind choice: the option with the largest log-likelihood, or the largest per byte. */
#define ASSAY_CHOICE_SCORE_LIST(X) X(ACC, "acc") X(ACC_NORM, "acc_norm")
#define ASSAY_TAKE_LIST(X) X(FIRST, "first") X(LAST, "last")
#define ASSAY_THINKING_LIST(X) X(STRIP, "strip") X(KEEP, "keep")
#define ASSAY_ORDER_LIST(X) X(DATA, "data") X(HASH, "hash")
#define ASSAY_DATA_FORMAT_LIST(X) X(AUTO, "auto") X(JSONL, "jsonl") X(CSV, "csv")
#define ASSAY_CLEAN_LIST(X) X(NONE, "none") X(WIKIHOW, "wikihow")
#define ASSAY_CHOOSE_LIST(X) X(FIRST, "first") X(HASH, "hash")
#define ASSAY_SAME_LIST(X) X(NONE, "none") X(TOPIC, "topic")
#define ASSAY_AS_LIST(X) X(TEXT, "text") X(TURNS, "turns")
#define ASSAY_ENCRYPTED_LIST(X) X(NO, "false") X(YES, "true")

#define ASSAY_ENUM_KIND(name, text) ASSAY_KIND_##name,
#define ASSAY_ENUM_SCORER(name, text) ASSAY_SCORER_##name,
#define ASSAY_ENUM_CHOICE_SCORE(name, text) ASSAY_SCORE_##name,
#define ASSAY_ENUM_TAKE(name, text) ASSAY_TAKE_##name,
#define ASSAY_ENUM_THINKING(name, text) ASSAY_THINKING_##name,
#define ASSAY_ENUM_ORDER(name, text) ASSAY_ORDER_##name,
#define ASSAY_ENUM_DATA_FORMAT(name, text) ASSAY_DATA_FORMAT_##name,
#define ASSAY_ENUM_CLEAN(name, text) ASSAY_CLEAN_##name,
#define ASSAY_ENUM_CHOOSE(name, text) ASSAY_CHOOSE_##name,
#define ASSAY_ENUM_SAME(name, text) ASSAY_SAME_##name,
#define ASSAY_ENUM_AS(name, text) ASSAY_AS_##name,
#define ASSAY_ENUM_ENCRYPTED(name, text) ASSAY_ENCRYPTED_##name,
enum assay_kind { ASSAY_KIND_LIST(ASSAY_ENUM_KIND) ASSAY_KIND_COUNT };
enum assay_scorer { ASSAY_SCORER_LIST(ASSAY_ENUM_SCORER) ASSAY_SCORER_COUNT };
enum assay_choice_score { ASSAY_CHOICE_SCORE_LIST(ASSAY_ENUM_CHOICE_SCORE) ASSAY_SCORE_COUNT };
enum assay_take { ASSAY_TAKE_LIST(ASSAY_ENUM_TAKE) ASSAY_TAKE_COUNT };
enum assay_thinking { ASSAY_THINKING_LIST(ASSAY_ENUM_THINKING) ASSAY_THINKING_COUNT };
enum assay_order { ASSAY_ORDER_LIST(ASSAY_ENUM_ORDER) ASSAY_ORDER_COUNT };
enum assay_data_format { ASSAY_DATA_FORMAT_LIST(ASSAY_ENUM_DATA_FORMAT) ASSAY_DATA_FORMAT_COUNT };
enum assay_clean { ASSAY_CLEAN_LIST(ASSAY_ENUM_CLEAN) ASSAY_CLEAN_COUNT };
enum assay_choose { ASSAY_CHOOSE_LIST(ASSAY_ENUM_CHOOSE) ASSAY_CHOOSE_COUNT };
enum assay_same { ASSAY_SAME_LIST(ASSAY_ENUM_SAME) ASSAY_SAME_COUNT };
enum assay_as { ASSAY_AS_LIST(ASSAY_ENUM_AS) ASSAY_AS_COUNT };
enum assay_encrypted { ASSAY_ENCRYPTED_LIST(ASSAY_ENUM_ENCRYPTED) ASSAY_ENCRYPTED_COUNT };
/* An example in a chat: a user message and the assistant's answer. Lent. */
struct assay_chat_turn {
    const char *user, *assistant;
};
const char *assay_kind_name(enum assay_kind kind);
const char *assay_scorer_name(enum assay_scorer scorer);

/* One way to find the answer in an output. The first rule of a spec is the strict one, whose
 * verdict is the record's; those behind it are tried in order for the flexible verdict. */
struct assay_rule {
    const char *name;    /* [a-z0-9._-]{1,32} */
    const char *pattern; /* PCRE2 with one capture group */
    enum assay_take take;
};

/* A file that a spec or its benchmark's definition names. */
struct assay_named_file {
    const char *path;           /* as written; NULL: there is none */
    const char *file;           /* where it was found; NULL before assay_spec_resolve */
    struct assay_digest sha256; /* valid after resolve; before it only if sha256_declared */
    bool sha256_declared;
};

/* What a benchmark's definition says and a spec cannot: where the data are and what their fields
 * mean. All zero for a benchmark that is JSON lines alone. */
struct assay_definition {
    const char *text; /* the YAML; NULL: there is no definition */
    const char *name, *version, *description, *licence, *source, *canary;
    enum assay_kind kind;
    enum assay_encrypted encrypted; /* cells of journal and results (FORMAT.md 13) */
    enum assay_data_format format;
    enum assay_clean clean;
    const char *const *columns; /* names for a CSV that has no header; column_count */
    size_t column_count;
    struct { /* paths in an item ("choices.text"), NULL where there is none */
        const char *id, *question, *answer, *answer_pattern, *labels, *gold, *topic, *stratum,
            *cluster, *test, *test_setup, *entry_point;
        const char *const *choices; /* one list, or one field for each option: choice_count */
        size_t choice_count;
    } fields;
    uint32_t example_count;
    enum assay_choose example_choose;
    enum assay_same example_same;
    enum assay_as example_as; /* in the user message, or turns of the chat before it */
};

enum {
    ASSAY_SPEC_PROFILES_MAX = 64,
    ASSAY_SPEC_RULES_MAX = 8,
    ASSAY_SPEC_STOPS_MAX = 16,
    ASSAY_SPEC_REPLICATES_MAX = 65536,
    ASSAY_SPEC_TOKENS_MAX = 65536,
    ASSAY_SPEC_BYTES_MAX = 1 << 20
};

struct assay_spec {
    const char *name;        /* [a-z0-9._-]{1,64}; names the default results file */
    const char *description; /* "" if absent; not part of the digest */
    /* benchmark: a definition (.yaml, .yml), or JSON lines, which are then the data too. examples:
     * solved ones for few-shot prompts, path NULL for the data themselves. */
    struct assay_named_file model, benchmark, data, examples;
    struct assay_definition definition;
    const char *overrides; /* keys that stand in the spec and in the definition, or "" */
    const char *system;    /* system message; "" leaves the template's default */
    const char *opening;   /* in front of the examples and the question, with {fields}; "" */
    const char *prompt;    /* user message with one or more {field}, for instance "{question}" */
    const char
        *example_answer;   /* what stands behind a solved example; "": as `option` or " {answer}" */
    const char *option;    /* kind choice: what is scored behind the prompt, " {choice}" */
    const char *separator; /* between examples */
    enum assay_order order;         /* in which options are shown */
    const struct assay_rule *rules; /* rule_count ≥ 1 */
    size_t rule_count;
    enum assay_scorer scorer;
    enum assay_choice_score choice_score;
    enum assay_thinking thinking;
    enum assay_chat chat;
    const char *const *stops; /* stop_count stop strings, none empty */
    size_t stop_count;
    uint32_t max_tokens; /* 1 … TOKENS_MAX output tokens of a sample */
    uint32_t replicates; /* K: 1 … REPLICATES_MAX, per (item, profile) */
    uint32_t sets;       /* R: divides K */
    uint64_t seed;       /* 0 … 2^63−1 */
    enum assay_kv kv;
    const struct assay_profile *profiles;
    size_t profile_count;           /* 1 … PROFILES_MAX */
    const char *source;             /* the YAML text, for the results file */
    const char *canonical;          /* FORMAT.md 4.1; NULL before resolve */
    struct assay_digest digest;     /* valid after resolve */
    struct assay_cipher_key cipher; /* known after resolve if the definition is encrypted */
};

/* Parse `size` bytes of YAML. No file is read. Errors: "LINE:COLUMN: …", with the nearest valid key
 * for an unknown one. The spec owns copies of everything; destroy with assay_spec_destroy. */
ASSAY_MUST_CHECK enum assay_status assay_spec_parse(struct assay_spec **out, const char *text,
                                                    size_t size, struct assay_error *err);
/* Read and parse a file; errors begin with its path. */
ASSAY_MUST_CHECK enum assay_status assay_spec_open(struct assay_spec **out, const char *path,
                                                   struct assay_error *err);

/* Whether the benchmark is a definition: what it says is then missing until assay_spec_define. */
bool assay_spec_has_definition(const struct assay_spec *spec);
/* Take the benchmark's definition (YAML, its file's name for errors). The keys `prompt`, `answer`
 * and `max_tokens` are the spec's own; where the spec has them not, they are the definition's. */
ASSAY_MUST_CHECK enum assay_status assay_spec_define(struct assay_spec *spec, const char *path,
                                                     const char *text, size_t size,
                                                     struct assay_error *err);
/* A definition without a job, to look at: a spec with no model, profiles or seed; the definition at
 * `path`, its data and examples found (also in `store`, which may be NULL) and digested. */
ASSAY_MUST_CHECK enum assay_status assay_spec_open_definition(struct assay_spec **out,
                                                              const char *path, const char *store,
                                                              struct assay_error *err);
struct assay_file_check; /* crypto/file_check.h */

/* Find the model and the benchmark's files: as given if absolute; else beside the spec file
 * `spec_path`, then in the working directory, then in the store `model_dir` (may be NULL; a model
 * there before the working directory). A store (FORMAT.md 26) has files by name and by digest:
 * what is declared is found there under any name, and of a path "sha256:…" nowhere else. Digest
 * them, compare with what the spec declares, and make the canonical text and the digest. A declared
 * model is digested beside other work if `model_check` is not NULL: the caller waits for
 * *model_check before it acknowledges anything, and ends it (NULL: nothing is left to check).
 * Errors: ENOTFOUND naming every place looked at and what fetches it; EMISMATCH quoting both
 * digests. */
ASSAY_MUST_CHECK enum assay_status assay_spec_resolve(struct assay_spec *spec,
                                                      const char *spec_path, const char *model_dir,
                                                      struct assay_file_check **model_check,
                                                      struct assay_error *err);
/* Only the benchmark: its definition, data and examples. */
ASSAY_MUST_CHECK enum assay_status assay_spec_resolve_benchmark(struct assay_spec *spec,
                                                                const char *spec_path,
                                                                const char *store,
                                                                struct assay_error *err);
/* Where one of its files would be found, unread: beside the file `beside`, in `directory`, in the
 * working directory, in the store. The path lives as long as the spec. */
ASSAY_MUST_CHECK enum assay_status assay_spec_seek(const char **out, struct assay_spec *spec,
                                                   const struct assay_named_file *named,
                                                   const char *beside, const char *directory,
                                                   const char *store, struct assay_error *err);
/* The step of resolve that needs no files: canonical text and digest from the values and the two
 * digests. */
ASSAY_MUST_CHECK enum assay_status assay_spec_seal(struct assay_spec *spec,
                                                   struct assay_error *err);
/* What all its samples are computed in. */
enum assay_arithmetic assay_spec_arithmetic(const struct assay_spec *spec);
void assay_spec_destroy(struct assay_spec *spec); /* NULL is fine */

#endif
