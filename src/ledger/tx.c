/* The envelope's codec, what is signed, and the commitments. */
#include "ledger/tx.h"

#include "base/bytes.h"
#include "crypto/digest.h"

#include <string.h>

enum { TX_VERSION = 1 };

enum assay_code assay_tx_decode(struct assay_tx *tx, const uint8_t *data, size_t size)
{
    if (size > ASSAY_TX_BYTES_MAX) return ASSAY_CODE_TX_TOO_LARGE;
    if (size > 0 && data[0] != TX_VERSION) return ASSAY_CODE_TX_VERSION;
    if (!assay_layout_decode(&assay_tx_layout, tx, data, size)) return ASSAY_CODE_TX_MALFORMED;
    return ASSAY_CODE_OK;
}

struct assay_digest assay_tx_signed(const uint8_t *data, size_t size)
{
    struct assay_sha256 sha;
    assay_sha256_init(&sha);
    assay_sha256_text(&sha, "assay/tx-1/sign");
    assay_sha256_field(&sha, data, size - ASSAY_SIGNATURE_BYTES);
    return assay_sha256_final(&sha);
}

struct assay_digest assay_tx_id(const uint8_t *data, size_t size)
{
    return assay_sha256_of(data, size);
}

const char *assay_tx_type_name(uint8_t type)
{
    const struct assay_layout *layout = assay_tx_type_layout(type);
    return layout ? layout->name : NULL;
}

const struct assay_layout *assay_tx_type_layout(uint8_t type)
{
    switch (type) {
#define ASSAY_ROW(name, number, who, payload)                                                      \
    case number:                                                                                   \
        return &payload##_layout;
        ASSAY_TX_TYPE_LIST(ASSAY_ROW)
#undef ASSAY_ROW
    default:
        return NULL;
    }
}

enum assay_status assay_tx_make(struct assay_bytes *out, const struct assay_secret_key *key,
                                const char *chain, uint64_t sequence, uint64_t expiry,
                                enum assay_tx_type type, const void *payload,
                                struct assay_error *err)
{
    struct assay_bytes body = {0};
    struct assay_tx tx = {.version = TX_VERSION,
                          .type = (uint8_t)type,
                          .sender = assay_secret_key_public(key),
                          .sequence = sequence,
                          .expiry = expiry};
    enum assay_status status = ASSAY_OK;
    size_t start = out->size;
    if (!assay_label_valid(chain, strlen(chain), ASSAY_CHAIN_ID_MAX)) {
        return assay_fail(err, ASSAY_EVALUE, "\"%.80s\" is no chain id", chain);
    }
    memcpy(tx.chain, chain, strlen(chain) + 1);
    bool ok = assay_layout_encode(assay_tx_type_layout((uint8_t)type), payload, &body);
    if (ok && body.size > 65535) {
        status = assay_fail(err, ASSAY_EVALUE, "a payload of %zu bytes", body.size);
    } else if (ok) {
        tx.payload = (struct assay_blob){body.data, (uint32_t)body.size};
        ok = assay_layout_encode(&assay_tx_layout, &tx, out);
    }
    if (!status && !ok) status = assay_fail(err, ASSAY_EMEMORY, "no memory for a transaction");
    if (!status) {
        size_t size = out->size - start;
        struct assay_digest digest = assay_tx_signed(out->data + start, size);
        struct assay_signature signature = assay_sign(key, digest.bytes, sizeof digest.bytes);
        memcpy(out->data + out->size - sizeof signature.bytes, signature.bytes,
               sizeof signature.bytes);
        if (size > ASSAY_TX_BYTES_MAX) {
            status =
                assay_fail(err, ASSAY_EVALUE, "a transaction of %zu bytes; 65536 at most", size);
        }
    }
    if (status && out->size > start) out->size = start;
    assay_bytes_fini(&body);
    return status;
}

struct assay_digest assay_tx_register_signed(const char *chain, const struct assay_tx_register *of)
{
    struct assay_sha256 sha;
    assay_sha256_init(&sha);
    assay_sha256_text(&sha, "assay/tx-1/register");
    assay_sha256_text(&sha, chain);
    assay_sha256_field(&sha, of->site.bytes, sizeof of->site.bytes);
    assay_sha256_text(&sha, of->organisation);
    assay_sha256_text(&sha, of->country);
    assay_sha256_text(&sha, of->arch);
    assay_sha256_text(&sha, of->engine);
    return assay_sha256_final(&sha);
}

/* LP(dst) ‖ LP(chain) ‖ LP(LE64 task) ‖ LP(LE32 round) ‖ LP(site). */
static void begin_commitment(struct assay_sha256 *sha, const char *domain, const char *chain,
                             uint64_t task, uint32_t round, const struct assay_public_key *site)
{
    uint8_t bytes[8];
    assay_sha256_init(sha);
    assay_sha256_text(sha, domain);
    assay_sha256_text(sha, chain);
    assay_put_le64(bytes, task);
    assay_sha256_field(sha, bytes, 8);
    assay_put_le32(bytes, round);
    assay_sha256_field(sha, bytes, 4);
    assay_sha256_field(sha, site->bytes, sizeof site->bytes);
}

struct assay_digest assay_beacon_commitment(const char *chain, uint64_t task, uint32_t round,
                                            const struct assay_public_key *site,
                                            const struct assay_digest *secret)
{
    struct assay_sha256 sha;
    begin_commitment(&sha, "assay/ledger-1/beacon", chain, task, round, site);
    assay_sha256_field(&sha, secret->bytes, sizeof secret->bytes);
    return assay_sha256_final(&sha);
}

struct assay_digest assay_score_commitment(const char *chain, const struct assay_tx_reveal *opening,
                                           const struct assay_public_key *site)
{
    struct assay_sha256 sha;
    uint8_t bytes[8];
    struct assay_digest bits = assay_sha256_of(opening->bits.data, opening->bits.size);
    begin_commitment(&sha, "assay/ledger-1/commit", chain, opening->task, opening->round, site);
    assay_sha256_field(&sha, opening->root.bytes, sizeof opening->root.bytes);
    assay_put_le64(bytes, opening->n);
    assay_sha256_field(&sha, bytes, 8);
    assay_put_le64(bytes, opening->sum);
    assay_sha256_field(&sha, bytes, 8);
    assay_sha256_field(&sha, bits.bytes, sizeof bits.bytes);
    assay_sha256_field(&sha, opening->nonce.bytes, sizeof opening->nonce.bytes);
    return assay_sha256_final(&sha);
}
