/* Names and meanings of the codes. */
#include "assay/ledger.h"

#include "base/assert.h"

struct code_row {
    enum assay_code code;
    const char *name, *meaning;
};

static const struct code_row rows[] = {
#define ASSAY_ROW(name, number, text, meaning) {ASSAY_CODE_##name, text, meaning},
    ASSAY_CODE_LIST(ASSAY_ROW)
#undef ASSAY_ROW
};

static const struct code_row *find_row(enum assay_code code)
{
    static const struct code_row unknown = {ASSAY_CODE_OK, "?", "no such code"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].code == code) return &rows[i];
    }
    return &unknown;
}

const char *assay_code_name(enum assay_code code)
{
    return find_row(code)->name;
}

const char *assay_code_meaning(enum assay_code code)
{
    return find_row(code)->meaning;
}
