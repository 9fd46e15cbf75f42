/* One scalar of a spec → one checked value. The key's type decides what a scalar means, never its
 * looks: `name: 1.10` is a text and `replicates: "8"` a number. */
#include "spec/read.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/regex.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "spec/keys.h"
#include "spec/template.h"
#include "spec/tree.h"

#include <string.h>

enum assay_status assay_spec_fail_value(const struct spec_reader *reader,
                                        const struct spec_key *key, const struct spec_node *node,
                                        const char *hint)
{
    char quoted[160], expects[SPEC_EXPECTS_BYTES];
    const char *value = node->kind == SPEC_SEQUENCE  ? "a list"
                        : node->kind == SPEC_MAPPING ? "a mapping"
                                                     : quoted;
    if (node->kind == SPEC_SCALAR) assay_text_quote(quoted, sizeof quoted, node->text, node->size);
    return assay_spec_fail(reader->report, ASSAY_EVALUE, node->mark, "%s is %s: it must be %s%s",
                           key->name, value, assay_spec_expects(key, expects), hint);
}

/* In YAML these plain words mean that there is no value; we would take them for texts. */
static bool is_null(const struct spec_node *node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; node->plain && i < sizeof words / sizeof words[0]; i++)
        if (strcmp(node->text, words[i]) == 0) return true;
    return false;
}

static enum assay_status read_name(const struct spec_reader *reader, const struct spec_key *key,
                                   const struct spec_node *node, void *record);
static enum assay_status read_word(const struct spec_reader *reader, const struct spec_key *key,
                                   const struct spec_node *node, void *record);
static enum assay_status read_text(const struct spec_reader *reader, const struct spec_key *key,
                                   const struct spec_node *node, void *record);
static enum assay_status read_number(const struct spec_reader *reader, const struct spec_key *key,
                                     const struct spec_node *node, void *record);
static enum assay_status read_choice(const struct spec_reader *reader, const struct spec_key *key,
                                     const struct spec_node *node, void *record);
static enum assay_status read_digest(const struct spec_reader *reader, const struct spec_key *key,
                                     const struct spec_node *node, void *record);

enum assay_status assay_spec_read_value(const struct spec_reader *reader,
                                        const struct spec_key *key, const struct spec_node *node,
                                        void *record)
{
    if (node->kind != SPEC_SCALAR) return assay_spec_fail_value(reader, key, node, "");
    if (is_null(node)) {
        char expects[SPEC_EXPECTS_BYTES];
        return assay_spec_fail(reader->report, ASSAY_EVALUE, node->mark,
                               "%s has no value: it must be %s", key->name,
                               assay_spec_expects(key, expects));
    }
    switch (key->type) {
    case SPEC_NAME:
        return read_name(reader, key, node, record);
    case SPEC_WORD:
        return read_word(reader, key, node, record);
    case SPEC_TEXT:
    case SPEC_TEMPLATE:
    case SPEC_PATTERN:
        return read_text(reader, key, node, record);
    case SPEC_VERSION:
    case SPEC_WHOLE:
    case SPEC_SEED:
    case SPEC_MILLI:
        return read_number(reader, key, node, record);
    case SPEC_CHOICE:
        return read_choice(reader, key, node, record);
    case SPEC_SHA256:
        return read_digest(reader, key, node, record);
    case SPEC_TEXTS:
    case SPEC_SOME:
    case SPEC_RULES:
    case SPEC_BLOCK:
    case SPEC_RECORDS:
        break;
    }
    ASSAY_ASSERT(!"this type is no scalar");
    return ASSAY_EFORMAT;
}

static void store(const struct spec_key *key, void *record, const void *value, size_t size)
{
    memcpy((char *)record + key->at, value, size);
}

/* --- texts --- */

static enum assay_status store_text(const struct spec_reader *reader, const struct spec_key *key,
                                    const struct spec_node *node, void *record)
{
    const char *copy = assay_arena_text(reader->arena, node->text, node->size);
    if (!copy) return assay_spec_fail_memory(reader->report);
    store(key, record, &copy, sizeof copy);
    return ASSAY_OK;
}

static enum assay_status read_name(const struct spec_reader *reader, const struct spec_key *key,
                                   const struct spec_node *node, void *record)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    if (node->size == 0 || node->size > key->max || node->text[strspn(node->text, allowed)])
        return assay_spec_fail_value(reader, key, node, "");
    return store_text(reader, key, node, record);
}

