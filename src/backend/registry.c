/* The list of backends, in the order of preference for "auto". A backend that this machine cannot
 * run is an answer, not an absence. */
#include "assay/backend.h"

#include "backend/backend.h"

#include <stdlib.h>
#include <string.h>

static const struct assay_backend *const backends[] = {
    &assay_backend_vnni,     &assay_backend_avx512, &assay_backend_avx2,
    &assay_backend_portable, &assay_backend_ref,
};

enum { BACKEND_COUNT = sizeof backends / sizeof backends[0] };

const struct assay_backend *assay_backend_at(unsigned i)
{
    return i < BACKEND_COUNT ? backends[i] : NULL;
}

/* The one instruction set that the environment asks for, or NULL. */
static const char *wanted_isa(void)
{
    const char *isa = getenv("ASSAY_ISA");
    return isa != NULL && isa[0] != 0 ? isa : NULL;
}

/* The first backend of this name that runs here. *reason: why the last of the others does not; NULL
 * where there is none of this name. */
static const struct assay_backend *first_usable(const char *name, const char *isa,
                                                const char **reason)
{
    *reason = NULL;
    for (unsigned i = 0; i < BACKEND_COUNT; i++) {
        if (strcmp(name, backends[i]->name) != 0) continue;
        if (isa != NULL && strcmp(isa, backends[i]->isa) != 0) continue;
        *reason = backends[i]->missing();
        if (*reason == NULL) return backends[i];
    }
    return NULL;
}

/* The CPU in one instruction set, or a refusal: never another one. */
static enum assay_status find_isa(const struct assay_backend **out, const char *isa,
                                  struct assay_error *err)
{
    const char *reason;
    const struct assay_backend *found = first_usable("cpu", isa, &reason);
    if (found != NULL) {
        *out = found;
        return ASSAY_OK;
    }
    if (reason != NULL) {
        return assay_fail(err, ASSAY_EMACHINE, "ASSAY_ISA=%s: this machine %s", isa, reason);
    }
    return assay_fail(err, ASSAY_ENOTFOUND, "ASSAY_ISA=%s: there are vnni, avx512, avx2, portable",
                      isa);
}

enum assay_status assay_backend_find(const struct assay_backend **out, const char *name,
                                     struct assay_error *err)
{
    static const char *const preferred[] = {"cpu", "ref"};
    bool automatic = strcmp(name, "auto") == 0;
    for (unsigned i = 0; i < sizeof preferred / sizeof preferred[0]; i++) {
        if (!automatic && strcmp(name, preferred[i]) != 0) continue;
        if (i == 0 && wanted_isa() != NULL) return find_isa(out, wanted_isa(), err);
        const char *reason;
        const struct assay_backend *found = first_usable(preferred[i], NULL, &reason);
        if (found != NULL) {
            *out = found;
            return ASSAY_OK;
        }
        if (!automatic) {
            return assay_fail(err, ASSAY_EMACHINE, "backend %s: this machine %s", name, reason);
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

/* Each name once: those of one name follow one another. */
const char *assay_backend_list(unsigned i)
{
    for (unsigned k = 0; k < BACKEND_COUNT; k++) {
        if (k > 0 && strcmp(backends[k]->name, backends[k - 1]->name) == 0) continue;
        if (i-- == 0) return backends[k]->name;
    }
    return NULL;
}
