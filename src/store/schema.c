/* The tables of schema.h as values. */
#include "store/schema.h"

#include "assay/plan.h"
#include "assay/process.h"

const struct assay_shape_info assay_shape_info[ASSAY_SHAPE_COUNT] = {
#define ROW(name, rows_max, of_samples, words) {rows_max, of_samples, words},
    ASSAY_SHAPE_LIST(ROW)
#undef ROW
};

const struct assay_element_info assay_element_info[ASSAY_ELEMENT_COUNT] = {
#define ROW(name, bytes, words) {bytes, words},
    ASSAY_ELEMENT_LIST(ROW)
#undef ROW
};

const struct assay_column_info assay_column_info[ASSAY_COLUMN_COUNT] = {
#define ROW(name, path, shape, element, unit, description)                                         \
    {path, ASSAY_SHAPE_##shape, ASSAY_ELEMENT_##element, unit, description},
    ASSAY_COLUMN_LIST(ROW)
#undef ROW
};

const struct assay_attribute_info assay_attribute_info[ASSAY_ATTRIBUTE_COUNT] = {
#define ROW(name, text, element, meaning) {text, ASSAY_ELEMENT_##element, meaning},
    ASSAY_ATTRIBUTE_LIST(ROW)
#undef ROW
};
