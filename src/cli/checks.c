/* Checks as lines and as JSON. */
#include "cli/checks.h"

#include "base/json.h"

#include <stdio.h>

void assay_checks_print(const struct assay_checks *checks)
{
    for (size_t i = 0; i < checks->count; i++) {
        const struct assay_check *check = &checks->rows[i];
        printf("%s %-13s %s\n", check->done ? "ok " : "–  ", check->name, check->detail);
    }
}

static struct assay_json *json_check(const struct assay_check *check)
{
    struct assay_json *row = assay_json_new_object();
    if (row && assay_json_set(row, "check", assay_json_new_text(check->name)) &&
        assay_json_set(row, "result", assay_json_new_text(check->done ? "ok" : "not-checked")) &&
        assay_json_set(row, "detail", assay_json_new_text(check->detail))) {
        return row;
    }
    assay_json_destroy(row);
    return NULL;
}

struct assay_json *assay_checks_json(const struct assay_checks *checks)
{
    struct assay_json *rows = assay_json_new_array();
    bool ok = rows;
    for (size_t i = 0; i < checks->count && ok; i++) {
        ok = assay_json_add(rows, json_check(&checks->rows[i]));
    }
    if (ok) return rows;
    assay_json_destroy(rows);
    return NULL;
}
