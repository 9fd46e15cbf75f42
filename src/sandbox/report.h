/* Bytes that come back from a program's own process: hostile. */
#ifndef ASSAY_SANDBOX_REPORT_H
#define ASSAY_SANDBOX_REPORT_H

#include "assay/sandbox.h"

#include <stdint.h>

enum { ASSAY_REPORT_BYTES = 1024 };

/* A letter (A assertion, X SystemExit, M MemoryError, E other) and a text. The verdict among those
 * that are no pass, ERROR for anything else; the text cleaned into detail[size]. */
enum assay_sandbox_verdict assay_report_parse(const uint8_t *data, size_t count, char *detail,
                                              size_t size);
/* As much as fits: valid UTF-8, control characters and invalid bytes as "?", line ends as " / ". */
void assay_report_clean(const uint8_t *data, size_t count, char *to, size_t size);

#endif
