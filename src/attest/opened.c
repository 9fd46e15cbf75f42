/* Opened records as JSON, and their check. */
#include "attest/opened.h"

#include "attest/form.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "store/sealed.h"

#include <inttypes.h>
#include <string.h>

static struct assay_json *json_salt(const struct assay_salt *salt)
{
    struct assay_digest digest = {{0}};
    char hex[ASSAY_DIGEST_HEX];
    memcpy(digest.bytes, salt->bytes, sizeof salt->bytes);
    assay_digest_hex(&digest, hex);
    hex[2 * ASSAY_SALT_BYTES] = '\0';
    return assay_json_new_text(hex);
}

static struct assay_json *json_path(const struct assay_opened *opened)
{
    struct assay_json *array = assay_json_new_array();
    bool ok = array;
    for (size_t i = 0; i < opened->path_count && ok; i++) {
        ok = assay_json_add(array, assay_form_new_digest(&opened->path[i]));
    }
    if (ok) return array;
    assay_json_destroy(array);
    return NULL;
}

enum assay_status assay_opened_write(struct assay_bytes *out, const struct assay_opened *opened,
                                     struct assay_error *err)
{
    struct assay_json *root = assay_json_new_object();
    const char *type = opened->cell_size ? ASSAY_OPENED_TYPE_ENCRYPTED : ASSAY_OPENED_TYPE;
    bool ok = root && assay_json_set(root, "type", assay_json_new_text(type)) &&
              assay_json_set(root, "index", assay_form_new_number(opened->index)) &&
              assay_json_set(root, "treeSize", assay_form_new_number(opened->tree_size)) &&
              assay_json_set(root, "salt", json_salt(&opened->salt)) &&
              assay_json_set(root, "record",
                             assay_form_new_base64(opened->canonical, opened->canonical_size)) &&
              assay_json_set(root, "path", json_path(opened)) &&
              assay_json_set(root, "merkleRoot", assay_form_new_digest(&opened->merkle_root)) &&
              assay_json_set(root, "envelope", assay_form_new_digest(&opened->envelope));
    if (ok && opened->cell_size) {
        ok = assay_json_set(root, "cell", assay_form_new_base64(opened->cell, opened->cell_size));
    }
    enum assay_status status = ok ? assay_json_write(root, true, out, err)
                                  : assay_fail(err, ASSAY_EMEMORY, "no memory for a record");
    assay_json_destroy(root);
    return status ? status : assay_bytes_append(out, "\n", 1, err);
}

/* Half a digest's length; read as a digest with zeros behind it. */
static enum assay_status get_salt(struct assay_salt *out, struct assay_form form,
                                  struct assay_error *err)
{
    const char *text;
    char hex[ASSAY_DIGEST_HEX];
    struct assay_digest digest;
    enum assay_status status = assay_form_text(&text, form, "salt", SIZE_MAX, err);
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
    const struct assay_form form = {root, ""};
    const char *type;
    enum assay_status status = assay_form_text(&type, form, "type", SIZE_MAX, err);
    bool encrypted = !status && strcmp(type, ASSAY_OPENED_TYPE_ENCRYPTED) == 0;
    if (!status && !encrypted && strcmp(type, ASSAY_OPENED_TYPE) != 0) {
        status = assay_fail(
            err, ASSAY_EUNSUPPORTED,
            "type is \"%.80s\", not " ASSAY_OPENED_TYPE " or " ASSAY_OPENED_TYPE_ENCRYPTED, type);
    }
    if (!status) status = assay_form_number(&out->index, form, "index", err);
    if (!status) status = assay_form_number(&out->tree_size, form, "treeSize", err);
    if (!status) status = get_salt(&out->salt, form, err);
    if (!status) {
        status =
            assay_form_base64(&out->canonical, &out->canonical_size, arena, form, "record", err);
    }
    if (!status && encrypted) {
        status = assay_form_base64(&out->cell, &out->cell_size, arena, form, "cell", err);
        if (!status && out->cell_size == 0) {
            status = assay_fail(err, ASSAY_EFORMAT, "cell is empty");
        }
    }
    if (!status) status = get_path(out, root, err);
    if (!status) status = assay_form_digest(&out->merkle_root, form, "merkleRoot", err);
    if (!status) status = assay_form_digest(&out->envelope, form, "envelope", err);
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
    enum assay_status status =
        assay_while(err, assay_json_parse(&root, data, size, err), "not JSON");
    if (!status) status = read_all(&opened, arena, root, err);
    assay_json_destroy(root);
    if (!status) *out = opened;
    return status;
}

static enum assay_status check_leaf(const struct assay_opened *opened, const void *canonical,
                                    size_t size, struct assay_error *err)
{
    char hex[ASSAY_DIGEST_HEX];
    struct assay_digest leaf = assay_leaf_hash(&opened->salt, canonical, size);
    if (assay_merkle_verify(&opened->merkle_root, &leaf, opened->index, opened->tree_size,
                            opened->path, opened->path_count)) {
        return ASSAY_OK;
    }
    return assay_fail(
        err, ASSAY_EFAILED,
        "record, salt and path do not make leaf %" PRIu64 " of %" PRIu64 " under root %s",
        opened->index, opened->tree_size, assay_digest_hex(&opened->merkle_root, hex));
}

/* The leaf is that of the record in clear. */
static enum assay_status decrypt(const struct assay_opened *opened,
                                 const struct assay_cipher_key *key, struct assay_record *record,
                                 struct assay_arena *arena, struct assay_error *err)
{
    struct assay_bytes canonical = {0};
    const struct assay_record closed = *record;
    if (!key->known) {
        return assay_fail(err, ASSAY_EUSAGE,
                          "the record is encrypted, because its benchmark is; name the benchmark's "
                          "data with --data FILE");
    }
    enum assay_status status = assay_sealed_open_record(
        arena, key, &closed, (struct assay_span){(const char *)opened->cell, opened->cell_size},
        record, err);
    if (!status) status = assay_record_encode(&canonical, record, err);
    if (!status) status = check_leaf(opened, canonical.data, canonical.size, err);
    assay_bytes_fini(&canonical);
    return assay_while(err, status, "record %" PRIu64, opened->index);
}

enum assay_status assay_opened_verify(const struct assay_opened *opened,
                                      const struct assay_cipher_key *key,
                                      struct assay_record *record, struct assay_arena *arena,
                                      struct assay_error *err)
{
    size_t used;
    bool encrypted = opened->cell_size > 0;
    enum assay_status status = ASSAY_OK;
    if (!encrypted) status = check_leaf(opened, opened->canonical, opened->canonical_size, err);
    if (!status) {
        status = assay_record_decode(record, arena, opened->canonical, opened->canonical_size,
                                     &used, err);
    }
    if (!status && used != opened->canonical_size) {
        status = assay_fail(err, ASSAY_EFORMAT, "%zu bytes behind the record",
                            opened->canonical_size - used);
    }
    return status || !encrypted ? status : decrypt(opened, key, record, arena, err);
}
