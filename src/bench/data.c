/* Rows of a data file. */
#include "bench/data.h"

#include "base/gzip.h"
#include "base/json.h"
#include "base/text.h"
#include "bench/benchmark.h"
#include "bench/csv.h"

#include <stdlib.h>
#include <string.h>

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), size = strlen(end);
    return length >= size && strcmp(name + length - size, end) == 0;
}

static bool is_blank(const char *line, size_t size)
{
    while (size > 0 && (*line == ' ' || *line == '\t' || *line == '\r')) {
        line++;
        size--;
    }
    return size == 0;
}

static enum assay_status each_line(const struct assay_data *data, assay_data_visit *visit,
                                   void *context, struct assay_error *err)
{
    size_t line = 1;
    for (size_t at = 0; at < data->size; line++) {
        const char *start = data->text + at, *end = memchr(start, '\n', data->size - at);
        size_t length = end ? (size_t)(end - start) : data->size - at;
        struct assay_json *json = NULL;
        enum assay_status status = ASSAY_OK;
        at += length + 1;
        if (is_blank(start, length)) continue;
        if (length > ASSAY_ITEM_BYTES_MAX) {
            status = assay_fail(err, ASSAY_EVALUE, "the line has %zu bytes: at most %d are allowed",
                                length, ASSAY_ITEM_BYTES_MAX);
        }
        if (!status) status = assay_json_parse(&json, start, length, err);
        if (!status) status = visit(context, json, line, err);
        assay_json_destroy(json);
        if (status) return assay_while(err, status, "%s:%zu", data->name, line);
    }
    return ASSAY_OK;
}

/* The names of the columns, copied out of the first row, or the definition's. */
static enum assay_status read_header(const struct assay_data *data, struct assay_csv *csv,
                                     struct assay_csv_row *row, const char **names, size_t *count,
                                     struct assay_error *err)
{
    bool found = true;
    enum assay_status status = ASSAY_OK;
    if (data->column_count == 0) status = assay_csv_next(csv, row, &found, err);
    *count = data->column_count ? data->column_count : row->count;
    if (!status && *count == 0) status = assay_fail(err, ASSAY_EFORMAT, "there is no header line");
    for (size_t i = 0; i < *count && !status; i++) {
        names[i] = data->column_count ? data->columns[i] : assay_csv_field(row, i);
        char quoted[80];
        for (size_t k = 0; k < i && !status; k++) {
            if (strcmp(names[k], names[i]) != 0) continue;
            status =
                assay_fail(err, ASSAY_EFORMAT, "two columns have the name %s",
                           assay_text_quote(quoted, sizeof quoted, names[i], strlen(names[i])));
        }
    }
    return status;
}

static enum assay_status visit_row(const struct assay_csv_row *row, const char *const *names,
                                   size_t count, size_t line, assay_data_visit *visit,
                                   void *context, struct assay_error *err)
{
    if (row->count != count) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "%zu columns, where there are %zu names (\"%.40s\" is the last)",
                          row->count, count, names[count - 1]);
    }
    struct assay_json *object = assay_json_new_object();
    bool ok = object != NULL;
    for (size_t i = 0; i < count && ok; i++) {
        ok = assay_json_set(object, names[i], assay_json_new_text(assay_csv_field(row, i)));
    }
    enum assay_status status =
        ok ? visit(context, object, line, err) : assay_fail(err, ASSAY_EMEMORY, "no memory");
    assay_json_destroy(object);
    return status;
}

static enum assay_status each_row(const struct assay_data *data, assay_data_visit *visit,
                                  void *context, struct assay_error *err)
{
    struct assay_csv csv = {.text = data->text, .size = data->size, .line = 1};
    struct assay_csv_row *header = calloc(2, sizeof *header);
    const char *names[ASSAY_CSV_FIELDS_MAX];
    size_t count = 0, line = 1;
    bool found = true;
    if (!header) return assay_fail(err, ASSAY_EMEMORY, "no memory for the rows");
    struct assay_csv_row *row = header + 1;
    /* What a spreadsheet puts in front of UTF-8. */
    if (csv.size >= 3 && memcmp(csv.text, "\xef\xbb\xbf", 3) == 0) csv.position = 3;
    enum assay_status status = read_header(data, &csv, header, names, &count, err);
    while (!status && found) {
        line = csv.line;
        status = assay_csv_next(&csv, row, &found, err);
        if (!status && found) {
            status = visit_row(row, names, count, line, visit, context, err);
        }
    }
    assay_bytes_fini(&header->bytes);
    assay_bytes_fini(&row->bytes);
    free(header);
    return assay_while(err, status, "%s:%zu", data->name, line);
}

static enum assay_status check_utf8(const struct assay_data *data, struct assay_error *err)
{
    size_t valid = assay_text_utf8_prefix(data->text, data->size), line = 1, column = 1;
    if (valid == data->size) return ASSAY_OK;
    for (size_t i = 0; i < valid; i++) {
        column = data->text[i] == '\n' ? 1 : column + 1;
        line += data->text[i] == '\n';
    }
    return assay_fail(err, ASSAY_EFORMAT, "%s:%zu:%zu: the byte 0x%02x is not UTF-8", data->name,
                      line, column, (unsigned char)data->text[valid]);
}

enum assay_status assay_data_each(const struct assay_data *data, assay_data_visit *visit,
                                  void *context, struct assay_error *err)
{
    struct assay_bytes plain = {0};
    struct assay_data now = *data;
    enum assay_status status = ASSAY_OK;
    if (assay_gzip_is((const uint8_t *)data->text, data->size)) {
        status = assay_gzip_inflate((const uint8_t *)data->text, data->size,
                                    ASSAY_BENCHMARK_BYTES_MAX, &plain, err);
        status = assay_while(err, status, "%s", data->name);
        now.text = plain.data ? (const char *)plain.data : "";
        now.size = plain.size;
    }
    bool csv = data->format == ASSAY_DATA_FORMAT_CSV ||
               (data->format == ASSAY_DATA_FORMAT_AUTO &&
                (ends_with(data->name, ".csv") || ends_with(data->name, ".csv.gz")));
    if (!status) status = check_utf8(&now, err);
    if (!status) {
        status = csv ? each_row(&now, visit, context, err) : each_line(&now, visit, context, err);
    }
    assay_bytes_fini(&plain);
    return status;
}
