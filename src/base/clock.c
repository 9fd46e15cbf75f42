/* Time, for people and circumstances only. */
#include "base/clock.h"

#include <time.h>

static uint64_t now_ns(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t assay_clock_monotonic_ns(void)
{
    return now_ns(CLOCK_MONOTONIC);
}

uint64_t assay_clock_epoch_ns(void)
{
    return now_ns(CLOCK_REALTIME);
}

void assay_clock_text(uint64_t epoch_ns, char to[21])
{
    time_t seconds = (time_t)(epoch_ns / 1000000000u);
    struct tm utc;
    to[0] = '\0';
    if (gmtime_r(&seconds, &utc) && strftime(to, 21, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) to[0] = '\0';
}

#if defined(__x86_64__) || defined(__aarch64__)
/* One decrement a cycle, each waiting for the one before; the branch behind it costs nothing. */
static void count_down(uint64_t cycles)
{
#if defined(__x86_64__)
    __asm__ volatile("1: dec %0\n jnz 1b" : "+r"(cycles) : : "cc");
#else
    __asm__ volatile("1: subs %0, %0, #1\n b.ne 1b" : "+r"(cycles) : : "cc");
#endif
}

uint32_t assay_clock_processor_mhz(void)
{
    enum { CYCLES = 100000, TRIES = 4 };
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        uint64_t start = assay_clock_monotonic_ns();
        count_down(CYCLES);
        uint64_t took = assay_clock_monotonic_ns() - start;
        if (took < least) least = took;
    }
    return least > 0 ? (uint32_t)(CYCLES * 1000u / least) : 0;
}
#else
uint32_t assay_clock_processor_mhz(void)
{
    return 0;
}
#endif
