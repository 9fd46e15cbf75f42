/* From a PAE to a signature, by way of statement and log. */
#include "attest/signing.h"

#include "assay/statement.h"
#include "attest/dsse.h"
#include "attest/once.h"
#include "crypto/digest.h"

#include <string.h>

static enum assay_status check_site(const struct assay_statement *statement,
                                    const struct assay_secret_key *key, struct assay_error *err)
{
    struct assay_public_key public = assay_secret_key_public(key);
    struct assay_digest site;
    if (statement->site[0] == '\0') return ASSAY_OK;
    if (assay_digest_parse(statement->site, &site) &&
        memcmp(site.bytes, public.bytes, sizeof public.bytes) == 0) {
        return ASSAY_OK;
    }
    return assay_fail(err, ASSAY_EMISMATCH, "the statement is of site %.64s, whose key this is not",
                      statement->site);
}

static enum assay_status admit(const struct assay_signing *signing, const struct assay_pae *pae,
                               struct assay_error *err)
{
    struct assay_statement *statement = NULL;
    if (pae->type_size != strlen(ASSAY_PAYLOAD_TYPE) ||
        memcmp(pae->type, ASSAY_PAYLOAD_TYPE, pae->type_size) != 0) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "payload type \"%.*s\", not " ASSAY_PAYLOAD_TYPE,
                          (int)(pae->type_size < 100 ? pae->type_size : 100), pae->type);
    }
    enum assay_status status = assay_statement_parse(&statement, pae->body, pae->size, err);
    if (status) return status;
    status = check_site(statement, signing->key, err);
    if (!status && statement->chain) {
        const struct assay_once_entry entry = {statement->chain, statement->task, statement->round,
                                               statement->merkle_root};
        status = assay_once_enter(signing->log_path, &entry, err);
    }
    assay_statement_destroy(statement);
    return status;
}

enum assay_status assay_signing_sign(struct assay_signature *out,
                                     const struct assay_signing *signing, const uint8_t *pae,
                                     size_t size, struct assay_error *err)
{
    struct assay_pae parts;
    enum assay_status status = assay_dsse_pae_parse(&parts, pae, size, err);
    if (!status) status = admit(signing, &parts, err);
    if (!status) *out = assay_sign(signing->key, pae, size);
    return status;
}
