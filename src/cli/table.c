/* Aligned columns for people. */
#include "cli/table.h"

#include <stdarg.h>
#include <string.h>

void assay_table_row(struct assay_table *table)
{
    table->rows++;
}

void assay_table_cell(struct assay_table *table, unsigned column, const char *format, ...)
{
    va_list arguments;
    if (table->rows == 0 || table->rows > ASSAY_TABLE_ROWS || column >= ASSAY_TABLE_COLUMNS) return;
    if (column >= table->columns) table->columns = column + 1;
    va_start(arguments, format);
    vsnprintf(table->cells[table->rows - 1][column], ASSAY_TABLE_CELL, format, arguments);
    va_end(arguments);
}

unsigned assay_table_width(const char *text)
{
    unsigned width = 0;
    for (; *text; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void print_cell(FILE *to, const char *text, unsigned width, int left)
{
    unsigned pad = width - assay_table_width(text);
    fprintf(to, "%*s%s%*s", left ? 0 : (int)pad, "", text, left ? (int)pad : 0, "");
}

static void print_rule(FILE *to, unsigned width)
{
    for (unsigned i = 0; i < width; i++) fputs("─", to);
    fputc('\n', to);
}

void assay_table_print(const struct assay_table *table, FILE *to, unsigned rule)
{
    unsigned widths[ASSAY_TABLE_COLUMNS] = {0}, total = 0;
    unsigned rows = table->rows < ASSAY_TABLE_ROWS ? table->rows : ASSAY_TABLE_ROWS;
    for (unsigned c = 0; c < table->columns; c++) {
        for (unsigned r = 0; r < rows; r++) {
            unsigned width = assay_table_width(table->cells[r][c]);
            if (width > widths[c]) widths[c] = width;
        }
        total += widths[c] + (c ? 2 : 0);
    }
    for (unsigned r = 0; r < rows; r++) {
        if (r == 1 || (rule && r == rule)) print_rule(to, total);
        for (unsigned c = 0; c < table->columns; c++) {
            if (c) fputs("  ", to);
            print_cell(to, table->cells[r][c], widths[c], c == 0);
        }
        fputc('\n', to);
    }
    if (table->rows > rows) fprintf(to, "… and %u more rows (see --json)\n", table->rows - rows);
}

void assay_table_pair(FILE *to, const char *left, const char *right)
{
    enum { LEFT_WIDTH = 22 };
    unsigned width = assay_table_width(left);
    fprintf(to, "  %s%*s %s\n", left, width < LEFT_WIDTH ? (int)(LEFT_WIDTH - width) : 0, "",
            right);
}
