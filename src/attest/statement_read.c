/* JSON → statement. Every member has one form; what is written in another is refused by its name.
 */
#include "attest/fields.h"

#include "base/json.h"
#include "base/text.h"
#include "crypto/digest.h"

#include <stdlib.h>
#include <string.h>

static enum assay_status no_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for a statement");
}

/* The text of a member; `where` is its object's name with a point behind it, or "". */
static enum assay_status get_text(const char **out, const struct assay_json *object,
                                  const char *where, const char *name, struct assay_error *err)
{
    const struct assay_json *member = object ? assay_json_member(object, name) : NULL;
    if (!member) return assay_fail(err, ASSAY_EFORMAT, "%s%s is missing", where, name);
    const char *text = assay_json_text(member);
    if (!text) {
        return assay_fail(err, ASSAY_EFORMAT, "%s%s is %s; it must be a text", where, name,
                          assay_json_type_name(assay_json_type(member)));
    }
    if (strlen(text) > ASSAY_STATEMENT_TEXT_BYTES_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "%s%s is longer than %d bytes", where, name,
                          ASSAY_STATEMENT_TEXT_BYTES_MAX);
    }
    if (assay_text_has_control(text)) {
        return assay_fail(err, ASSAY_EVALUE, "%s%s holds a control character", where, name);
    }
    *out = text;
    return ASSAY_OK;
}

static enum assay_status get_object(const struct assay_json **out, const struct assay_json *object,
                                    const char *name, enum assay_json_type type,
                                    struct assay_error *err)
{
    const struct assay_json *member = assay_json_member(object, name);
    if (!member) return assay_fail(err, ASSAY_EFORMAT, "%s is missing", name);
    if (assay_json_type(member) != type) {
        return assay_fail(err, ASSAY_EFORMAT, "%s is %s; it must be %s", name,
                          assay_json_type_name(assay_json_type(member)),
                          assay_json_type_name(type));
    }
    *out = member;
    return ASSAY_OK;
}

static enum assay_status get_digest(struct assay_digest *out, const struct assay_json *object,
                                    const char *where, const char *name, struct assay_error *err)
{
    const char *text;
    enum assay_status status = get_text(&text, object, where, name, err);
    if (status || assay_digest_parse(text, out)) return status;
    return assay_fail(err, ASSAY_EFORMAT, "%s%s is \"%.80s\"; it must be 64 hex digits", where,
                      name, text);
}

/* One spelling for each number: no sign, no leading zero. */
static enum assay_status get_number(uint64_t *out, const struct assay_json *object,
                                    const char *where, const char *name, struct assay_error *err)
{
    const char *text;
    enum assay_status status = get_text(&text, object, where, name, err);
    if (status) return status;
    if ((text[0] == '0' && text[1] != '\0') || !assay_text_unsigned(text, UINT64_MAX, out)) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "%s%s is \"%.80s\"; it must be a whole number in decimal digits", where,
                          name, text);
    }
    return ASSAY_OK;
}

static bool is_time(const char *text)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
    for (size_t i = 0; i < sizeof form; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == 'd' ? !digit : text[i] != form[i]) return false;
    }
    return true;
}

static enum assay_status keep(struct assay_statement_owner *reader, const char **to,
                              const char *text, struct assay_error *err)
{
    *to = assay_arena_text(&reader->arena, text, strlen(text));
    return *to ? ASSAY_OK : no_memory(err);
}

static enum assay_status read_field(struct assay_statement_owner *reader,
                                    const struct assay_field *field,
                                    const struct assay_json *object, const char *where,
                                    struct assay_error *err)
{
    char *to = (char *)&reader->public + field->offset;
    const char *text;
    if (field->kind == ASSAY_FIELD_DIGEST) {
        return get_digest((struct assay_digest *)to, object, where, field->name, err);
    }
    if (field->kind == ASSAY_FIELD_NUMBER) {
        return get_number((uint64_t *)(void *)to, object, where, field->name, err);
    }
    enum assay_status status = get_text(&text, object, where, field->name, err);
    if (status) return status;
    if (field->kind == ASSAY_FIELD_CONSTANT) {
        if (strcmp(text, field->constant) == 0) return ASSAY_OK;
        return assay_fail(err, ASSAY_EUNSUPPORTED, "%s%s is \"%.80s\"; this knows \"%s\"", where,
                          field->name, text, field->constant);
    }
    if (field->kind == ASSAY_FIELD_TIME && !is_time(text)) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "%s%s is \"%.80s\"; it must be a time such as 2026-11-24T03:42:11Z",
                          where, field->name, text);
    }
    return keep(reader, (const char **)(void *)to, text, err);
}

static enum assay_status read_fields(struct assay_statement_owner *reader,
                                     const struct assay_json *predicate, struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; i < ASSAY_FIELD_COUNT && !status; i++) {
        const struct assay_field *field = &assay_fields[i];
        const struct assay_json *object = predicate;
        char where[64] = "";
        if (field->group) {
            status = get_object(&object, predicate, field->group, ASSAY_JSON_OBJECT, err);
            memcpy(where, field->group, strlen(field->group) + 1);
            memcpy(where + strlen(where), ".", 2);
        }
        if (!status) status = read_field(reader, field, object, where, err);
    }
    return assay_while(err, status, "predicate");
}

