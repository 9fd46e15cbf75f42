/* Encrypted cells (FORMAT.md 13): XChaCha20-Poly1305 under a key that the benchmark's data give.
 * The nonce is made of what is sealed: one key serves every run of a benchmark, so that a nonce
 * made of a sample's place alone would serve two outputs and give away both. Equal contents give
 * equal bytes, and a merge may be repeated. */
#ifndef ASSAY_CRYPTO_CIPHER_H
#define ASSAY_CRYPTO_CIPHER_H

#include "assay/cipher.h"
#include "assay/status.h"

#include <stddef.h>

enum { ASSAY_CELL_EXTRA_BYTES = 24 + 16 }; /* nonce and tag, around what is sealed */

/* Bytes that somebody else owns. */
struct assay_cipher_input {
    const void *data;
    size_t size;
};
struct assay_bytes;

/* From the bytes of the file at `path`. Its SHA-256, which is public, tells nothing of the key. */
ASSAY_MUST_CHECK enum assay_status
assay_cipher_key_of_file(struct assay_cipher_key *out, const char *path, struct assay_error *err);
/* Append nonce, ciphertext and tag: input.size + ASSAY_CELL_EXTRA_BYTES. `bound` is not in it, but
 * opens nothing else. The key must be known. */
ASSAY_MUST_CHECK enum assay_status assay_cipher_seal(struct assay_bytes *out,
                                                     const struct assay_cipher_key *key,
                                                     struct assay_cipher_input bound,
                                                     struct assay_cipher_input input,
                                                     struct assay_error *err);
/* Append what was sealed. EFAILED when a bit of it, of `bound` or of the key is another; `out` is
 * then as it was. */
ASSAY_MUST_CHECK enum assay_status assay_cipher_open(struct assay_bytes *out,
                                                     const struct assay_cipher_key *key,
                                                     struct assay_cipher_input bound,
                                                     struct assay_cipher_input sealed,
                                                     struct assay_error *err);

#endif
