/* The rows of a store. */
#include "cli/fetch_show.h"

#include "base/json.h"
#include "cli/report.h"
#include "cli/table.h"
#include "crypto/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double mebibyte = 1048576.0;

static const char *name_of(const struct assay_fetch_row *row)
{
    if (row->entry) return row->entry->name;
    return row->item.is_link ? row->item.name : "(no name)";
}

static const struct assay_digest *digest_of(const struct assay_fetch_row *row)
{
    return row->entry ? &row->entry->sha256 : &row->item.sha256;
}

static uint64_t bytes_of(const struct assay_fetch_row *row)
{
    return row->entry ? row->entry->bytes : row->item.bytes;
}

static struct assay_json *row_json(const struct assay_fetch_row *row)
{
    char hex[ASSAY_DIGEST_HEX];
    uint64_t bytes = bytes_of(row);
    struct assay_json *object = assay_json_new_object();
    const char *name = row->entry || row->item.is_link ? name_of(row) : NULL;
    bool ok =
        object &&
        assay_json_set(object, "name", name ? assay_json_new_text(name) : assay_json_new_null()) &&
        assay_json_set(object, "sha256",
                       assay_json_new_text(assay_digest_hex(digest_of(row), hex))) &&
        assay_json_set(object, "bytes",
                       bytes ? assay_json_new_integer((int64_t)bytes) : assay_json_new_null()) &&
        assay_json_set(object, "state", assay_json_new_text(assay_stored_name(row->stored))) &&
        assay_json_set(object, "fetched", assay_json_new_boolean(row->fetched)) &&
        assay_json_set(object, "source",
                       row->entry ? assay_json_new_text(assay_source_name(row->entry->source))
                                  : assay_json_new_null()) &&
        assay_json_set(object, "licence",
                       assay_json_new_text(row->entry ? row->entry->licence : ""));
    if (ok) return object;
    assay_json_destroy(object);
    return NULL;
}

static enum assay_status show_json(const char *store, const char *catalogue,
                                   const struct assay_fetch_row *rows, size_t count,
                                   struct assay_error *err)
{
    struct assay_json *object = assay_json_new_object(), *list = assay_json_new_array();
    bool ok = object && list;
    for (size_t i = 0; ok && i < count; i++) ok = assay_json_add(list, row_json(&rows[i]));
    ok = ok && assay_json_set(object, "store", assay_json_new_text(store)) &&
         assay_json_set(object, "catalogue",
                        catalogue ? assay_json_new_text(catalogue) : assay_json_new_null());
    if (ok) {
        ok = assay_json_set(object, "entries", list);
        list = NULL;
    }
    if (ok) return assay_report_emit(object, err);
    assay_json_destroy(list);
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the list");
}

enum assay_status assay_fetch_show(const char *store, const char *catalogue,
                                   const struct assay_fetch_row *rows, size_t count, bool json,
                                   struct assay_error *err)
{
    static const char *const heads[] = {"name", "state", "MiB", "sha256", "source"};
    if (json) return show_json(store, catalogue, rows, count, err);
    struct assay_table *table = calloc(1, sizeof *table);
    if (!table) return assay_fail(err, ASSAY_EMEMORY, "no memory for the list");
    assay_table_row(table);
    for (unsigned i = 0; i < 5; i++) assay_table_cell(table, i, "%s", heads[i]);
    for (size_t i = 0; i < count; i++) {
        const struct assay_fetch_row *row = &rows[i];
        char hex[ASSAY_DIGEST_HEX];
        assay_table_row(table);
        assay_table_cell(table, 0, "%s", name_of(row));
        assay_table_cell(table, 1, "%s", row->fetched ? "fetched" : assay_stored_name(row->stored));
        if (bytes_of(row)) {
            assay_table_cell(table, 2, "%.1f", (double)bytes_of(row) / mebibyte);
        } else {
            assay_table_cell(table, 2, "–");
        }
        assay_table_cell(table, 3, "%.16s", assay_digest_hex(digest_of(row), hex));
        assay_table_cell(table, 4, "%s", row->entry ? assay_source_name(row->entry->source) : "–");
    }
    assay_table_print(table, stdout, 0);
    free(table);
    return ASSAY_OK;
}
