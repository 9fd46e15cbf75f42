/* What was checked, for people and for programs. */
#ifndef ASSAY_CLI_CHECKS_H
#define ASSAY_CLI_CHECKS_H

#include "attest/verify.h"

struct assay_json;

void assay_checks_print(const struct assay_checks *checks); /* on standard output, a line each */
/* A list of objects with check, result ("ok", "not-checked") and detail; NULL: out of memory. */
struct assay_json *assay_checks_json(const struct assay_checks *checks);

#endif
