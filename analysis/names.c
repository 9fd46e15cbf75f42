/* Names of methods, reasons and spreads, from the tables in the header. */
#include "assay/estimate.h"

#include "base/assert.h"

static const struct {
    const char *name, *basis;
} methods[] = {
#define METHOD_ROW(name, text, basis) {text, basis},
    ASSAY_INTERVAL_LIST(METHOD_ROW)};

static const char *const reasons[] = {
#define REASON_ROW(name, text) text,
    ASSAY_REASON_LIST(REASON_ROW)};

static const char *const spreads[] = {
#define SPREAD_ROW(name, text) text,
    ASSAY_SPREAD_LIST(SPREAD_ROW)};

const char *assay_interval_method_name(enum assay_interval_method method)
{
    ASSAY_ASSERT((unsigned)method < ASSAY_INTERVAL_COUNT);
    return methods[method].name;
}

const char *assay_interval_basis_name(enum assay_interval_method method)
{
    ASSAY_ASSERT((unsigned)method < ASSAY_INTERVAL_COUNT);
    return methods[method].basis;
}

const char *assay_reason_text(enum assay_reason reason)
{
    ASSAY_ASSERT((unsigned)reason < ASSAY_REASON_COUNT);
    return reasons[reason];
}

const char *assay_spread_name(enum assay_spread spread)
{
    ASSAY_ASSERT((unsigned)spread < ASSAY_SPREAD_COUNT);
    return spreads[spread];
}
