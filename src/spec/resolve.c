/* The files that a spec names: where they are, and that they are the ones meant. */
#include "assay/spec.h"

#include "base/bytes.h"
#include "base/file.h"
#include "crypto/cipher.h"
#include "crypto/digest.h"
#include "crypto/file_check.h"
#include "spec/owner.h"

#include <string.h>

static enum assay_status find_file(const char **out, struct assay_arena *arena, const char *path,
                                   const char *spec_path, const char *directory,
                                   struct assay_error *err);
static enum assay_status define(struct assay_spec *spec, struct assay_error *err);
static enum assay_status digest_file(struct assay_digest *out, const char *file,
                                     const struct assay_digest *declared, struct assay_error *err);

enum assay_status assay_spec_resolve_benchmark(struct assay_spec *spec, const char *spec_path,
                                               struct assay_error *err)
{
    struct assay_arena *arena = &assay_spec_owner(spec)->arena;
    struct assay_named_file *benchmark = &spec->benchmark;
    const char *file = NULL;
    struct assay_digest digest;
    enum assay_status status = find_file(&file, arena, benchmark->path, spec_path, NULL, err);
    if (!status)
        status =
            digest_file(&digest, file, benchmark->sha256_declared ? &benchmark->sha256 : NULL, err);
    if (status) {
        status = assay_while(err, status, "benchmark");
        return spec_path ? assay_while(err, status, "%s", spec_path) : status;
    }
    benchmark->file = file;
    benchmark->sha256 = digest;
    if (assay_spec_has_definition(spec)) status = define(spec, err);
    return status ? status : assay_spec_resolve_data(spec, spec_path, err);
}

enum assay_status assay_spec_resolve(struct assay_spec *spec, const char *spec_path,
                                     const char *model_dir, struct assay_file_check **model_check,
                                     struct assay_error *err)
{
    struct assay_arena *arena = &assay_spec_owner(spec)->arena;
    const char *model_file = NULL;
    struct assay_digest model;
    enum assay_status status =
        find_file(&model_file, arena, spec->model.path, spec_path, model_dir, err);
    if (status) goto done;
    status = assay_spec_resolve_benchmark(spec, spec_path, err);
    if (status) return status;

    /* The model comes last: it may take seconds to digest. */
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
    return assay_spec_seal(spec, err);
done:
    status = assay_while(err, status, "model");
    return spec_path ? assay_while(err, status, "%s", spec_path) : status;
}

/* What is read from the spec again loses what was found: it is put back. */
static enum assay_status define(struct assay_spec *spec, struct assay_error *err)
{
    const struct assay_named_file model = spec->model, benchmark = spec->benchmark;
    struct assay_bytes text = {0};
    enum assay_status status = assay_file_read(benchmark.file, ASSAY_SPEC_BYTES_MAX, &text, err);
    if (!status)
        status = assay_spec_define(spec, benchmark.file, (const char *)text.data, text.size, err);
    spec->model = model;
    spec->benchmark = benchmark;
    assay_bytes_fini(&text);
    return status;
}

static enum assay_status resolve_one(struct assay_spec *spec, struct assay_named_file *named,
                                     const char *spec_path, struct assay_error *err)
{
    struct assay_arena *arena = &assay_spec_owner(spec)->arena;
    struct assay_bytes directory = {0};
    const char *slash = spec_path ? strrchr(spec_path, '/') : NULL;
    enum assay_status status = ASSAY_OK;
    if (slash) status = assay_bytes_append(&directory, spec_path, (size_t)(slash - spec_path), err);
    if (!status)
        status = find_file(&named->file, arena, named->path, spec->benchmark.file,
                           slash ? (const char *)directory.data : NULL, err);
    if (!status)
        status = digest_file(&named->sha256, named->file,
                             named->sha256_declared ? &named->sha256 : NULL, err);
    assay_bytes_fini(&directory);
    return status;
}

enum assay_status assay_spec_resolve_data(struct assay_spec *spec, const char *spec_path,
                                          struct assay_error *err)
{
    if (!spec->definition.text) {
        spec->data = spec->benchmark;
        return ASSAY_OK;
    }
    const char *field = "data.path";
    enum assay_status status = resolve_one(spec, &spec->data, spec_path, err);
    if (!status && spec->definition.encrypted)
        status = assay_cipher_key_of_file(&spec->cipher, spec->data.file, err);
    if (!status && spec->examples.path) {
        field = "examples.path";
        status = resolve_one(spec, &spec->examples, spec_path, err);
    }
    if (status == ASSAY_ENOTFOUND && spec->definition.source[0])
        status = assay_fail(err, status, "%s (the data are to be had from: %s)",
                            err ? err->text : "", spec->definition.source);
    return assay_while(err, status, "%s: %s", spec->benchmark.file, field);
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
