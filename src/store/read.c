/* The reader: HDF5 → image → checked results, samples a window at a time. A file may come from a
 * stranger: every shape, type and size is compared with the schema before memory is taken for it,
 * and nothing outside the file is followed (no soft or external links, no external storage, no
 * filter that would load a plug-in), but for the parts that lie in a folder beside it
 * (source_parts.c). */
#include "store/image.h"

#include "base/assert.h"
#include "base/file.h"
#include "crypto/cipher.h"
#include "crypto/digest.h"
#include "store/samples.h"
#include "store/source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ATTRIBUTE_BYTES_MAX = 1 << 16 };

/* What a caller of assay_results_open holds. */
struct handle {
    struct assay_results public;
    struct assay_image image;
    struct assay_samples *samples;
};

static enum assay_status read_attributes(struct assay_source *source, struct assay_error *err);

void assay_image_fini(struct assay_image *image)
{
    assay_source_close(image->source);
    assay_arena_fini(&image->arena);
    *image = (struct assay_image){0};
}

void assay_results_close(struct assay_results *results)
{
    struct handle *handle = (struct handle *)results;
    if (!handle) return;
    assay_samples_destroy(handle->samples);
    assay_image_fini(&handle->image);
    free(handle);
}

enum assay_status assay_image_load(struct assay_image *image, const char *path, const uint8_t *data,
                                   size_t size, struct assay_error *err)
{
    struct assay_hdf_printing before = assay_hdf_quiet();
    image->window = (struct assay_window_size){.samples = 4096, .bytes = 1 << 24};
    enum assay_status status = assay_source_open(&image->source, image, path, data, size, err);
    if (!status) status = read_attributes(image->source, err);
    if (!status) status = assay_source_read_columns(image->source, err);
    assay_hdf_loud(&before);
    return status;
}

enum assay_status assay_image_read(const struct assay_image *image, enum assay_column column,
                                   uint64_t first, size_t count, void *to, struct assay_error *err)
{
    const struct assay_column_info *info = &assay_column_info[column];
    size_t bytes = assay_element_info[info->element].bytes;
    ASSAY_ASSERT(first <= image->rows[info->shape] && count <= image->rows[info->shape] - first);
    if (count == 0) return ASSAY_OK;
    if (!image->source) {
        memcpy(to, (const uint8_t *)image->columns[column] + (size_t)first * bytes, count * bytes);
        return ASSAY_OK;
    }
    struct assay_hdf_printing before = assay_hdf_quiet();
    enum assay_status status = assay_source_read(image->source, column, first, count, to, err);
    assay_hdf_loud(&before);
    return status;
}

uint64_t assay_image_together(const struct assay_image *image, uint64_t first)
{
    return image->source ? assay_source_together(image->source, first)
                         : image->rows[ASSAY_SHAPE_SAMPLES] - first;
}

enum assay_status assay_results_take(struct assay_results **out, struct assay_image *image,
                                     const char *path, struct assay_error *err)
{
    struct handle *handle = calloc(1, sizeof *handle);
    if (!handle) {
        assay_image_fini(image);
        return assay_fail(err, ASSAY_EMEMORY, "%s: out of memory", path);
    }
    handle->image = *image;
    *image = (struct assay_image){0};
    if (handle->image.source) handle->image.source->image = &handle->image;
    enum assay_status status =
        assay_image_check(&handle->public, &handle->samples, &handle->image, err);
    handle->image.visitor = NULL;
    if (!status) {
        handle->public.path = assay_arena_text(&handle->image.arena, path, strlen(path));
        if (!handle->public.path) status = assay_fail(err, ASSAY_EMEMORY, "out of memory");
    }
    if (status) {
        assay_results_close(&handle->public);
        return assay_while(err, status, "%s", path);
    }
    *out = &handle->public;
    return ASSAY_OK;
}

static enum assay_status read_results(struct assay_results **out, const char *path,
                                      const uint8_t *data, size_t size,
                                      const struct assay_cipher_key *key,
                                      const struct assay_results_visitor *visitor,
                                      struct assay_error *err)
{
    struct assay_image image = {.visitor = visitor};
    enum assay_status status = assay_image_load(&image, path, data, size, err);
    if (status) {
        assay_image_fini(&image);
        return assay_while(err, status, "%s", path);
    }
    if (key && key->known) {
        struct assay_cipher_key *kept = assay_arena_take(&image.arena, 1, sizeof *kept);
        if (!kept) {
            assay_image_fini(&image);
            return assay_fail(err, ASSAY_EMEMORY, "%s: out of memory", path);
        }
        *kept = *key;
        image.key = kept;
    }
    return assay_results_take(out, &image, path, err);
}

