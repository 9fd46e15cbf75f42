/* Fuzz target: what a program's own process writes as its report and output, and what an
 * interpreter says of itself. No bytes are a pass, and what is shown is clean. */
#include "base/assert.h"
#include "base/text.h"
#include "sandbox/interpreter.h"
#include "sandbox/report.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct assay_interpreter interpreter;
    char detail[ASSAY_SANDBOX_DETAIL_BYTES], small[7];
    struct assay_error err;
    enum assay_sandbox_verdict verdict = assay_report_parse(data, size, detail, sizeof detail);
    ASSAY_ASSERT(verdict != ASSAY_SANDBOX_PASS);
    ASSAY_ASSERT(strlen(detail) < sizeof detail);
    ASSAY_ASSERT(!assay_text_has_control(detail));
    ASSAY_ASSERT(assay_text_utf8_prefix(detail, strlen(detail)) == strlen(detail));
    assay_report_clean(data, size, small, sizeof small);
    ASSAY_ASSERT(strlen(small) < sizeof small);
    ASSAY_ASSERT(assay_text_utf8_prefix(small, strlen(small)) == strlen(small));
    if (assay_interpreter_parse(&interpreter, (const char *)data, size, &err) == ASSAY_OK) {
        ASSAY_ASSERT(interpreter.folder_count <= ASSAY_FOLDERS_MAX);
        for (size_t i = 0; i < interpreter.folder_count; i++) {
            ASSAY_ASSERT(interpreter.folders[i][0] == '/' && interpreter.folders[i][1]);
        }
    }
    return 0;
}
