/* Opened records as JSON, and their check. */
#include "attest/opened.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/json.h"
#include "base/text.h"
#include "crypto/base64.h"
#include "crypto/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct assay_json *json_number(uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return assay_json_new_text(text);
}

static struct assay_json *json_digest(const struct assay_digest *digest)
{
    char hex[ASSAY_DIGEST_HEX];
    return assay_json_new_text(assay_digest_hex(digest, hex));
}

static struct assay_json *json_salt(const struct assay_salt *salt)
{
    struct assay_digest digest = {{0}};
    char hex[ASSAY_DIGEST_HEX];
    memcpy(digest.bytes, salt->bytes, sizeof salt->bytes);
    assay_digest_hex(&digest, hex);
    hex[2 * ASSAY_SALT_BYTES] = '\0';
    return assay_json_new_text(hex);
}

static struct assay_json *json_base64(const void *data, size_t size)
{
    struct assay_bytes text = {0};
    struct assay_json *json = NULL;
    if (assay_base64_encode(&text, data, size, NULL) == ASSAY_OK) {
        json = assay_json_new_text((const char *)text.data);
    }
    assay_bytes_fini(&text);
    return json;
}

static struct assay_json *json_path(const struct assay_opened *opened)
{
    struct assay_json *array = assay_json_new_array();
    bool ok = array;
    for (size_t i = 0; i < opened->path_count && ok; i++) {
        ok = assay_json_add(array, json_digest(&opened->path[i]));
    }
    if (ok) return array;
    assay_json_destroy(array);
    return NULL;
}

enum assay_status assay_opened_write(struct assay_bytes *out, const struct assay_opened *opened,
                                     struct assay_error *err)
{
    struct assay_json *root = assay_json_new_object();
    bool ok =
        root && assay_json_set(root, "type", assay_json_new_text(ASSAY_OPENED_TYPE)) &&
        assay_json_set(root, "index", json_number(opened->index)) &&
        assay_json_set(root, "treeSize", json_number(opened->tree_size)) &&
        assay_json_set(root, "salt", json_salt(&opened->salt)) &&
        assay_json_set(root, "record", json_base64(opened->canonical, opened->canonical_size)) &&
        assay_json_set(root, "path", json_path(opened)) &&
        assay_json_set(root, "merkleRoot", json_digest(&opened->merkle_root)) &&
        assay_json_set(root, "envelope", json_digest(&opened->envelope));
    enum assay_status status = ok ? assay_json_write(root, true, out, err)
                                  : assay_fail(err, ASSAY_EMEMORY, "no memory for a record");
    assay_json_destroy(root);
    return status ? status : assay_bytes_append(out, "\n", 1, err);
}

static enum assay_status get_text(const char **out, const struct assay_json *root, const char *name,
                                  struct assay_error *err)
{
    const struct assay_json *member = assay_json_member(root, name);
    *out = member ? assay_json_text(member) : NULL;
    if (*out && !assay_text_has_control(*out)) return ASSAY_OK;
    return assay_fail(err, ASSAY_EFORMAT, "%s is missing or no plain text", name);
}

static enum assay_status get_digest(struct assay_digest *out, const struct assay_json *root,
                                    const char *name, struct assay_error *err)
{
    const char *text;
    enum assay_status status = get_text(&text, root, name, err);
    if (status || assay_digest_parse(text, out)) return status;
    return assay_fail(err, ASSAY_EFORMAT, "%s is \"%.80s\"; it must be 64 hex digits", name, text);
}

static enum assay_status get_number(uint64_t *out, const struct assay_json *root, const char *name,
                                    struct assay_error *err)
{
    const char *text;
    enum assay_status status = get_text(&text, root, name, err);
    if (status) return status;
    if ((text[0] != '0' || text[1] == '\0') && assay_text_unsigned(text, UINT64_MAX, out)) {
        return ASSAY_OK;
    }
    return assay_fail(err, ASSAY_EFORMAT, "%s is \"%.80s\"; it must be a whole number", name, text);
}

/* Half a digest's length; read as a digest with zeros behind it. */
static enum assay_status get_salt(struct assay_salt *out, const struct assay_json *root,
                                  struct assay_error *err)
{
    const char *text;
    char hex[ASSAY_DIGEST_HEX];
    struct assay_digest digest;
    enum assay_status status = get_text(&text, root, "salt", err);
    if (status) return status;
    memset(hex, '0', sizeof hex - 1);
    hex[sizeof hex - 1] = '\0';
    bool ok = strlen(text) == 2 * ASSAY_SALT_BYTES;
    if (ok) memcpy(hex, text, 2 * (size_t)ASSAY_SALT_BYTES);
    if (!ok || !assay_digest_parse(hex, &digest)) {
        return assay_fail(err, ASSAY_EFORMAT, "salt is \"%.80s\"; it must be 32 hex digits", text);
    }
    memcpy(out->bytes, digest.bytes, sizeof out->bytes);
    return ASSAY_OK;
}

