/* The tables of fields, made from the lists of layouts.h. */
#include "ledger/layouts.h"

#define ASSAY_ROW(S, FIELDS, name)                                                                 \
    static const struct assay_layout_field S##_fields[] = {FIELDS(ASSAY_LAYOUT_ROW, S)};           \
    const struct assay_layout S##_layout = {                                                       \
        name, S##_fields, sizeof S##_fields / sizeof S##_fields[0], sizeof(struct S)};
ASSAY_LAYOUT_LIST(ASSAY_ROW)
#undef ASSAY_ROW

static const struct assay_table_row tables[] = {
#define ASSAY_ROW(name, byte, key_bytes, layout) {ASSAY_TABLE_##name, key_bytes, &layout##_layout},
    ASSAY_TABLE_LIST(ASSAY_ROW)
#undef ASSAY_ROW
};

const struct assay_table_row *assay_table_find(uint8_t id)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (tables[i].id == (enum assay_table_id)id) return &tables[i];
    }
    return NULL;
}