enum assay_status assay_results_sample(struct assay_results *results, uint64_t index,
                                       struct assay_results_sample *out, struct assay_error *err)
{
    struct handle *handle = (struct handle *)results;
    ASSAY_ASSERT(index < results->sample_count);
    return assay_while(err, assay_samples_get(handle->samples, index, out, err), "%s",
                       results->path);
}

static enum assay_status check_regular(const char *path, struct assay_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0) return assay_fail_errno(err, errno, "%s", path);
    if (S_ISREG(info.st_mode)) return ASSAY_OK;
    return assay_fail(err, ASSAY_EFORMAT, "%s: not a regular file", path);
}

static enum assay_status read_file(struct assay_results **out, const char *path,
                                   const struct assay_cipher_key *key,
                                   const struct assay_results_visitor *visitor,
                                   struct assay_error *err)
{
    enum assay_status status = check_regular(path, err);
    return status ? status : read_results(out, path, NULL, 0, key, visitor, err);
}

enum assay_status assay_results_open(struct assay_results **out, const char *path,
                                     const struct assay_cipher_key *key, struct assay_error *err)
{
    return read_file(out, path, key, NULL, err);
}

/* Another file than the run's must be told from a changed cell. */
static enum assay_status key_of_data(struct assay_cipher_key *out, const char *path,
                                     const char *data_path, struct assay_error *err)
{
    struct assay_results_head head;
    struct assay_digest digest;
    char theirs[ASSAY_DIGEST_HEX], ours[ASSAY_DIGEST_HEX];
    enum assay_status status = assay_results_peek(&head, path, err);
    if (!status) status = assay_sha256_file(&digest, data_path, err);
    if (status) return status;
    if (assay_digest_equal(&digest, &head.data_digest)) {
        return assay_cipher_key_of_file(out, data_path, err);
    }
    return assay_fail(
        err, ASSAY_EMISMATCH, "%s has sha256 %s, but the data of the run in %s have %s", data_path,
        assay_digest_hex(&digest, theirs), path, assay_digest_hex(&head.data_digest, ours));
}

enum assay_status assay_results_open_visited(struct assay_results **out, const char *path,
                                             const char *data_path,
                                             const struct assay_results_visitor *visitor,
                                             struct assay_error *err)
{
    struct assay_cipher_key key = {.known = false};
    enum assay_status status = data_path ? key_of_data(&key, path, data_path, err) : ASSAY_OK;
    return status ? status : read_file(out, path, &key, visitor, err);
}

enum assay_status assay_results_open_clear(struct assay_results **out, const char *path,
                                           const char *data_path,
                                           const struct assay_results_visitor *visitor,
                                           struct assay_error *err)
{
    char hex[ASSAY_DIGEST_HEX];
    enum assay_status status = assay_results_open_visited(out, path, data_path, visitor, err);
    if (status || !(*out)->sealed) return status;
    status = assay_fail(err, ASSAY_EUSAGE,
                        "%s: its outputs are encrypted, because its benchmark is; to read them, "
                        "name the benchmark's data (sha256 %s) with --data FILE",
                        path, assay_digest_hex(&(*out)->data_digest, hex));
    assay_results_close(*out);
    *out = NULL;
    return status;
}

enum assay_status assay_results_parse(struct assay_results **out, const uint8_t *data, size_t size,
                                      struct assay_error *err)
{
    return read_results(out, "(memory)", data, size, NULL, NULL, err);
}

enum assay_status assay_results_peek(struct assay_results_head *out, const char *path,
                                     struct assay_error *err)
{
    struct assay_image image = {.key = NULL};
    struct assay_results_head head;
    enum assay_status status = check_regular(path, err);
    if (status) return status;
    struct assay_hdf_printing before = assay_hdf_quiet();
    status = assay_source_open(&image.source, &image, path, NULL, 0, err);
    if (!status) status = read_attributes(image.source, err);
    assay_hdf_loud(&before);
    head.schema_version = image.numbers[ASSAY_ATTRIBUTE_SCHEMA_VERSION];
    if (!status &&
        !(assay_digest_parse(image.texts[ASSAY_ATTRIBUTE_SPEC_DIGEST], &head.spec_digest) &&
          assay_digest_parse(image.texts[ASSAY_ATTRIBUTE_PLAN_DIGEST], &head.plan_digest) &&
          assay_digest_parse(image.texts[ASSAY_ATTRIBUTE_DATA_SHA256], &head.data_digest) &&
          assay_digest_parse(image.texts[ASSAY_ATTRIBUTE_RECORDS_DIGEST], &head.records_digest))) {
        status = assay_fail(err, ASSAY_EFORMAT, "an attribute that should be a digest is not");
    }
    assay_image_fini(&image);
    if (status) return assay_while(err, status, "%s", path);
    *out = head;
    return ASSAY_OK;
}

