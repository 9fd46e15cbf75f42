/* A job spec: what to measure. YAML text → checked values → canonical text → digest
 * (FORMAT.md 4.1). */
#ifndef ASSAY_SPEC_H
#define ASSAY_SPEC_H

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

enum {
    ASSAY_SPEC_PROFILES_MAX = 64,
    ASSAY_SPEC_STOPS_MAX = 16,
    ASSAY_SPEC_REPLICATES_MAX = 65536,
    ASSAY_SPEC_TOKENS_MAX = 65536,
    ASSAY_SPEC_BYTES_MAX = 1 << 20
};

struct assay_spec {
    const char *name;        /* [a-z0-9._-]{1,64}; names the default results file */
    const char *description; /* "" if absent; not part of the digest */
    struct {
        const char *path;           /* as written */
        const char *file;           /* where it was found; NULL before assay_spec_resolve */
        struct assay_digest sha256; /* valid after resolve; before it only if sha256_declared */
        bool sha256_declared;
    } model, benchmark;
    const char *system;  /* system message; "" leaves the template's default */
    const char *prompt;  /* user message with one or more {field}, for instance "{question}" */
    const char *extract; /* PCRE2 pattern with one capture group, applied to the output text */
    enum assay_chat chat;
    const char *const *stops; /* stop_count stop strings, none empty */
    size_t stop_count;
    uint32_t max_tokens; /* 1 … TOKENS_MAX output tokens of a sample */
    uint32_t replicates; /* K: 1 … REPLICATES_MAX, per (item, profile) */
    uint32_t sets;       /* R: divides K */
    uint64_t seed;       /* 0 … 2^63−1 */
    enum assay_kv kv;
    const struct assay_profile *profiles;
    size_t profile_count;       /* 1 … PROFILES_MAX */
    const char *source;         /* the YAML text, for the results file */
    const char *canonical;      /* FORMAT.md 4.1; NULL before resolve */
    struct assay_digest digest; /* valid after resolve */
};

/* Parse `size` bytes of YAML. No file is read. Errors: "LINE:COLUMN: …", with the nearest valid key
 * for an unknown one. The spec owns copies of everything; destroy with assay_spec_destroy. */
ASSAY_MUST_CHECK enum assay_status assay_spec_parse(struct assay_spec **out, const char *text,
                                                    size_t size, struct assay_error *err);
/* Read and parse a file; errors begin with its path. */
ASSAY_MUST_CHECK enum assay_status assay_spec_open(struct assay_spec **out, const char *path,
                                                   struct assay_error *err);

struct assay_file_check; /* crypto/file_check.h */

/* Find the model and the benchmark file (as given if absolute; else beside the spec file
 * `spec_path`, then in `model_dir` (may be NULL; models only), then in the working directory),
 * digest them, compare with what the spec declares, and make the canonical text and the digest.
 * A declared model is digested beside other work if `model_check` is not NULL: the caller waits for
 * *model_check before it acknowledges anything, and ends it (NULL: nothing is left to check).
 * Errors: ENOTFOUND naming every place looked at; EMISMATCH quoting both digests. */
ASSAY_MUST_CHECK enum assay_status assay_spec_resolve(struct assay_spec *spec,
                                                      const char *spec_path, const char *model_dir,
                                                      struct assay_file_check **model_check,
                                                      struct assay_error *err);
/* The step of resolve that needs no files: canonical text and digest from the values and the two
 * digests. */
ASSAY_MUST_CHECK enum assay_status assay_spec_seal(struct assay_spec *spec,
                                                   struct assay_error *err);
/* What all its samples are computed in. */
enum assay_arithmetic assay_spec_arithmetic(const struct assay_spec *spec);
void assay_spec_destroy(struct assay_spec *spec); /* NULL is fine */

#endif
