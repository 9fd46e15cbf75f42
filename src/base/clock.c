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