static enum assay_status get_record(struct assay_opened *out, struct assay_arena *arena,
                                    const struct assay_json *root, struct assay_error *err)
{
    const char *text;
    struct assay_bytes bytes = {0};
    enum assay_status status = get_text(&text, root, "record", err);
    if (status) return status;
    status = assay_while(err, assay_base64_decode(&bytes, text, strlen(text), err), "record");
    if (!status) {
        out->canonical =
            (const uint8_t *)assay_arena_text(arena, (const char *)bytes.data, bytes.size);
        out->canonical_size = bytes.size;
        if (!out->canonical) status = assay_fail(err, ASSAY_EMEMORY, "no memory for a record");
    }
    assay_bytes_fini(&bytes);
    return status;
}

static enum assay_status get_path(struct assay_opened *out, const struct assay_json *root,
                                  struct assay_error *err)
{
    const struct assay_json *array = assay_json_member(root, "path");
    if (!array || assay_json_type(array) != ASSAY_JSON_ARRAY) {
        return assay_fail(err, ASSAY_EFORMAT, "path is missing or no array");
    }
    out->path_count = assay_json_count(array);
    if (out->path_count > ASSAY_MERKLE_PATH_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "path has %zu digests; the most is %d",
                          out->path_count, ASSAY_MERKLE_PATH_MAX);
    }
    for (size_t i = 0; i < out->path_count; i++) {
        const char *text = assay_json_text(assay_json_element(array, i));
        if (!text || !assay_digest_parse(text, &out->path[i])) {
            return assay_fail(err, ASSAY_EFORMAT, "path[%zu] is no 64 hex digits", i);
        }
    }
    return ASSAY_OK;
}

static enum assay_status read_all(struct assay_opened *out, struct assay_arena *arena,
                                  const struct assay_json *root, struct assay_error *err)
{
    const char *type;
    enum assay_status status = get_text(&type, root, "type", err);
    if (!status && strcmp(type, ASSAY_OPENED_TYPE) != 0) {
        status =
            assay_fail(err, ASSAY_EUNSUPPORTED, "type is \"%.80s\", not " ASSAY_OPENED_TYPE, type);
    }
    if (!status) status = get_number(&out->index, root, "index", err);
    if (!status) status = get_number(&out->tree_size, root, "treeSize", err);
    if (!status) status = get_salt(&out->salt, root, err);
    if (!status) status = get_record(out, arena, root, err);
    if (!status) status = get_path(out, root, err);
    if (!status) status = get_digest(&out->merkle_root, root, "merkleRoot", err);
    if (!status) status = get_digest(&out->envelope, root, "envelope", err);
    return status;
}

enum assay_status assay_opened_parse(struct assay_opened *out, struct assay_arena *arena,
                                     const void *data, size_t size, struct assay_error *err)
{
    struct assay_json *root = NULL;
    struct assay_opened opened = {0};
    if (size > ASSAY_OPENED_BYTES_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "an opened record of %zu bytes; the most is %d", size,
                          ASSAY_OPENED_BYTES_MAX);
    }
    enum assay_status status = assay_json_parse(&root, data, size, err);
    if (!status) status = read_all(&opened, arena, root, err);
    assay_json_destroy(root);
    if (!status) *out = opened;
    return status;
}

enum assay_status assay_opened_verify(const struct assay_opened *opened,
                                      struct assay_record *record, struct assay_arena *arena,
                                      struct assay_error *err)
{
    size_t used;
    struct assay_digest leaf =
        assay_leaf_hash(&opened->salt, opened->canonical, opened->canonical_size);
    if (!assay_merkle_verify(&opened->merkle_root, &leaf, opened->index, opened->tree_size,
                             opened->path, opened->path_count)) {
        char hex[ASSAY_DIGEST_HEX];
        return assay_fail(
            err, ASSAY_EFAILED,
            "record, salt and path do not make leaf %" PRIu64 " of %" PRIu64 " under root %s",
            opened->index, opened->tree_size, assay_digest_hex(&opened->merkle_root, hex));
    }
    enum assay_status status =
        assay_record_decode(record, arena, opened->canonical, opened->canonical_size, &used, err);
    if (!status && used != opened->canonical_size) {
        status = assay_fail(err, ASSAY_EFORMAT, "%zu bytes behind the record",
                            opened->canonical_size - used);
    }
    return status;
}
