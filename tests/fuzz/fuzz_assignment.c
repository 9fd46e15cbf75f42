/* Fuzz target: the JSON files of a site: assignments, scores, receipts. What is taken is written,
 * and read again to the same text. */
#include "assay/assignment.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "submit/receipt.h"
#include "submit/score.h"

#include <string.h>

static void check_assignment(const char *text, size_t size)
{
    struct assay_assignment first, second;
    struct assay_bytes written = {0}, again = {0};
    if (assay_assignment_parse(&first, text, size, NULL)) return;
    ASSAY_ASSERT(assay_assignment_write(&first, &written, NULL) == ASSAY_OK);
    ASSAY_ASSERT(assay_assignment_parse(&second, (const char *)written.data, written.size, NULL) ==
                 ASSAY_OK);
    ASSAY_ASSERT(assay_assignment_write(&second, &again, NULL) == ASSAY_OK);
    ASSAY_ASSERT(again.size == written.size && memcmp(again.data, written.data, again.size) == 0);
    assay_assignment_fini(&first);
    assay_assignment_fini(&second);
    assay_bytes_fini(&written);
    assay_bytes_fini(&again);
}

static void check_receipt(const char *text, size_t size)
{
    struct assay_receipt receipt;
    struct assay_bytes written = {0};
    if (assay_receipt_parse(&receipt, text, size, NULL)) return;
    (void)!assay_receipt_check(&receipt, NULL);
    ASSAY_ASSERT(assay_receipt_write(&receipt, &written, NULL) == ASSAY_OK);
    assay_receipt_fini(&receipt);
    assay_bytes_fini(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct assay_score score;
    check_assignment((const char *)data, size);
    check_receipt((const char *)data, size);
    if (!assay_score_parse(&score, (const char *)data, size, NULL)) assay_score_fini(&score);
    return 0;
}
