/* The files that a spec names: where they are, and that they are the ones meant. */
#include "assay/spec.h"

#include "base/bytes.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "crypto/file_check.h"
#include "spec/owner.h"

#include <string.h>

static enum assay_status find_file(const char **out, struct assay_arena *arena, const char *path,
                                   const char *spec_path, const char *directory,
                                   struct assay_error *err);
static enum assay_status digest_file(struct assay_digest *out, const char *file,
                                     const struct assay_digest *declared, struct assay_error *err);

enum assay_status assay_spec_resolve(struct assay_spec *spec, const char *spec_path,
                                     const char *model_dir, struct assay_file_check **model_check,
                                     struct assay_error *err)
{
    struct assay_arena *arena = &assay_spec_owner(spec)->arena;
    const char *model_file = NULL, *benchmark_file = NULL;
    struct assay_digest model, benchmark;
    const char *what = "model";
    enum assay_status status =
        find_file(&model_file, arena, spec->model.path, spec_path, model_dir, err);
    if (status) goto done;

    /* The model comes last: it may take seconds to digest. */
    what = "benchmark";
    status = find_file(&benchmark_file, arena, spec->benchmark.path, spec_path, NULL, err);
    if (status) goto done;
    status = digest_file(&benchmark, benchmark_file,
                         spec->benchmark.sha256_declared ? &spec->benchmark.sha256 : NULL, err);
    if (status) goto done;
    what = "model";
    if (model_check && spec->model.sha256_declared) {
        model = spec->model.sha256;
        status = assay_file_check_begin(model_check, model_file, &model, err);
    } else {
        status = digest_file(&model, model_file,
                             spec->model.sha256_declared ? &spec->model.sha256 : NULL, err);
    }
    if (status) goto done;

    spec->model.file = model_file;
    spec->model.sha256 = model;
    spec->benchmark.file = benchmark_file;
    spec->benchmark.sha256 = benchmark;
    return assay_spec_seal(spec, err);
done:
    status = assay_while(err, status, "%s", what);
    return spec_path ? assay_while(err, status, "%s", spec_path) : status;
}

/* Look at the place, then forget it, but for the list of places looked at. */
static enum assay_status try_place(const char **out, struct assay_arena *arena,
                                   struct assay_bytes *place, struct assay_bytes *looked,
                                   struct assay_error *err)
{
    const char *file = (const char *)place->data;
    if (assay_file_exists(file)) {
        *out = assay_arena_text(arena, file, place->size);
        return *out ? ASSAY_OK : assay_fail(err, ASSAY_EMEMORY, "out of memory");
    }
    enum assay_status status =
        assay_bytes_format(looked, err, "%s%s", looked->size > 0 ? ", " : "", file);
    assay_bytes_clear(place);
    return status;
}

static enum assay_status find_file(const char **out, struct assay_arena *arena, const char *path,
                                   const char *spec_path, const char *directory,
                                   struct assay_error *err)
{
    struct assay_bytes place = {0}, looked = {0};
    const char *found = NULL;
    bool relative = path[0] != '/';
    /* Beside a spec without a directory is the working directory already. */
    bool here = relative && spec_path && strchr(spec_path, '/');

    enum assay_status status = assay_file_beside(spec_path ? spec_path : "", path, &place, err);
    if (!status) status = try_place(&found, arena, &place, &looked, err);
    if (!status && !found && relative && directory) {
        status = assay_bytes_format(&place, err, "%s/%s", directory, path);
        if (!status) status = try_place(&found, arena, &place, &looked, err);
    }
    if (!status && !found && here) {
        status = assay_bytes_format(&place, err, "%s", path);
        if (!status) status = try_place(&found, arena, &place, &looked, err);
    }
    if (!status && !found)
        status = assay_fail(err, ASSAY_ENOTFOUND, "no file \"%s\"; looked for %s", path,
                            (const char *)looked.data);
    if (!status) *out = found;
    assay_bytes_fini(&looked);
    assay_bytes_fini(&place);
    return status;
}

static enum assay_status digest_file(struct assay_digest *out, const char *file,
                                     const struct assay_digest *declared, struct assay_error *err)
{
    struct assay_digest digest;
    char found_hex[ASSAY_DIGEST_HEX], declared_hex[ASSAY_DIGEST_HEX];
    enum assay_status status = assay_sha256_file(&digest, file, err);
    if (status) return status;
    if (declared && !assay_digest_equal(&digest, declared))
        return assay_fail(err, ASSAY_EMISMATCH, "%s has sha256 %s, but the spec declares %s", file,
                          assay_digest_hex(&digest, found_hex),
                          assay_digest_hex(declared, declared_hex));
    *out = digest;
    return ASSAY_OK;
}