/* A text as libhdf5 allocated it, moved into the arena. */
static enum assay_status keep_text(struct assay_source *source, enum assay_attribute name,
                                   hid_t memory, hid_t space, char *text, struct assay_error *err)
{
    size_t length = text ? strlen(text) : 0;
    enum assay_status status = ASSAY_OK;
    if (length > ATTRIBUTE_BYTES_MAX) {
        status = assay_fail(err, ASSAY_EFORMAT, "attribute %s of %zu bytes",
                            assay_attribute_info[name].name, length);
    } else {
        char *kept = assay_arena_text(&source->image->arena, text, length);
        if (!kept) status = assay_fail(err, ASSAY_EMEMORY, "out of memory");
        source->image->texts[name] = kept;
    }
    H5Dvlen_reclaim(memory, space, H5P_DEFAULT, &text);
    return status;
}

static enum assay_status read_value(struct assay_source *source, enum assay_attribute name,
                                    hid_t attribute, struct assay_error *err)
{
    const struct assay_attribute_info *info = &assay_attribute_info[name];
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    hid_t memory = assay_hdf_type(info->element, true);
    char *text = NULL;
    enum assay_status status = ASSAY_OK;
    if (!assay_hdf_has_type(type, info->element) || !assay_hdf_is_scalar(space)) {
        status = assay_fail(err, ASSAY_EFORMAT, "attribute %s is not one %s", info->name,
                            assay_element_info[info->element].words);
    } else if (info->element == ASSAY_ELEMENT_TEXT) {
        if (H5Aread(attribute, memory, &text) < 0) {
            status = assay_hdf_fail(err, ASSAY_EFORMAT, "reading attribute %s", info->name);
        } else {
            status = keep_text(source, name, memory, space, text, err);
        }
    } else if (H5Aread(attribute, memory, &source->image->numbers[name]) < 0) {
        status = assay_hdf_fail(err, ASSAY_EFORMAT, "reading attribute %s", info->name);
    }
    assay_hdf_close(memory);
    assay_hdf_close(space);
    assay_hdf_close(type);
    return status;
}

static enum assay_status read_attribute(struct assay_source *source, enum assay_attribute name,
                                        struct assay_error *err)
{
    const char *text = assay_attribute_info[name].name;
    if (H5Aexists(source->file, text) <= 0) {
        return assay_fail(err, ASSAY_EFORMAT, "not a results file of assay: no attribute %s", text);
    }
    hid_t attribute = H5Aopen(source->file, text, H5P_DEFAULT);
    if (attribute < 0) return assay_hdf_fail(err, ASSAY_EFORMAT, "opening attribute %s", text);
    enum assay_status status = read_value(source, name, attribute, err);
    assay_hdf_close(attribute);
    return status;
}

/* The schema's name and version come first in the table: nothing else of a file means anything
 * before they are known. */
static enum assay_status check_version(const struct assay_image *image, struct assay_error *err)
{
    uint32_t version = image->numbers[ASSAY_ATTRIBUTE_SCHEMA_VERSION];
    const char *schema = image->texts[ASSAY_ATTRIBUTE_SCHEMA];
    if (strcmp(schema, ASSAY_SCHEMA_NAME) != 0) {
        return assay_fail(err, ASSAY_EFORMAT, "not a results file of assay: its schema is \"%s\"",
                          schema);
    }
    if (version == ASSAY_SCHEMA_VERSION) return ASSAY_OK;
    if (version > ASSAY_SCHEMA_VERSION) {
        return assay_fail(err, ASSAY_EUNSUPPORTED,
                          "results-%" PRIu32 ", made by a newer assay; this one reads results-%d",
                          version, ASSAY_SCHEMA_VERSION);
    }
    return assay_fail(err, ASSAY_EUNSUPPORTED,
                      "results-%" PRIu32
                      ", made by an older assay; this one reads results-%d. Read "
                      "it with that assay or any HDF5 reader, or run its job again with this one",
                      version, ASSAY_SCHEMA_VERSION);
}

static enum assay_status read_attributes(struct assay_source *source, struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    for (unsigned i = 0; i < ASSAY_ATTRIBUTE_COUNT && !status; i++) {
        status = read_attribute(source, (enum assay_attribute)i, err);
        if (!status && i == ASSAY_ATTRIBUTE_SCHEMA_VERSION) {
            status = check_version(source->image, err);
        }
    }
    return status;
}