static enum assay_status read_word(const struct spec_reader *reader, const struct spec_key *key,
                                   const struct spec_node *node, void *record)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789" SPEC_WORD_MARKS;
    if (node->size == 0 || node->size > key->max || node->text[strspn(node->text, allowed)])
        return assay_spec_fail_value(reader, key, node, "");
    return store_text(reader, key, node, record);
}

static enum assay_status check_template(const struct spec_reader *reader,
                                        const struct spec_key *key, const struct spec_node *node)
{
    struct assay_error inner;
    struct assay_template_piece piece;
    size_t position = 0, fields = 0;
    bool found = true;
    while (found) {
        if (assay_template_next(node->text, &position, &found, &piece, &inner))
            return assay_spec_fail(reader->report, ASSAY_EVALUE, node->mark, "%s: %s", key->name,
                                   inner.text);
        fields += found && piece.is_field;
    }
    return fields > 0 || key->min == 0 ? ASSAY_OK : assay_spec_fail_value(reader, key, node, "");
}

static enum assay_status check_pattern(const struct spec_reader *reader, const struct spec_key *key,
                                       const struct spec_node *node)
{
    struct assay_error inner;
    struct assay_regex *regex = NULL;
    enum assay_status status = assay_regex_create(&regex, node->text, &inner);
    if (status == ASSAY_EMEMORY) return assay_spec_fail_memory(reader->report);
    if (status)
        return assay_spec_fail(reader->report, ASSAY_EVALUE, node->mark, "%s: %s", key->name,
                               inner.text);
    unsigned groups = assay_regex_groups(regex);
    assay_regex_destroy(regex);
    if (groups == 1) return ASSAY_OK;
    return assay_spec_fail(reader->report, ASSAY_EVALUE, node->mark,
                           "%s has %u capture groups: it must have exactly one; (?:…) groups "
                           "without capturing",
                           key->name, groups);
}

static enum assay_status read_text(const struct spec_reader *reader, const struct spec_key *key,
                                   const struct spec_node *node, void *record)
{
    enum assay_status status = ASSAY_OK;
    if (node->size < key->min || node->size > key->max)
        return assay_spec_fail_value(reader, key, node, "");
    if (key->type == SPEC_TEMPLATE) status = check_template(reader, key, node);
    if (key->type == SPEC_PATTERN) status = check_pattern(reader, key, node);
    return status ? status : store_text(reader, key, node, record);
}

/* --- numbers, choices, digests --- */

static enum assay_status read_number(const struct spec_reader *reader, const struct spec_key *key,
                                     const struct spec_node *node, void *record)
{
    uint64_t value = 0;
    uint32_t narrow = 0;
    /* 010 is eight to an older YAML, ten to a newer one. */
    if (node->text[0] == '0' && node->text[1] >= '0' && node->text[1] <= '9')
        return assay_spec_fail_value(reader, key, node, ", without leading zeros");
    bool valid = assay_text_unsigned(node->text, key->max, &value);
    if (key->type == SPEC_MILLI) {
        valid = assay_text_milli(node->text, &narrow);
        value = narrow;
    }
    if (!valid || value < key->min || value > key->max)
        return assay_spec_fail_value(reader, key, node, "");
    narrow = (uint32_t)value;
    if (key->type == SPEC_SEED) store(key, record, &value, sizeof value);
    if (key->type == SPEC_WHOLE || key->type == SPEC_MILLI)
        store(key, record, &narrow, sizeof narrow);
    return ASSAY_OK;
}

static enum assay_status read_choice(const struct spec_reader *reader, const struct spec_key *key,
                                     const struct spec_node *node, void *record)
{
    for (unsigned i = 0; key->choices[i]; i++) {
        if (strcmp(node->text, key->choices[i]) != 0) continue;
        store(key, record, &i, sizeof i);
        return ASSAY_OK;
    }
    return assay_spec_fail_value(reader, key, node, "");
}

static enum assay_status read_digest(const struct spec_reader *reader, const struct spec_key *key,
                                     const struct spec_node *node, void *record)
{
    struct assay_digest digest;
    const bool given = true;
    if (!assay_digest_parse(node->text, &digest))
        return assay_spec_fail_value(reader, key, node, "");
    store(key, record, &digest, sizeof digest);
    memcpy((char *)record + key->also_at, &given, sizeof given);
    return ASSAY_OK;
}
