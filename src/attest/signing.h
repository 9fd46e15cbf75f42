/* The one door to a signature: what is signed is always a statement of ours, read from the very
 * bytes, and entered in the sign-once log first. */
#ifndef ASSAY_ATTEST_SIGNING_H
#define ASSAY_ATTEST_SIGNING_H

#include "crypto/sign.h"

#include <signal.h>

/* A key and its log. */
struct assay_signing {
    const struct assay_secret_key *key;
    const char *log_path;
};

/* Sign a PAE. EUNSUPPORTED for another payload type or predicate, EMISMATCH for the statement of a
 * site with another key, EFAILED for a second root of one round. */
ASSAY_MUST_CHECK enum assay_status assay_signing_sign(struct assay_signature *out,
                                                      const struct assay_signing *signing,
                                                      const uint8_t *pae, size_t size,
                                                      struct assay_error *err);

/* --- the signer's socket (FORMAT.md 8.4) ---
 * One request a connection: LE32 length, PAE. Answer: u8 0, public key, signature; or u8 status,
 * LE32 length, text. Both ends must be of one user (SO_PEERCRED). */
enum {
    ASSAY_SIGNER_REQUEST_BYTES_MAX = 65536,
    ASSAY_SIGNER_TEXT_BYTES_MAX = 1023,
    ASSAY_SIGNER_WAIT_MS = 20000 /* for a whole request or answer */
};

/* The PAE in the bytes of a whole request, lent. EFORMAT where length and bytes disagree. */
ASSAY_MUST_CHECK enum assay_status assay_signer_parse(const uint8_t **pae, size_t *pae_size,
                                                      const uint8_t *data, size_t size,
                                                      struct assay_error *err);

struct assay_signer {
    struct assay_signing signing;
    const char *socket_path;
    const volatile sig_atomic_t *stop;
    void (*told)(void *context, const char *line); /* each request and what became of it */
    void *context;
};
/* Serve one connection after the other until *stop. The socket has mode 0600; one that a dead
 * signer left is replaced, anything else at its path is refused. */
ASSAY_MUST_CHECK enum assay_status assay_signer_serve(const struct assay_signer *signer,
                                                      struct assay_error *err);

/* Ask the signer at `socket_path`. The answer is checked with its key before it is returned. */
ASSAY_MUST_CHECK enum assay_status assay_signer_ask(struct assay_signature *out,
                                                    struct assay_public_key *key,
                                                    const char *socket_path, const uint8_t *pae,
                                                    size_t size, struct assay_error *err);

#endif
