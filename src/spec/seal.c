/* Canonical text and digest of a spec (FORMAT.md 4.1): what two people must agree on to have
 * measured the same thing. Walks the tables of spec/keys.h, so that no key can be forgotten. */
#include "assay/spec.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/json.h"
#include "crypto/digest.h"
#include "spec/keys.h"
#include "spec/owner.h"

#include <stdio.h>
#include <string.h>

static struct assay_json *mapping_json(const struct spec_key *keys, const void *record);
static struct assay_json *definition_json(const struct assay_spec *spec);

/* The identity has no key for how keys and values are kept: its arithmetic says it, as it did
 * before there was a choice. */
#define ROW(name, text, arithmetic) [ASSAY_KV_##name] = ASSAY_ARITHMETIC_##arithmetic,
static const enum assay_arithmetic arithmetic_of[] = {ASSAY_KV_LIST(ROW)};
#undef ROW
#define ROW(name, id, text) [id] = text,
static const char *const arithmetic_texts[] = {ASSAY_ARITHMETIC_LIST(ROW)};
#undef ROW

enum assay_arithmetic assay_spec_arithmetic(const struct assay_spec *spec)
{
    return arithmetic_of[spec->kv];
}

enum assay_status assay_spec_seal(struct assay_spec *spec, struct assay_error *err)
{
    struct assay_arena *arena = &assay_spec_owner(spec)->arena;
    struct assay_bytes text = {0};
    const char *canonical = NULL;
    if (!spec->definition.text) spec->data = spec->benchmark;
    struct assay_json *json = mapping_json(assay_spec_keys(), spec);
    assay_json_set(json, "format", assay_json_new_text("spec-2"));
    assay_json_set(json, "arithmetic",
                   assay_json_new_text(arithmetic_texts[assay_spec_arithmetic(spec)]));
    if (spec->definition.text) assay_json_set(json, "definition", definition_json(spec));
    assay_json_set(json, "sampler", assay_json_new_text("sampler-1"));

    enum assay_status status = assay_json_write(json, true, &text, err);
    if (status) goto done;
    canonical = assay_arena_text(arena, (const char *)text.data, text.size);
    if (!canonical) {
        status = assay_fail(err, ASSAY_EMEMORY, "out of memory");
        goto done;
    }
    struct assay_sha256 state;
    assay_sha256_init(&state);
    assay_sha256_text(&state, "assay/spec-2");
    assay_sha256_field(&state, text.data, text.size);
    spec->canonical = canonical;
    spec->digest = assay_sha256_final(&state);
done:
    assay_bytes_fini(&text);
    assay_json_destroy(json);
    return status;
}

/* What the benchmark's own digest, that of its definition, does not say. */
static struct assay_json *definition_json(const struct assay_spec *spec)
{
    char hex[ASSAY_DIGEST_HEX];
    struct assay_json *object = assay_json_new_object();
    assay_json_set(object, "data", assay_json_new_text(assay_digest_hex(&spec->data.sha256, hex)));
    if (spec->examples.path)
        assay_json_set(object, "examples",
                       assay_json_new_text(assay_digest_hex(&spec->examples.sha256, hex)));
    return object;
}

/* --- values --- */

/* Out of memory is a NULL here; it spoils what it is put into, and shows when that is written. */

static void load(const void *record, size_t at, void *value, size_t size)
{
    memcpy(value, (const char *)record + at, size);
}

static struct assay_json *stops_json(const struct spec_key *key, const void *record)
{
    const char *const *stops;
    size_t count;
    load(record, key->at, &stops, sizeof stops);
    load(record, key->also_at, &count, sizeof count);
    struct assay_json *list = assay_json_new_array();
    for (size_t i = 0; i < count; i++) assay_json_add(list, assay_json_new_text(stops[i]));
    return list;
}

static struct assay_json *profiles_json(const struct spec_key *key, const void *record)
{
    const struct assay_profile *profiles;
    size_t count;
    load(record, key->at, &profiles, sizeof profiles);
    load(record, key->also_at, &count, sizeof count);
    struct assay_json *list = assay_json_new_array();
    for (size_t i = 0; i < count; i++) assay_json_add(list, mapping_json(key->keys, &profiles[i]));
    return list;
}

static struct assay_json *rules_json(const struct spec_key *key, const void *record)
{
    const struct assay_rule *rules;
    size_t count;
    load(record, key->at, &rules, sizeof rules);
    load(record, key->also_at, &count, sizeof count);
    struct assay_json *list = assay_json_new_array();
    for (size_t i = 0; i < count; i++) assay_json_add(list, mapping_json(key->keys, &rules[i]));
    return list;
}

static struct assay_json *digest_json(const struct spec_key *key, const void *record)
{
    struct assay_digest digest;
    char hex[ASSAY_DIGEST_HEX];
    load(record, key->at, &digest, sizeof digest);
    return assay_json_new_text(assay_digest_hex(&digest, hex));
}

static struct assay_json *value_json(const struct spec_key *key, const void *record)
{
    const char *text;
    uint32_t whole;
    uint64_t seed;
    unsigned choice;
    switch (key->type) {
    case SPEC_NAME:
    case SPEC_WORD:
    case SPEC_TEXT:
    case SPEC_TEMPLATE:
    case SPEC_PATTERN:
        load(record, key->at, &text, sizeof text);
        return assay_json_new_text(text);
    case SPEC_WHOLE:
    case SPEC_MILLI:
        load(record, key->at, &whole, sizeof whole);
        return assay_json_new_integer(whole);
    case SPEC_SEED:
        load(record, key->at, &seed, sizeof seed);
        return assay_json_new_integer((int64_t)seed);
    case SPEC_CHOICE:
        load(record, key->at, &choice, sizeof choice);
        return assay_json_new_text(key->choices[choice]);
    case SPEC_SHA256:
        return digest_json(key, record);
    case SPEC_RULES:
        return rules_json(key, record);
    case SPEC_SOME:
    case SPEC_TEXTS:
        return stops_json(key, record);
    case SPEC_BLOCK:
        return mapping_json(key->keys, record);
    case SPEC_RECORDS:
        return profiles_json(key, record);
    case SPEC_VERSION:
        break;
    }
    ASSAY_ASSERT(!"this type is not part of the identity");
    return NULL;
}

static struct assay_json *mapping_json(const struct spec_key *keys, const void *record)
{
    struct assay_json *object = assay_json_new_object();
    for (const struct spec_key *key = keys; key->name; key++) {
        if (key->outside) continue;
        char name[64];
        snprintf(name, sizeof name, "%s%s", key->name, key->type == SPEC_MILLI ? "_milli" : "");
        assay_json_set(object, name, value_json(key, record));
    }
    return object;
}
