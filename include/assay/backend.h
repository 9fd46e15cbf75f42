/* Backends by name: what the program offers, and why one is not available here. */
#ifndef ASSAY_BACKEND_H
#define ASSAY_BACKEND_H

#include "assay/status.h"

struct assay_backend; /* a const table of operations: src/backend/backend.h */

/* Find "ref", "cpu" or "auto" (the fastest that runs here). ENOTFOUND lists the names; EMACHINE
 * says what is missing. The environment variable ASSAY_ISA (vnni, avx512, avx2, portable) holds the
 * CPU to that instruction set: it is taken or refused, whatever else the machine has. */
ASSAY_MUST_CHECK enum assay_status assay_backend_find(const struct assay_backend **out,
                                                      const char *name, struct assay_error *err);
const char *assay_backend_name(const struct assay_backend *backend); /* "cpu" */
const char *
assay_backend_isa(const struct assay_backend *backend); /* "vnni", "avx2", "portable", … */
/* The i-th known backend's name, NULL after the last. */
const char *assay_backend_list(unsigned i);

#endif
