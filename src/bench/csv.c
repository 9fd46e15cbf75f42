/* The reader of CSV: strict, because a quote that is taken for text shifts everything behind it. */
#include "bench/csv.h"

#include <string.h>

static char peek(const struct assay_csv *csv)
{
    return csv->position < csv->size ? csv->text[csv->position] : '\n';
}

static bool at_line_end(const struct assay_csv *csv)
{
    return peek(csv) == '\n' || (peek(csv) == '\r' && (csv->position + 1 >= csv->size ||
                                                       csv->text[csv->position + 1] == '\n'));
}

static enum assay_status read_quoted(struct assay_csv *csv, struct assay_bytes *out,
                                     struct assay_error *err)
{
    size_t opened = csv->line;
    csv->position++;
    for (;;) {
        const char *text = csv->text + csv->position;
        const char *quote = memchr(text, '"', csv->size - csv->position);
        if (!quote) {
            return assay_fail(err, ASSAY_EFORMAT,
                              "the quote that opens on line %zu is never closed", opened);
        }
        size_t length = (size_t)(quote - text);
        for (size_t i = 0; i < length; i++) csv->line += text[i] == '\n';
        bool doubled = csv->position + length + 1 < csv->size && quote[1] == '"';
        enum assay_status status = assay_bytes_append(out, text, length + doubled, err);
        if (status) return status;
        csv->position += length + 1 + doubled;
        if (!doubled) break;
    }
    if (peek(csv) == ',' || at_line_end(csv)) return ASSAY_OK;
    return assay_fail(err, ASSAY_EFORMAT, "\"%c\" behind a closing quote", peek(csv));
}

static enum assay_status read_bare(struct assay_csv *csv, struct assay_bytes *out,
                                   struct assay_error *err)
{
    size_t start = csv->position;
    while (peek(csv) != ',' && !at_line_end(csv) && peek(csv) != '"') csv->position++;
    if (peek(csv) == '"') {
        return assay_fail(err, ASSAY_EFORMAT,
                          "a quote inside a field that does not begin with one");
    }
    return assay_bytes_append(out, csv->text + start, csv->position - start, err);
}

static enum assay_status read_field(struct assay_csv *csv, struct assay_csv_row *row,
                                    struct assay_error *err)
{
    if (row->count == ASSAY_CSV_FIELDS_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "more than %d columns", ASSAY_CSV_FIELDS_MAX);
    }
    size_t start = row->bytes.size;
    row->starts[row->count++] = start;
    enum assay_status status = csv->position < csv->size && peek(csv) == '"'
                                   ? read_quoted(csv, &row->bytes, err)
                                   : read_bare(csv, &row->bytes, err);
    if (!status && memchr(row->bytes.data + start, 0, row->bytes.size - start)) {
        status = assay_fail(err, ASSAY_EFORMAT, "a NUL in column %zu", row->count);
    }
    return status ? status : assay_bytes_append(&row->bytes, "", 1, err);
}

enum assay_status assay_csv_next(struct assay_csv *csv, struct assay_csv_row *row, bool *found,
                                 struct assay_error *err)
{
    row->count = 0;
    assay_bytes_clear(&row->bytes);
    while (csv->position < csv->size && at_line_end(csv)) { /* empty lines */
        csv->position += peek(csv) == '\r' ? 2 : 1;
        csv->line++;
    }
    *found = csv->position < csv->size;
    while (*found) {
        enum assay_status status = read_field(csv, row, err);
        if (status) return status;
        if (csv->position >= csv->size || at_line_end(csv)) break;
        csv->position++; /* the comma */
    }
    if (csv->position < csv->size) {
        csv->position += peek(csv) == '\r' ? 2 : 1;
        csv->line++;
    }
    return ASSAY_OK;
}
