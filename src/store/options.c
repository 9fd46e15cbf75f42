/* Options into a sheet and out of an image. */
#include "store/options.h"

enum assay_status assay_options_begin(struct assay_sheet *sheet, struct assay_error *err)
{
    const uint64_t zero = 0;
    return assay_sheet_put(sheet, ASSAY_COLUMN_OPTION_OFFSET, &zero, 1, err);
}

static enum assay_status put_option(struct assay_sheet *sheet,
                                    const struct assay_option_part *option, struct assay_error *err)
{
    const uint8_t greedy = option->greedy;
    enum assay_status status =
        assay_sheet_put(sheet, ASSAY_COLUMN_OPTION_TOKENS, &option->tokens, 1, err);
    if (!status) status = assay_sheet_put(sheet, ASSAY_COLUMN_OPTION_BYTES, &option->bytes, 1, err);
    if (!status) status = assay_sheet_put(sheet, ASSAY_COLUMN_OPTION_GREEDY, &greedy, 1, err);
    return status;
}

enum assay_status assay_options_put(uint64_t *written, struct assay_sheet *sheet,
                                    const struct assay_circumstances *c, struct assay_error *err)
{
    size_t count = c->options.size / ASSAY_OPTION_BYTES;
    enum assay_status status = assay_sheet_put(sheet, ASSAY_COLUMN_OPTION_GOLD, &c->gold, 1, err);
    for (size_t i = 0; i < count && !status; i++) {
        const struct assay_option_part option = assay_option_get(c->options, i);
        status = put_option(sheet, &option, err);
    }
    *written += count;
    if (status) return status;
    return assay_sheet_put(sheet, ASSAY_COLUMN_OPTION_OFFSET, written, 1, err);
}

enum assay_status assay_options_encode(struct assay_bytes *out, void *const *columns, size_t count,
                                       struct assay_error *err)
{
    const uint32_t *tokens = columns[ASSAY_COLUMN_OPTION_TOKENS];
    const uint32_t *bytes = columns[ASSAY_COLUMN_OPTION_BYTES];
    const uint8_t *greedy = columns[ASSAY_COLUMN_OPTION_GREEDY];
    assay_bytes_clear(out);
    enum assay_status status = assay_bytes_reserve(out, (count + 1) * ASSAY_OPTION_BYTES, err);
    if (status) return status;
    for (size_t i = 0; i < count; i++) {
        const struct assay_option_part option = {tokens[i], bytes[i], greedy[i] != 0};
        assay_option_put(out->data + i * ASSAY_OPTION_BYTES, &option);
    }
    out->size = count * ASSAY_OPTION_BYTES;
    return ASSAY_OK;
}
