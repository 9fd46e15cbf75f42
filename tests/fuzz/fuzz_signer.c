/* Fuzz target: what a stranger may send to a signer, up to the statement in it; and the sign-once
 * log. A PAE that is taken is one that we would write. */
#include "assay/statement.h"
#include "attest/dsse.h"
#include "attest/once.h"
#include "attest/signing.h"
#include "base/assert.h"
#include "base/bytes.h"

#include <string.h>

static void check_pae(const struct assay_pae *parts, const uint8_t *pae, size_t size)
{
    struct assay_bytes again = {0};
    struct assay_error err;
    char type[64];
    if (parts->type_size >= sizeof type || memchr(parts->type, 0, parts->type_size)) return;
    memcpy(type, parts->type, parts->type_size);
    type[parts->type_size] = '\0';
    ASSAY_ASSERT(assay_dsse_pae(&again, type, parts->body, parts->size, &err) == ASSAY_OK);
    ASSAY_ASSERT(again.size == size && memcmp(again.data, pae, size) == 0);
    assay_bytes_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct assay_once_entry asked = {"c", "t", 1, {{0xaa}}};
    const uint8_t *pae;
    size_t pae_size;
    bool known;
    struct assay_pae parts;
    struct assay_error err;
    if (assay_once_search((const char *)data, size, &asked, &known, &err)) {
        ASSAY_ASSERT(err.status == ASSAY_EFAILED || err.status == ASSAY_EFORMAT);
    }
    if (assay_signer_parse(&pae, &pae_size, data, size, &err)) return 0;
    if (assay_dsse_pae_parse(&parts, pae, pae_size, &err)) return 0;
    check_pae(&parts, pae, pae_size);
    struct assay_statement *statement = NULL;
    if (assay_statement_parse(&statement, parts.body, parts.size, &err) == ASSAY_OK) {
        assay_statement_destroy(statement);
    }
    return 0;
}
