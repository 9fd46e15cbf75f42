/* The ticket beside a results file (FORMAT.md 25.2): which job computes it. */
#include "assay/site.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICKET_BYTES_MAX = 1 << 16, TICKET_VERSION = 1 };

struct assay_ticket_file {
    struct assay_ticket ticket;
    struct assay_arena arena;
};

enum assay_status assay_ticket_write(const char *path, const struct assay_ticket *ticket,
                                     struct assay_error *err)
{
    struct assay_bytes text = {0};
    struct assay_json *object = assay_json_new_object();
    bool ok = object &&
              assay_json_set(object, "assay_job", assay_json_new_integer(TICKET_VERSION)) &&
              assay_json_set(object, "job", assay_json_new_text(ticket->job)) &&
              assay_json_set(object, "spec", assay_json_new_text(ticket->spec)) &&
              assay_json_set(object, "site", assay_json_new_text(ticket->site)) &&
              assay_json_set(object, "results", assay_json_new_text(ticket->results)) &&
              assay_json_set(object, "model_dir", assay_json_new_text(ticket->model_dir)) &&
              assay_json_set(object, "submitted", assay_json_new_text(ticket->submitted));
    enum assay_status status =
        ok ? ASSAY_OK : assay_fail(err, ASSAY_EMEMORY, "no memory for the ticket");
    if (!status) status = assay_json_write(object, false, &text, err);
    if (!status) status = assay_bytes_append(&text, "\n", 1, err);
    if (!status) status = assay_file_write(path, text.data, text.size, err);
    assay_bytes_fini(&text);
    assay_json_destroy(object);
    return status;
}

static enum assay_status take(struct assay_ticket_file *file, const struct assay_json *object,
                              const char *name, const char **out, struct assay_error *err)
{
    const struct assay_json *member = assay_json_member(object, name);
    const char *text = member ? assay_json_text(member) : NULL;
    if (!text) return assay_fail(err, ASSAY_EFORMAT, "a ticket needs the text \"%s\"", name);
    *out = assay_arena_text(&file->arena, text, strlen(text));
    return *out ? ASSAY_OK : assay_fail(err, ASSAY_EMEMORY, "no memory for a ticket");
}

static enum assay_status read_ticket(struct assay_ticket_file *file,
                                     const struct assay_json *object, struct assay_error *err)
{
    struct assay_ticket *ticket = &file->ticket;
    const char *job = "";
    const struct assay_json *version = assay_json_type(object) == ASSAY_JSON_OBJECT
                                           ? assay_json_member(object, "assay_job")
                                           : NULL;
    if (!version || assay_json_integer(version) != TICKET_VERSION) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "no ticket of version %d (\"assay_job\": %d)",
                          TICKET_VERSION, TICKET_VERSION);
    }
    enum assay_status status = take(file, object, "job", &job, err);
    if (!status) status = take(file, object, "spec", &ticket->spec, err);
    if (!status) status = take(file, object, "site", &ticket->site, err);
    if (!status) status = take(file, object, "results", &ticket->results, err);
    if (!status) status = take(file, object, "model_dir", &ticket->model_dir, err);
    if (!status) status = take(file, object, "submitted", &ticket->submitted, err);
    size_t digits = strspn(job, "0123456789");
    if (!status && (digits == 0 || job[digits] || digits >= 20)) {
        status = assay_fail(err, ASSAY_EFORMAT, "job is \"%.40s\": it must be a number", job);
    }
    if (!status) snprintf(ticket->job, sizeof ticket->job, "%s", job);
    return status;
}

enum assay_status assay_ticket_parse(struct assay_ticket_file **out, const char *text, size_t size,
                                     struct assay_error *err)
{
    struct assay_json *object = NULL;
    struct assay_ticket_file *file = calloc(1, sizeof *file);
    if (!file) return assay_fail(err, ASSAY_EMEMORY, "no memory for a ticket");
    enum assay_status status = assay_json_parse(&object, text, size, err);
    if (!status) status = read_ticket(file, object, err);
    assay_json_destroy(object);
    if (status) {
        assay_ticket_close(file);
        return status;
    }
    *out = file;
    return ASSAY_OK;
}

enum assay_status assay_ticket_open(struct assay_ticket_file **out, const char *path,
                                    struct assay_error *err)
{
    struct assay_bytes bytes = {0};
    enum assay_status status = assay_file_read(path, TICKET_BYTES_MAX, &bytes, err);
    if (!status) {
        status =
            assay_ticket_parse(out, bytes.data ? (const char *)bytes.data : "", bytes.size, err);
        status = assay_while(err, status, "%s", path);
    }
    assay_bytes_fini(&bytes);
    return status;
}

const struct assay_ticket *assay_ticket_of(const struct assay_ticket_file *file)
{
    return &file->ticket;
}

void assay_ticket_close(struct assay_ticket_file *file)
{
    if (!file) return;
    assay_arena_fini(&file->arena);
    free(file);
}
