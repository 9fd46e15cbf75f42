/* Fuzz target: statements. What is read is written, read again and written to the same text. */
#include "assay/statement.h"
#include "base/assert.h"
#include "base/bytes.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct assay_statement *statement = NULL, *again = NULL;
    struct assay_bytes first = {0}, second = {0};
    struct assay_error err;
    if (assay_statement_parse(&statement, data, size, &err)) {
        ASSAY_ASSERT(err.text[0] != '\0');
        return 0;
    }
    if (assay_statement_write(statement, &first, &err) == ASSAY_OK) {
        ASSAY_ASSERT(assay_statement_parse(&again, first.data, first.size, &err) == ASSAY_OK);
        ASSAY_ASSERT(assay_statement_compare(again, statement, &err) == ASSAY_OK);
        ASSAY_ASSERT(assay_statement_write(again, &second, &err) == ASSAY_OK);
        ASSAY_ASSERT(first.size == second.size);
        ASSAY_ASSERT(memcmp(first.data, second.data, first.size) == 0);
    }
    assay_statement_destroy(again);
    assay_statement_destroy(statement);
    assay_bytes_fini(&second);
    assay_bytes_fini(&first);
    return 0;
}
