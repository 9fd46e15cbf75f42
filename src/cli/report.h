/* A results file's report, for people and for programs. */
#ifndef ASSAY_CLI_REPORT_H
#define ASSAY_CLI_REPORT_H

#include "assay/estimate.h"

struct assay_json;
struct assay_partial;

/* Print the tables of an opened results file on standard output. */
ASSAY_MUST_CHECK enum assay_status assay_report_print(const struct assay_results *results,
                                                      const struct assay_estimates *estimates,
                                                      struct assay_error *err);
/* Those of a run that is not finished, and how far it is. */
ASSAY_MUST_CHECK enum assay_status
assay_report_print_partial(const struct assay_partial *partial,
                           const struct assay_estimates *estimates, struct assay_error *err);
/* In the form asked for. */
ASSAY_MUST_CHECK enum assay_status assay_report_partial(const struct assay_partial *partial,
                                                        bool json,
                                                        const struct assay_estimates *estimates,
                                                        struct assay_error *err);
/* The same as a JSON object (keys: README). The caller destroys it. */
ASSAY_MUST_CHECK enum assay_status assay_report_json(struct assay_json **out,
                                                     const struct assay_results *results,
                                                     const struct assay_estimates *estimates,
                                                     struct assay_error *err);
/* Write a JSON value and a newline on standard output, and destroy it (NULL: out of memory). */
ASSAY_MUST_CHECK enum assay_status assay_report_emit(struct assay_json *take,
                                                     struct assay_error *err);
/* Open `path`, estimate, report in the form asked for, close. */
ASSAY_MUST_CHECK enum assay_status
assay_report_file_with(const char *path, bool json, const struct assay_estimate_options *options,
                       struct assay_error *err);
/* With the default bootstrap. */
ASSAY_MUST_CHECK enum assay_status assay_report_file(const char *path, bool json,
                                                     struct assay_error *err);

#endif
