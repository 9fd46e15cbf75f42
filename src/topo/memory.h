/* How much memory this process and those beside it may use. */
#ifndef ASSAY_TOPO_MEMORY_H
#define ASSAY_TOPO_MEMORY_H

#include "assay/status.h"

#include <stdint.h>

/* The least of: MemAvailable, the limits of all control groups above this process, and
 * $SLURM_MEM_PER_NODE. UINT64_MAX where nothing is known. */
uint64_t assay_memory_limit(void);

/* For the tests: MemAvailable of a /proc/meminfo text, in bytes; UINT64_MAX if it has none. */
uint64_t assay_memory_available_in(const char *meminfo);
/* For the tests: bytes of a limit file's text ("max" or digits); UINT64_MAX for no limit. */
uint64_t assay_memory_limit_in(const char *text);

#endif
