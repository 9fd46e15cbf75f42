/* The overall score in words and numbers to copy: errors, intervals, methods, cost. */
#ifndef ASSAY_CLI_SUMMARY_H
#define ASSAY_CLI_SUMMARY_H

#include "assay/estimate.h"

void assay_summary_print(const struct assay_estimates *estimates); /* on standard output */

#endif
