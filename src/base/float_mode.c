/* The floating-point mode of a thread: round to nearest even, subnormals kept (FORMAT.md 1.1).
 * Libraries, and code built with fast-math, change it behind one's back. */
#include "base/exact.h"

#include <fenv.h>

#if defined(__x86_64__)

#include <xmmintrin.h>

/* MXCSR: flush to zero, rounding control, denormals are zero (Intel SDM volume 1, 10.2.3). */
enum { MODE_BITS = 0x8000 | 0x6000 | 0x0040 };

int assay_float_mode_check(void)
{
    return (_mm_getcsr() & MODE_BITS) == 0 ? 0 : -1;
}

void assay_float_mode_set(void)
{
    fesetround(FE_TONEAREST); /* the x87 unit's, too: it computes long double */
    _mm_setcsr(_mm_getcsr() & ~(unsigned)MODE_BITS);
}

#else

int assay_float_mode_check(void)
{
    volatile float smallest = FLT_MIN; /* read at run time, so that the halving is */
    return fegetround() == FE_TONEAREST && smallest / 2 > 0 ? 0 : -1;
}

void assay_float_mode_set(void)
{
    fesetround(FE_TONEAREST);
}

#endif