static enum assay_status read_strata(struct assay_statement_owner *reader,
                                     const struct assay_json *predicate, struct assay_error *err)
{
    const struct assay_json *array =
        assay_json_member(assay_json_member(predicate, "result"), "strata");
    if (!array || assay_json_type(array) != ASSAY_JSON_ARRAY) {
        return assay_fail(err, ASSAY_EFORMAT, "predicate.result.strata is missing or no array");
    }
    size_t count = assay_json_count(array);
    if (count > ASSAY_STATEMENT_STRATA_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "predicate.result.strata has %zu rows; the most is %d",
                          count, ASSAY_STATEMENT_STRATA_MAX);
    }
    struct assay_statement_stratum *strata =
        assay_arena_take(&reader->arena, count, sizeof *strata);
    if (!strata) return no_memory(err);
    static const char where[] = "predicate.result.strata: ";
    for (size_t i = 0; i < count; i++) {
        const struct assay_json *row = assay_json_element(array, i);
        const char *name;
        enum assay_status status = get_text(&name, row, where, "name", err);
        if (!status) status = keep(reader, &strata[i].name, name, err);
        if (!status) status = get_number(&strata[i].tally.correct, row, where, "correct", err);
        if (!status) status = get_number(&strata[i].tally.total, row, where, "total", err);
        if (!status)
            status = get_number(&strata[i].tally.score_micro, row, where, "scoreMicro", err);
        if (status) return status;
    }
    reader->public.strata = strata;
    reader->public.stratum_count = count;
    return ASSAY_OK;
}

/* All three or none. */
static enum assay_status read_round(struct assay_statement_owner *reader,
                                    const struct assay_json *predicate, struct assay_error *err)
{
    static const char where[] = "predicate.";
    const char *chain, *task;
    if (!assay_json_member(predicate, "chain") && !assay_json_member(predicate, "task") &&
        !assay_json_member(predicate, "round")) {
        return ASSAY_OK;
    }
    enum assay_status status = get_text(&chain, predicate, where, "chain", err);
    if (!status) status = get_text(&task, predicate, where, "task", err);
    if (!status) status = get_number(&reader->public.round, predicate, where, "round", err);
    if (!status) status = keep(reader, &reader->public.chain, chain, err);
    if (!status) status = keep(reader, &reader->public.task, task, err);
    return status;
}

static enum assay_status read_subjects(struct assay_statement_owner *reader,
                                       const struct assay_json *root, struct assay_error *err)
{
    const struct {
        const char **name;
        struct assay_digest *digest;
    } rows[] = {{&reader->public.model_name, &reader->public.model},
                {&reader->public.results_name, &reader->public.results_file}};
    const struct assay_json *array;
    enum assay_status status = get_object(&array, root, "subject", ASSAY_JSON_ARRAY, err);
    if (status) return status;
    if (assay_json_count(array) != 2) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "subject has %zu elements; it must be the model and the results file",
                          assay_json_count(array));
    }
    for (size_t i = 0; i < 2 && !status; i++) {
        const struct assay_json *subject = assay_json_element(array, i);
        const char *name;
        status = get_text(&name, subject, "subject.", "name", err);
        if (!status) status = keep(reader, rows[i].name, name, err);
        if (!status) {
            status = get_digest(rows[i].digest, assay_json_member(subject, "digest"),
                                "subject.digest.", "sha256", err);
        }
    }
    return status;
}

/* A statement of another type must never pass for one of ours. */
static enum assay_status check_types(const struct assay_json *root, struct assay_error *err)
{
    const char *type, *predicate;
    if (assay_json_type(root) != ASSAY_JSON_OBJECT) {
        return assay_fail(err, ASSAY_EFORMAT, "%s in the place of a statement",
                          assay_json_type_name(assay_json_type(root)));
    }
    enum assay_status status = get_text(&type, root, "", "_type", err);
    if (!status) status = get_text(&predicate, root, "", "predicateType", err);
    if (status) return status;
    if (strcmp(type, ASSAY_STATEMENT_TYPE) != 0) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "_type is \"%.100s\", not " ASSAY_STATEMENT_TYPE,
                          type);
    }
    if (strcmp(predicate, ASSAY_STATEMENT_PREDICATE) == 0) return ASSAY_OK;
    return assay_fail(err, ASSAY_EUNSUPPORTED,
                      "predicateType is \"%.100s\", not " ASSAY_STATEMENT_PREDICATE, predicate);
}

static enum assay_status read_all(struct assay_statement_owner *reader,
                                  const struct assay_json *root, struct assay_error *err)
{
    const struct assay_json *predicate;
    enum assay_status status = check_types(root, err);
    if (!status) status = read_subjects(reader, root, err);
    if (!status) status = get_object(&predicate, root, "predicate", ASSAY_JSON_OBJECT, err);
    if (!status) status = read_round(reader, predicate, err);
    if (!status) status = read_fields(reader, predicate, err);
    if (!status) status = read_strata(reader, predicate, err);
    if (status) return status;
    struct assay_digest site;
    if (reader->public.site[0] && !assay_digest_parse(reader->public.site, &site)) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "predicate.site is \"%.80s\"; it must be a key or \"\"",
                          reader->public.site);
    }
    const char *fault = assay_statement_fault(&reader->public);
    return fault ? assay_fail(err, ASSAY_EVALUE, "%s", fault) : ASSAY_OK;
}

enum assay_status assay_statement_parse(struct assay_statement **out, const void *data, size_t size,
                                        struct assay_error *err)
{
    struct assay_json *root = NULL;
    struct assay_statement_owner *reader = NULL;
    if (size > ASSAY_STATEMENT_BYTES_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "a statement of %zu bytes; the most is %d", size,
                          ASSAY_STATEMENT_BYTES_MAX);
    }
    enum assay_status status = assay_json_parse(&root, data, size, err);
    if (status) return status;
    reader = calloc(1, sizeof *reader);
    status = reader ? read_all(reader, root, err) : no_memory(err);
    assay_json_destroy(root);
    if (status && reader) {
        assay_statement_destroy(&reader->public);
    } else if (!status) {
        *out = &reader->public;
    }
    return status;
}
