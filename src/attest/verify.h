/* Everything that can be checked of a bundle without the one who made it, and without a network. */
#ifndef ASSAY_ATTEST_VERIFY_H
#define ASSAY_ATTEST_VERIFY_H

#include "assay/statement.h"
#include "crypto/sign.h"

/* One check: what was looked at, and how it came out. */
struct assay_check {
    const char *name;
    bool done; /* false: not checked; the detail says what it would have needed */
    char detail[320];
};

enum { ASSAY_CHECKS_MAX = 12 };
struct assay_checks {
    struct assay_check rows[ASSAY_CHECKS_MAX];
    size_t count;
};

/* Add a row; asserts that there is room. */
void assay_checks_note(struct assay_checks *checks, const char *name, bool done, const char *format,
                       ...) __attribute__((format(printf, 4, 5)));

/* What there is to check: paths, NULL for what is not at hand. The results file needs an envelope;
 * without a key the signature is not checked, and said not to be; an opened record may stand alone.
 */
struct assay_verification {
    const char *envelope_path, *results_path, *record_path;
    const char *data_path; /* the benchmark's data, where it is encrypted */
    const struct assay_public_key *key;
};

/* Check all of it. The first thing that does not hold ends it, by name (EFAILED, or what reading a
 * file gives). */
ASSAY_MUST_CHECK enum assay_status assay_verify(struct assay_checks *out,
                                                const struct assay_verification *what,
                                                struct assay_error *err);

/* Read an envelope and its statement, and check signature and site (key NULL: do not). `digest` is
 * that of the file. The caller destroys the statement,
 * also after a failure. */
ASSAY_MUST_CHECK enum assay_status
assay_verify_envelope(struct assay_checks *out, struct assay_statement **statement,
                      struct assay_digest *digest, const char *path,
                      const struct assay_public_key *key, struct assay_error *err);
/* Whether a record was opened under this statement's root, for this envelope. */
struct assay_opened;
ASSAY_MUST_CHECK enum assay_status assay_verify_bound(const struct assay_opened *opened,
                                                      const struct assay_statement *statement,
                                                      const struct assay_digest *envelope,
                                                      struct assay_error *err);

/* Append "RESULTS.salt" and "RESULTS.dsse.json". */
ASSAY_MUST_CHECK enum assay_status
assay_attest_salt_path(struct assay_bytes *out, const char *results_path, struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_attest_envelope_path(struct assay_bytes *out,
                                                              const char *results_path,
                                                              struct assay_error *err);

/* An envelope from its file, and the SHA-256 of the file's bytes. */
struct assay_envelope;
ASSAY_MUST_CHECK enum assay_status assay_envelope_read(struct assay_envelope **out,
                                                       struct assay_digest *digest,
                                                       const char *path, struct assay_error *err);

#endif
