/* The files that a spec names: where they are, and that they are the ones meant. */
#include "assay/spec.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/shard_name.h"
#include "crypto/cipher.h"
#include "crypto/digest.h"
#include "crypto/file_check.h"
#include "crypto/object_path.h"
#include "spec/owner.h"
#include "spec/read.h"

#include <string.h>

/* Where a name is looked for when it is not absolute, in this order; NULL: not there. */
struct places {
    const char *beside;    /* a file: its folder */
    const char *directory; /* then the working directory */
    const char *store;     /* by name, then by digest */
};
/* A file that was found, and what its bytes must be. */
struct found {
    const char *file;
    struct assay_digest digest; /* as declared; as it is, once it was looked at */
    bool is_declared;
};

static enum assay_status find_file(struct found *out, struct assay_arena *arena,
                                   const struct assay_named_file *named,
                                   const struct places *places, struct assay_error *err);
static enum assay_status define(struct assay_spec *spec, struct assay_error *err);
static enum assay_status digest_file(struct found *found, struct assay_error *err);

/* How a file that is missing may be had: by its digest, or by its name if that is no path of the
 * user's own. */
static enum assay_status advise(enum assay_status status, const char *spec_path,
                                const struct assay_named_file *named, const char *store,
                                struct assay_error *err)
{
    bool is_known = named->sha256_declared || !strchr(named->path, '/');
    if (status != ASSAY_ENOTFOUND || !spec_path || !assay_spec_is_definition(spec_path) ||
        !is_known) {
        return status;
    }
    return assay_fail(err, status, "%s; where there is a network: assay fetch %s --model-dir %s",
                      err ? err->text : "", spec_path, store ? store : "DIR");
}

static enum assay_status blame(enum assay_status status, const char *field, const char *spec_path,
                               const struct assay_named_file *named, const char *store,
                               struct assay_error *err)
{
    status = assay_while(err, advise(status, spec_path, named, store, err), "%s", field);
    return spec_path ? assay_while(err, status, "%s", spec_path) : status;
}

enum assay_status assay_spec_resolve_benchmark(struct assay_spec *spec, const char *spec_path,
                                               const char *store, struct assay_error *err)
{
    struct assay_arena *arena = &assay_spec_owner(spec)->arena;
    const struct places places = {.beside = spec_path, .store = store};
    struct assay_named_file *benchmark = &spec->benchmark;
    struct found found;
    enum assay_status status = find_file(&found, arena, benchmark, &places, err);
    if (!status) status = digest_file(&found, err);
    if (status) return blame(status, "benchmark", spec_path, benchmark, store, err);
    benchmark->file = found.file;
    benchmark->sha256 = found.digest;
    if (assay_spec_has_definition(spec)) status = define(spec, err);
    return status ? status : assay_spec_resolve_data(spec, spec_path, store, err);
}

enum assay_status assay_spec_resolve(struct assay_spec *spec, const char *spec_path,
                                     const char *model_dir, struct assay_file_check **model_check,
                                     struct assay_error *err)
{
    struct assay_arena *arena = &assay_spec_owner(spec)->arena;
    const struct places places = {spec_path, model_dir, model_dir};
    struct found model;
    enum assay_status status = find_file(&model, arena, &spec->model, &places, err);
    if (status) goto done;
    status = assay_spec_resolve_benchmark(spec, spec_path, model_dir, err);
    if (status) return status;

    /* The model comes last: it may take seconds to digest. */
    if (model_check && model.is_declared) {
        status = assay_file_check_begin(model_check, model.file, &model.digest, err);
    } else {
        status = digest_file(&model, err);
    }
    if (status) goto done;

    spec->model.file = model.file;
    spec->model.sha256 = model.digest;
    return assay_spec_seal(spec, err);
done:
    return blame(status, "model", spec_path, &spec->model, model_dir, err);
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
                                     const char *spec_path, const char *store,
                                     struct assay_error *err)
{
    struct assay_arena *arena = &assay_spec_owner(spec)->arena;
    struct assay_bytes directory = {0};
    struct found found;
    const char *slash = spec_path ? strrchr(spec_path, '/') : NULL;
    enum assay_status status = ASSAY_OK;
    if (slash) status = assay_bytes_append(&directory, spec_path, (size_t)(slash - spec_path), err);
    if (!status) {
        const struct places places = {spec->benchmark.file,
                                      slash ? (const char *)directory.data : NULL, store};
        status = find_file(&found, arena, named, &places, err);
    }
    if (!status) status = digest_file(&found, err);
    if (!status) {
        named->file = found.file;
        named->sha256 = found.digest;
    }
    assay_bytes_fini(&directory);
    return status;
}

