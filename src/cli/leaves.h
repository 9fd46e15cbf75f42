/* The value of --leaf: "17", "3,40-47". */
#ifndef ASSAY_CLI_LEAVES_H
#define ASSAY_CLI_LEAVES_H

#include "assay/status.h"

#include <stddef.h>
#include <stdint.h>

enum { ASSAY_LEAVES_MAX = 1000000 };

/* Numbers and ranges below `limit`, separated by commas: ascending, each once. EUSAGE quotes the
 * offence. Release with free(). */
ASSAY_MUST_CHECK enum assay_status assay_leaves_parse(uint64_t **out, size_t *count,
                                                      const char *text, uint64_t limit,
                                                      struct assay_error *err);

#endif
