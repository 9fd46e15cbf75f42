/* Tables: widths in characters, rules, too many rows. */
#include "cli/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static char *print(const struct assay_table *table, unsigned rule)
{
    static char text[1 << 16];
    FILE *file = tmpfile();
    assert_non_null(file);
    assay_table_print(table, file, rule);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

static void aligns_characters_not_bytes(void **state)
{
    struct assay_table *table = calloc(1, sizeof *table);
    (void)state;
    assay_table_row(table);
    assay_table_cell(table, 0, "name");
    assay_table_cell(table, 1, "± F");
    assay_table_row(table);
    assay_table_cell(table, 0, "é");
    assay_table_cell(table, 1, "%d", 1);
    assay_table_row(table);
    assay_table_cell(table, 0, "all");
    assert_string_equal(print(table, 2), "name  ± F\n─────────\né       1\n─────────\nall      \n");
    free(table);
}

static void tells_of_rows_that_do_not_fit(void **state)
{
    struct assay_table *table = calloc(1, sizeof *table);
    (void)state;
    for (int i = 0; i < ASSAY_TABLE_ROWS + 3; i++) {
        assay_table_row(table);
        assay_table_cell(table, 0, "%d", i);
    }
    assay_table_cell(table, ASSAY_TABLE_COLUMNS, "beyond");
    assert_non_null(strstr(print(table, 0), "… and 3 more rows"));
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligns_characters_not_bytes),
        cmocka_unit_test(tells_of_rows_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
