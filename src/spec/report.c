/* Errors of a spec with their place in front. */
#include "spec/report.h"

#include <stdio.h>

enum assay_status assay_spec_fail(const struct spec_report *report, enum assay_status status,
                                  struct spec_mark mark, const char *format, ...)
{
    char text[sizeof report->err->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    const char *path = report->path ? report->path : "";
    if (mark.line == 0)
        return assay_fail(report->err, status, "%s%s%s", path, report->path ? ": " : "", text);
    return assay_fail(report->err, status, "%s%s%zu:%zu: %s", path, report->path ? ":" : "",
                      mark.line, mark.column, text);
}

enum assay_status assay_spec_fail_memory(const struct spec_report *report)
{
    return assay_spec_fail(report, ASSAY_EMEMORY, (struct spec_mark){0}, "out of memory");
}