enum assay_status assay_spec_resolve_data(struct assay_spec *spec, const char *spec_path,
                                          const char *store, struct assay_error *err)
{
    if (!spec->definition.text) {
        spec->data = spec->benchmark;
        return ASSAY_OK;
    }
    const char *field = "data.path";
    struct assay_named_file *named = &spec->data;
    enum assay_status status = resolve_one(spec, named, spec_path, store, err);
    if (!status && spec->definition.encrypted)
        status = assay_cipher_key_of_file(&spec->cipher, spec->data.file, err);
    if (!status && spec->examples.path) {
        field = "examples.path";
        named = &spec->examples;
        status = resolve_one(spec, named, spec_path, store, err);
    }
    if (status == ASSAY_ENOTFOUND && spec->definition.source[0])
        status = assay_fail(err, status, "%s (the data are to be had from: %s)",
                            err ? err->text : "", spec->definition.source);
    status = advise(status, spec_path, named, store, err);
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

/* DIRECTORY/PATH, unless there is no such place or something is found already. */
static enum assay_status try_in(const char **out, struct assay_arena *arena, const char *directory,
                                const char *path, struct assay_bytes *looked,
                                struct assay_error *err)
{
    struct assay_bytes place = {0};
    if (!directory || *out) return ASSAY_OK;
    enum assay_status status = assay_bytes_format(&place, err, "%s/%s", directory, path);
    if (!status) status = try_place(out, arena, &place, looked, err);
    assay_bytes_fini(&place);
    return status;
}

static enum assay_status try_object(const char **out, struct assay_arena *arena, const char *store,
                                    const struct assay_digest *digest, struct assay_bytes *looked,
                                    struct assay_error *err)
{
    struct assay_bytes place = {0};
    if (!store || *out) return ASSAY_OK;
    enum assay_status status = assay_object_path(&place, store, digest, err);
    if (!status) status = try_place(out, arena, &place, looked, err);
    assay_bytes_fini(&place);
    return status;
}

static enum assay_status try_names(const char **out, struct assay_arena *arena, const char *path,
                                   const struct places *places, struct assay_bytes *looked,
                                   struct assay_error *err)
{
    struct assay_bytes place = {0};
    bool relative = path[0] != '/';
    /* Beside a spec without a directory is the working directory already. */
    bool here = relative && places->beside && strchr(places->beside, '/');
    const char *store = places->store != places->directory ? places->store : NULL;

    enum assay_status status =
        assay_file_beside(places->beside ? places->beside : "", path, &place, err);
    if (!status) status = try_place(out, arena, &place, looked, err);
    if (!status && relative) status = try_in(out, arena, places->directory, path, looked, err);
    if (!status && !*out && here) {
        status = assay_bytes_format(&place, err, "%s", path);
        if (!status) status = try_place(out, arena, &place, looked, err);
    }
    if (!status && relative) status = try_in(out, arena, store, path, looked, err);
    assay_bytes_fini(&place);
    return status;
}

/* What the bytes must be: as the spec says, as a path "sha256:…" says, and they must agree. */
static enum assay_status read_digest(struct found *out, const struct assay_named_file *named,
                                     bool *is_object, struct assay_error *err)
{
    char one[ASSAY_DIGEST_HEX], other[ASSAY_DIGEST_HEX];
    struct assay_digest digest;
    out->digest = named->sha256;
    out->is_declared = named->sha256_declared;
    *is_object = strncmp(named->path, "sha256:", 7) == 0;
    if (!*is_object) return ASSAY_OK;
    if (!assay_digest_parse(named->path + 7, &digest)) {
        return assay_fail(err, ASSAY_EVALUE,
                          "path is \"%.100s\": 64 hex digits follow sha256:", named->path);
    }
    if (out->is_declared && !assay_digest_equal(&digest, &out->digest)) {
        return assay_fail(err, ASSAY_EMISMATCH, "path says sha256 %s, but sha256 is %s",
                          assay_digest_hex(&digest, one), assay_digest_hex(&out->digest, other));
    }
    out->digest = digest;
    out->is_declared = true;
    return ASSAY_OK;
}

static enum assay_status find_file(struct found *out, struct assay_arena *arena,
                                   const struct assay_named_file *named,
                                   const struct places *places, struct assay_error *err)
{
    struct assay_bytes looked = {0};
    bool is_object;
    *out = (struct found){0};
    enum assay_status status = read_digest(out, named, &is_object, err);
    if (!status && !is_object) {
        status = try_names(&out->file, arena, named->path, places, &looked, err);
    }
    if (!status && out->is_declared)
        status = try_object(&out->file, arena, places->store, &out->digest, &looked, err);
    if (!status && !out->file)
        status = assay_fail(err, ASSAY_ENOTFOUND, "no file \"%s\"; looked for %s", named->path,
                            looked.size > 0 ? (const char *)looked.data : "it in no store");
    assay_bytes_fini(&looked);
    if (status) return status;
    /* A name in a store says what it stands for; but the digest of a model in parts is that of all
     * of them together. */
    if (!out->is_declared && assay_shard_name_of(out->file).count == 1) {
        out->is_declared = assay_object_of_link(out->file, &out->digest);
    }
    return ASSAY_OK;
}

static enum assay_status digest_file(struct found *found, struct assay_error *err)
{
    struct assay_digest digest;
    char found_hex[ASSAY_DIGEST_HEX], declared_hex[ASSAY_DIGEST_HEX];
    enum assay_status status = assay_sha256_file(&digest, found->file, err);
    if (status) return status;
    if (found->is_declared && !assay_digest_equal(&digest, &found->digest))
        return assay_fail(err, ASSAY_EMISMATCH, "%s has sha256 %s, but the spec declares %s",
                          found->file, assay_digest_hex(&digest, found_hex),
                          assay_digest_hex(&found->digest, declared_hex));
    found->digest = digest;
    return ASSAY_OK;
}

enum assay_status assay_spec_seek(const char **out, struct assay_spec *spec,
                                  const struct assay_named_file *named, const char *beside,
                                  const char *directory, const char *store, struct assay_error *err)
{
    const struct places places = {beside, directory, store};
    struct found found;
    enum assay_status status =
        find_file(&found, &assay_spec_owner(spec)->arena, named, &places, err);
    if (!status) *out = found.file;
    return status;
}
