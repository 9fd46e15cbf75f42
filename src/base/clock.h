/* Time, for people and circumstances only; nothing computed depends on it. */
#ifndef ASSAY_BASE_CLOCK_H
#define ASSAY_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

uint64_t assay_clock_monotonic_ns(void);
uint64_t assay_clock_epoch_ns(void);
/* "2026-11-24T03:42:11Z"; `to` has room for 21 bytes. */
void assay_clock_text(uint64_t epoch_ns, char to[21]);

/* The clock of the processor that runs the caller, by timing a chain of dependent instructions that
 * take a cycle each; the fastest of a few short tries, about a tenth of a millisecond in all. 0
 * where the chain is not known. */
uint32_t assay_clock_processor_mhz(void);

#endif
