/* DSSE envelopes and what is signed in them. */
#include "attest/dsse.h"

#include "attest/form.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/public_key.h"

#include <stdlib.h>
#include <string.h>

struct owner {
    struct assay_envelope public;
    struct assay_arena arena;
};

enum assay_status assay_dsse_pae(struct assay_bytes *out, const char *type, const void *body,
                                 size_t size, struct assay_error *err)
{
    enum assay_status status =
        assay_bytes_format(out, err, "DSSEv1 %zu %s %zu ", strlen(type), type, size);
    return status ? status : assay_bytes_append(out, body, size, err);
}

/* A decimal without leading zeros, and the space behind it. */
static bool read_length(struct assay_reader *reader, size_t *out)
{
    size_t value = 0, digits = 0;
    for (;; digits++) {
        uint8_t c = assay_read_u8(reader);
        if (reader->failed || digits > 6) return false;
        if (c == ' ' && digits > 0) break;
        if (c < '0' || c > '9' || (digits == 1 && value == 0)) return false;
        value = value * 10 + (size_t)(c - '0');
    }
    *out = value;
    return true;
}

enum assay_status assay_dsse_pae_parse(struct assay_pae *out, const uint8_t *data, size_t size,
                                       struct assay_error *err)
{
    static const char head[] = "DSSEv1 ";
    struct assay_reader reader = {.data = data, .size = size};
    struct assay_pae pae = {NULL, 0, NULL, 0};
    const uint8_t *start = assay_read_span(&reader, sizeof head - 1);
    bool ok =
        start && memcmp(start, head, sizeof head - 1) == 0 && read_length(&reader, &pae.type_size);
    if (ok) pae.type = (const char *)assay_read_span(&reader, pae.type_size);
    ok = ok && pae.type && assay_read_u8(&reader) == ' ' && read_length(&reader, &pae.size);
    if (ok) pae.body = assay_read_span(&reader, pae.size);
    if (!ok || !pae.body || reader.failed || reader.position != size) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "not what DSSE signs (DSSEv1 LENGTH TYPE LENGTH BODY)");
    }
    *out = pae;
    return ASSAY_OK;
}

/* --- writing --- */

static struct assay_json *json_signature(const struct assay_public_key *key,
                                         const struct assay_signature *signature)
{
    char hex[ASSAY_DIGEST_HEX];
    struct assay_digest id = assay_public_key_id(key);
    struct assay_json *object = assay_json_new_object();
    if (object &&
        assay_json_set(object, "keyid", assay_json_new_text(assay_digest_hex(&id, hex))) &&
        assay_json_set(object, "sig",
                       assay_form_new_base64(signature->bytes, sizeof signature->bytes))) {
        return object;
    }
    assay_json_destroy(object);
    return NULL;
}

enum assay_status assay_envelope_write(struct assay_bytes *out, const char *type,
                                       const void *payload, size_t size,
                                       const struct assay_public_key *key,
                                       const struct assay_signature *signature,
                                       struct assay_error *err)
{
    size_t before = out->size;
    struct assay_json *root = assay_json_new_object(), *signatures = assay_json_new_array();
    bool ok = root && signatures && assay_json_add(signatures, json_signature(key, signature));
    if (root) {
        ok = assay_json_set(root, "signatures", signatures) && ok;
    } else {
        assay_json_destroy(signatures);
    }
    ok = ok && assay_json_set(root, "payload", assay_form_new_base64(payload, size)) &&
         assay_json_set(root, "payloadType", assay_json_new_text(type));
    enum assay_status status = ok ? assay_json_write(root, true, out, err)
                                  : assay_fail(err, ASSAY_EMEMORY, "no memory for an envelope");
    assay_json_destroy(root);
    if (!status) status = assay_bytes_append(out, "\n", 1, err);
    if (!status && out->size - before > ASSAY_ENVELOPE_BYTES_MAX) {
        status = assay_fail(err, ASSAY_EVALUE, "an envelope of %zu bytes; the most is %d",
                            out->size - before, ASSAY_ENVELOPE_BYTES_MAX);
        out->size = before;
    }
    return status;
}

/* --- reading --- */

static enum assay_status no_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for an envelope");
}

static enum assay_status read_signature(struct owner *owner, struct assay_envelope_signature *to,
                                        const struct assay_json *object, struct assay_error *err)
{
    const struct assay_form form = {object, ""};
    const char *keyid = "";
    const struct assay_json *member = assay_json_member(object, "keyid");
    enum assay_status status = ASSAY_OK;
    if (assay_json_type(object) != ASSAY_JSON_OBJECT) {
        return assay_fail(err, ASSAY_EFORMAT, "%s; it must be an object",
                          assay_json_type_name(assay_json_type(object)));
    }
    if (member && assay_json_type(member) != ASSAY_JSON_NULL) {
        status = assay_form_text(&keyid, form, "keyid", ASSAY_KEYID_BYTES_MAX, err);
    }
    if (!status && strlen(keyid) > ASSAY_KEYID_BYTES_MAX) {
        status =
            assay_fail(err, ASSAY_EVALUE, "keyid is longer than %d bytes", ASSAY_KEYID_BYTES_MAX);
    }
    if (status) return status;
    to->keyid = assay_arena_text(&owner->arena, keyid, strlen(keyid));
    if (!to->keyid) return no_memory(err);
    return assay_form_base64(&to->bytes, &to->size, &owner->arena, form, "sig", err);
}

