/* A text table: cells are gathered, then printed in aligned columns. Widths count characters, not
 * bytes. */
#ifndef ASSAY_CLI_TABLE_H
#define ASSAY_CLI_TABLE_H

#include <stdio.h>

enum { ASSAY_TABLE_COLUMNS = 16, ASSAY_TABLE_ROWS = 128, ASSAY_TABLE_CELL = 48 };

struct assay_table {
    unsigned columns, rows;
    char cells[ASSAY_TABLE_ROWS][ASSAY_TABLE_COLUMNS][ASSAY_TABLE_CELL];
};

/* Begin a row; rows beyond ASSAY_TABLE_ROWS are counted and told at the end. */
void assay_table_row(struct assay_table *table);
/* The next cell of the current row. */
void assay_table_cell(struct assay_table *table, unsigned column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Column 0 is aligned left, the others right. Row 0 is the head; row `rule` (0 for none) gets a
 * line above it. */
void assay_table_print(const struct assay_table *table, FILE *to, unsigned rule);

/* Characters of a UTF-8 text. */
unsigned assay_table_width(const char *text);
/* "  LEFT   RIGHT" in two columns, as helps are printed. */
void assay_table_pair(FILE *to, const char *left, const char *right);

#endif
