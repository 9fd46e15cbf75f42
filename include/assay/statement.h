/* A statement: what a results file says, as an in-toto Statement v1 (FORMAT.md 8). Integers and
 * digests only; the same results file and salt key give the same bytes, whenever they are written.
 */
#ifndef ASSAY_STATEMENT_H
#define ASSAY_STATEMENT_H

#include "assay/results.h"

#define ASSAY_STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define ASSAY_STATEMENT_PREDICATE "https://assay.dev/attestation/results/v2"
#define ASSAY_STATEMENT_HASH "rfc6962-sha256"
#define ASSAY_STATEMENT_LEAF "leaf-1"

enum {
    ASSAY_STATEMENT_BYTES_MAX = 48000, /* so that its envelope stays below 64 KiB */
    ASSAY_STATEMENT_STRATA_MAX = 256,
    ASSAY_STATEMENT_TEXT_BYTES_MAX = 256,
    ASSAY_STATEMENT_NAME_BYTES_MAX = 64 /* of a chain or a task: A–Z a–z 0–9 . _ - */
};

struct assay_tally {
    uint64_t correct, total, score_micro; /* score_micro: sum over samples, millionths */
};

struct assay_statement_stratum {
    const char *name;
    struct assay_tally tally;
};

struct assay_statement {
    const char *chain, *task; /* both NULL for a run of one's own */
    uint64_t round;
    const char *site; /* public key as hex, "" for a run of one's own */
    const char *model_name, *results_name;
    struct assay_digest model, results_file; /* SHA-256 of the two files */
    struct assay_digest dataset, spec, plan, records, merkle_root;
    struct assay_digest topologies, batch; /* of all processes (FORMAT.md 8.1) */
    const char *spec_name, *sampler, *engine, *build, *arithmetic, *backend, *isa, *hardware;
    uint64_t tree_size;
    struct assay_tally all;
    const struct assay_statement_stratum *strata;
    size_t stratum_count;
    const char *started, *finished; /* RFC 3339, UTC: first start and last end of a sample */
};

/* What a results file does not know. */
struct assay_statement_facts {
    const char *chain, *task; /* both or neither */
    uint64_t round;
    const char *results_name; /* the file's name, without its folder */
    struct assay_digest results_file, merkle_root;
};

/* EVALUE for a name that is none, or more strata than a statement holds. */
ASSAY_MUST_CHECK enum assay_status
assay_statement_of_results(struct assay_statement **out, const struct assay_results *results,
                           const struct assay_statement_facts *facts, struct assay_error *err);
/* Append as JSON: members sorted, no white space. EVALUE when it is longer than a statement may be.
 */
ASSAY_MUST_CHECK enum assay_status assay_statement_write(const struct assay_statement *statement,
                                                         struct assay_bytes *out,
                                                         struct assay_error *err);
/* Read and check: both types, every member's form, and that the numbers agree with each other.
 * Members that it does not know are passed over. Nothing is lent by `data`. */
ASSAY_MUST_CHECK enum assay_status assay_statement_parse(struct assay_statement **out,
                                                         const void *data, size_t size,
                                                         struct assay_error *err);
void assay_statement_destroy(struct assay_statement *statement); /* NULL is fine */

/* Whether the two files' statements agree in all that follows from the results file; EFAILED names
 * the first member that differs, with both values. Chain, task, round, the root and the names of
 * files are not compared. */
ASSAY_MUST_CHECK enum assay_status assay_statement_compare(const struct assay_statement *stated,
                                                           const struct assay_statement *found,
                                                           struct assay_error *err);

#endif