/* No two signatures under one keyid: which one counts must not be a question. */
static enum assay_status read_signatures(struct owner *owner, const struct assay_json *root,
                                         struct assay_error *err)
{
    const struct assay_json *array = assay_json_member(root, "signatures");
    if (!array || assay_json_type(array) != ASSAY_JSON_ARRAY) {
        return assay_fail(err, ASSAY_EFORMAT, "signatures is missing or no array");
    }
    size_t count = assay_json_count(array);
    if (count == 0 || count > ASSAY_ENVELOPE_SIGNATURES_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "%zu signatures; there must be 1 to %d", count,
                          ASSAY_ENVELOPE_SIGNATURES_MAX);
    }
    struct assay_envelope_signature *all = assay_arena_take(&owner->arena, count, sizeof *all);
    if (!all) return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        enum assay_status status =
            read_signature(owner, &all[i], assay_json_element(array, i), err);
        if (status) return assay_while(err, status, "signatures[%zu]", i);
        for (size_t k = 0; k < i; k++) {
            if (strcmp(all[k].keyid, all[i].keyid) == 0) {
                return assay_fail(err, ASSAY_EFORMAT, "two signatures with the keyid \"%.80s\"",
                                  all[i].keyid);
            }
        }
    }
    owner->public.signatures = all;
    owner->public.signature_count = count;
    return ASSAY_OK;
}

static enum assay_status read_all(struct owner *owner, const struct assay_json *root,
                                  struct assay_error *err)
{
    const char *type;
    if (assay_json_type(root) != ASSAY_JSON_OBJECT) {
        return assay_fail(err, ASSAY_EFORMAT, "%s in the place of an envelope",
                          assay_json_type_name(assay_json_type(root)));
    }
    const struct assay_form form = {root, ""};
    enum assay_status status =
        assay_form_text(&type, form, "payloadType", ASSAY_PAYLOAD_TYPE_BYTES_MAX, err);
    if (status) return status;
    owner->public.payload_type = assay_arena_text(&owner->arena, type, strlen(type));
    if (!owner->public.payload_type) return no_memory(err);
    status = assay_form_base64(&owner->public.payload, &owner->public.payload_size, &owner->arena,
                               form, "payload", err);
    return status ? status : read_signatures(owner, root, err);
}

enum assay_status assay_envelope_parse(struct assay_envelope **out, const void *data, size_t size,
                                       struct assay_error *err)
{
    struct assay_json *root = NULL;
    if (size > ASSAY_ENVELOPE_BYTES_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "an envelope of %zu bytes; the most is %d", size,
                          ASSAY_ENVELOPE_BYTES_MAX);
    }
    struct owner *owner = calloc(1, sizeof *owner);
    if (!owner) return no_memory(err);
    enum assay_status status =
        assay_while(err, assay_json_parse(&root, data, size, err), "not JSON");
    if (!status) status = read_all(owner, root, err);
    assay_json_destroy(root);
    if (status) {
        assay_envelope_destroy(&owner->public);
    } else {
        *out = &owner->public;
    }
    return status;
}

void assay_envelope_destroy(struct assay_envelope *envelope)
{
    struct owner *owner = (struct owner *)envelope;
    if (!owner) return;
    assay_arena_fini(&owner->arena);
    free(owner);
}

/* --- verifying --- */

static enum assay_status check_signature(const struct assay_envelope *envelope,
                                         const struct assay_envelope_signature *found,
                                         const struct assay_public_key *key,
                                         struct assay_error *err)
{
    struct assay_signature signature;
    struct assay_bytes pae = {0};
    if (found->size != sizeof signature.bytes) {
        return assay_fail(err, ASSAY_EFAILED, "a signature of %zu bytes; Ed25519 has %zu",
                          found->size, sizeof signature.bytes);
    }
    memcpy(signature.bytes, found->bytes, sizeof signature.bytes);
    enum assay_status status = assay_dsse_pae(&pae, envelope->payload_type, envelope->payload,
                                              envelope->payload_size, err);
    if (!status && !assay_signature_verify(key, pae.data, pae.size, &signature)) {
        status = assay_fail(err, ASSAY_EFAILED,
                            "the signature under keyid %.16s… does not hold: payload or signature "
                            "was changed",
                            found->keyid);
    }
    assay_bytes_fini(&pae);
    return status;
}

enum assay_status assay_envelope_verify(const struct assay_envelope *envelope,
                                        const struct assay_public_key *key, struct assay_error *err)
{
    char hex[ASSAY_DIGEST_HEX];
    struct assay_digest id = assay_public_key_id(key);
    assay_digest_hex(&id, hex);
    if (strcmp(envelope->payload_type, ASSAY_PAYLOAD_TYPE) != 0) {
        return assay_fail(err, ASSAY_EFAILED, "payloadType is \"%.100s\", not " ASSAY_PAYLOAD_TYPE,
                          envelope->payload_type);
    }
    for (size_t i = 0; i < envelope->signature_count; i++) {
        if (strcmp(envelope->signatures[i].keyid, hex) == 0) {
            return check_signature(envelope, &envelope->signatures[i], key, err);
        }
    }
    return assay_fail(err, ASSAY_EFAILED,
                      "no signature by the key with keyid %s; the first has keyid \"%.80s\"", hex,
                      envelope->signatures[0].keyid);
}
