/* Grades into a sheet and out of an image. */
#include "store/grades.h"

enum assay_status assay_grades_begin(struct assay_sheet *sheet, struct assay_error *err)
{
    const uint64_t zero = 0;
    enum assay_status status = assay_sheet_put(sheet, ASSAY_COLUMN_FLEXIBLE_OFFSET, &zero, 1, err);
    return status ? status : assay_sheet_put(sheet, ASSAY_COLUMN_DETAIL_OFFSET, &zero, 1, err);
}

enum assay_status assay_grades_put(struct assay_grades *grades, struct assay_sheet *sheet,
                                   const struct assay_grade *grade, struct assay_error *err)
{
    const uint8_t retried = grade->run_retried;
    grades->flexible_bytes += grade->flexible_answer.size;
    grades->detail_bytes += grade->run_detail.size;
    const struct {
        enum assay_column column;
        const void *rows;
        size_t count;
    } fields[] = {
        {ASSAY_COLUMN_GRADE_OUTCOME, &grade->outcome, 1},
        {ASSAY_COLUMN_GRADE_RULE, &grade->strict.rule, 1},
        {ASSAY_COLUMN_GRADE_START, &grade->strict.start, 1},
        {ASSAY_COLUMN_GRADE_SIZE, &grade->strict.size, 1},
        {ASSAY_COLUMN_FLEXIBLE_VERDICT, &grade->flexible_verdict, 1},
        {ASSAY_COLUMN_FLEXIBLE_RULE, &grade->flexible.rule, 1},
        {ASSAY_COLUMN_FLEXIBLE_START, &grade->flexible.start, 1},
        {ASSAY_COLUMN_FLEXIBLE_SIZE, &grade->flexible.size, 1},
        {ASSAY_COLUMN_FLEXIBLE_OFFSET, &grades->flexible_bytes, 1},
        {ASSAY_COLUMN_FLEXIBLE_BYTES, grade->flexible_answer.data, grade->flexible_answer.size},
        {ASSAY_COLUMN_RUN, &grade->run, 1},
        {ASSAY_COLUMN_RUN_RETRIED, &retried, 1},
        {ASSAY_COLUMN_RUN_CPU_NS, &grade->run_cpu_ns, 1},
        {ASSAY_COLUMN_RUN_WALL_NS, &grade->run_wall_ns, 1},
        {ASSAY_COLUMN_RUN_PEAK_BYTES, &grade->run_peak_bytes, 1},
        {ASSAY_COLUMN_DETAIL_OFFSET, &grades->detail_bytes, 1},
        {ASSAY_COLUMN_DETAIL_BYTES, grade->run_detail.data, grade->run_detail.size},
    };
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0] && !status; i++) {
        status = assay_sheet_put(sheet, fields[i].column, fields[i].rows, fields[i].count, err);
    }
    return status;
}

static uint8_t byte_at(void *const *columns, enum assay_column name, uint64_t sample)
{
    return ((const uint8_t *)columns[name])[sample];
}

static uint32_t u32_at(void *const *columns, enum assay_column name, uint64_t sample)
{
    return ((const uint32_t *)columns[name])[sample];
}

static uint64_t u64_at(void *const *columns, enum assay_column name, uint64_t sample)
{
    return ((const uint64_t *)columns[name])[sample];
}

static struct assay_span span_at(void *const *columns, enum assay_column bytes,
                                 enum assay_column offsets, uint64_t sample)
{
    const uint64_t *offset = columns[offsets];
    const char *data = columns[bytes];
    return (struct assay_span){data + offset[sample],
                               (size_t)(offset[sample + 1] - offset[sample])};
}

struct assay_grade assay_grades_get(void *const *columns, uint64_t s)
{
    return (struct assay_grade){
        .outcome = byte_at(columns, ASSAY_COLUMN_GRADE_OUTCOME, s),
        .flexible_verdict = byte_at(columns, ASSAY_COLUMN_FLEXIBLE_VERDICT, s),
        .strict = {byte_at(columns, ASSAY_COLUMN_GRADE_RULE, s),
                   u32_at(columns, ASSAY_COLUMN_GRADE_START, s),
                   u32_at(columns, ASSAY_COLUMN_GRADE_SIZE, s)},
        .flexible = {byte_at(columns, ASSAY_COLUMN_FLEXIBLE_RULE, s),
                     u32_at(columns, ASSAY_COLUMN_FLEXIBLE_START, s),
                     u32_at(columns, ASSAY_COLUMN_FLEXIBLE_SIZE, s)},
        .flexible_answer =
            span_at(columns, ASSAY_COLUMN_FLEXIBLE_BYTES, ASSAY_COLUMN_FLEXIBLE_OFFSET, s),
        .run = byte_at(columns, ASSAY_COLUMN_RUN, s),
        .run_retried = byte_at(columns, ASSAY_COLUMN_RUN_RETRIED, s) != 0,
        .run_cpu_ns = u64_at(columns, ASSAY_COLUMN_RUN_CPU_NS, s),
        .run_wall_ns = u64_at(columns, ASSAY_COLUMN_RUN_WALL_NS, s),
        .run_peak_bytes = u64_at(columns, ASSAY_COLUMN_RUN_PEAK_BYTES, s),
        .run_detail = span_at(columns, ASSAY_COLUMN_DETAIL_BYTES, ASSAY_COLUMN_DETAIL_OFFSET, s),
    };
}
