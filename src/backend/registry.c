/* The list of backends, in the order of preference for "auto". A backend that this machine cannot
 * run is an answer, not an absence. */
#include "assay/backend.h"

#include "backend/backend.h"

#include <string.h>

static const struct assay_backend *const backends[] = {
    &assay_backend_cpu,
    &assay_backend_ref,
};

enum { BACKEND_COUNT = sizeof backends / sizeof backends[0] };

enum assay_status assay_backend_find(const struct assay_backend **out, const char *name,
                                     struct assay_error *err)
{
    for (unsigned i = 0; i < BACKEND_COUNT; i++) {
        bool automatic = strcmp(name, "auto") == 0;
        if (!automatic && strcmp(name, backends[i]->name) != 0) continue;
        const char *missing = backends[i]->missing();
        if (missing == NULL) {
            *out = backends[i];
            return ASSAY_OK;
        }
        if (!automatic) {
            return assay_fail(err, ASSAY_EUNSUPPORTED, "backend %s: this machine %s", name,
                              missing);
        }
    }
    return assay_fail(err, ASSAY_ENOTFOUND, "no backend \"%s\": there are auto, cpu, ref", name);
}

const char *assay_backend_name(const struct assay_backend *backend)
{
    return backend->name;
}

const char *assay_backend_isa(const struct assay_backend *backend)
{
    return backend->isa;
}

const char *assay_backend_list(unsigned i)
{
    return i < BACKEND_COUNT ? backends[i]->name : NULL;
}
