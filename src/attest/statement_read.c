/* JSON → statement. Every member has one form; what is written in another is refused by its name.
 */
#include "attest/fields.h"

#include "attest/form.h"
#include "crypto/digest.h"

#include <stdlib.h>
#include <string.h>

static enum assay_status no_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for a statement");
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
                                    const struct assay_field *field, struct assay_form form,
                                    struct assay_error *err)
{
    char *to = (char *)&reader->public + field->offset;
    const char *text;
    if (field->kind == ASSAY_FIELD_DIGEST) {
        return assay_form_digest((struct assay_digest *)to, form, field->name, err);
    }
    if (field->kind == ASSAY_FIELD_NUMBER) {
        return assay_form_number((uint64_t *)(void *)to, form, field->name, err);
    }
    enum assay_status status =
        assay_form_text(&text, form, field->name, ASSAY_STATEMENT_TEXT_BYTES_MAX, err);
    if (status) return status;
    if (field->kind == ASSAY_FIELD_CONSTANT) {
        if (strcmp(text, field->constant) == 0) return ASSAY_OK;
        return assay_fail(err, ASSAY_EUNSUPPORTED, "%s%s is \"%.80s\"; this knows \"%s\"",
                          form.where, field->name, text, field->constant);
    }
    if (field->kind == ASSAY_FIELD_TIME && !is_time(text)) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "%s%s is \"%.80s\"; it must be a time such as 2026-11-24T03:42:11Z",
                          form.where, field->name, text);
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
        if (!status) status = read_field(reader, field, (struct assay_form){object, where}, err);
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
    for (size_t i = 0; i < count; i++) {
        const struct assay_form form = {assay_json_element(array, i), "predicate.result.strata: "};
        const char *name;
        enum assay_status status =
            assay_form_text(&name, form, "name", ASSAY_STATEMENT_TEXT_BYTES_MAX, err);
        if (!status) status = keep(reader, &strata[i].name, name, err);
        if (!status) status = assay_form_number(&strata[i].tally.correct, form, "correct", err);
        if (!status) status = assay_form_number(&strata[i].tally.total, form, "total", err);
        if (!status)
            status = assay_form_number(&strata[i].tally.score_micro, form, "scoreMicro", err);
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
    const struct assay_form form = {predicate, "predicate."};
    const char *chain, *task;
    if (!assay_json_member(predicate, "chain") && !assay_json_member(predicate, "task") &&
        !assay_json_member(predicate, "round")) {
        return ASSAY_OK;
    }
    enum assay_status status =
        assay_form_text(&chain, form, "chain", ASSAY_STATEMENT_TEXT_BYTES_MAX, err);
    if (!status) status = assay_form_text(&task, form, "task", ASSAY_STATEMENT_TEXT_BYTES_MAX, err);
    if (!status) status = assay_form_number(&reader->public.round, form, "round", err);
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
        const struct assay_form form = {subject, "subject."};
        const struct assay_form digest = {assay_json_member(subject, "digest"), "subject.digest."};
        const char *name;
        status = assay_form_text(&name, form, "name", ASSAY_STATEMENT_TEXT_BYTES_MAX, err);
        if (!status) status = keep(reader, rows[i].name, name, err);
        if (!status) status = assay_form_digest(rows[i].digest, digest, "sha256", err);
    }
    return status;
}

/* A statement of another type must never pass for one of ours. */
static enum assay_status check_types(const struct assay_json *root, struct assay_error *err)
{
    const struct assay_form form = {root, ""};
    const char *type, *predicate;
    if (assay_json_type(root) != ASSAY_JSON_OBJECT) {
        return assay_fail(err, ASSAY_EFORMAT, "%s in the place of a statement",
                          assay_json_type_name(assay_json_type(root)));
    }
    enum assay_status status =
        assay_form_text(&type, form, "_type", ASSAY_STATEMENT_TEXT_BYTES_MAX, err);
    if (!status)
        status =
            assay_form_text(&predicate, form, "predicateType", ASSAY_STATEMENT_TEXT_BYTES_MAX, err);
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
