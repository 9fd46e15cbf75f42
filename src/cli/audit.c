/* Records in pieces of a few thousand, each piece ascending: memory stays small, and groups whole.
 */
#include "cli/audit.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "topo/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 2048 };

static void show_progress(void *context)
{
    struct assay_audit_view *view = context;
    struct assay_progress_line *line = view->line;
    uint64_t now = assay_clock_monotonic_ns();
    view->done++;
    if (!assay_progress_due(line, now)) return;
    double seconds = (double)(now - view->start_ns) * 1e-9;
    double left = seconds * (double)(view->choice->count - view->done) / (double)view->done;
    char text[ASSAY_PROGRESS_BYTES];
    snprintf(text, sizeof text, "%llu/%llu samples audited  %3.0f %%  ETA %u:%02u",
             (unsigned long long)view->done, (unsigned long long)view->choice->count,
             100.0 * (double)view->done / (double)view->choice->count, (unsigned)left / 60,
             (unsigned)left % 60);
    assay_progress_print(line, text);
}

static uint64_t index_of(const struct assay_audit_view *view, uint64_t i)
{
    if (view->bundle->opened) return view->bundle->opened[i].index;
    return view->choice->indices ? view->choice->indices[i] : i;
}

/* A copy in the arena; item and profile are lent by the results. */
static enum assay_status keep_record(struct assay_record *out, struct assay_arena *arena,
                                     const struct assay_record *from, struct assay_error *err)
{
    uint32_t *tokens = assay_arena_take(arena, from->token_count, sizeof *tokens);
    float *log_probs = assay_arena_take(arena, from->token_count, sizeof *log_probs);
    char *answer = assay_arena_text(arena, from->answer.data, from->answer.size);
    if (!tokens || !log_probs || !answer) return assay_fail(err, ASSAY_EMEMORY, "out of memory");
    memcpy(tokens, from->tokens, from->token_count * sizeof *tokens);
    memcpy(log_probs, from->log_probs, from->token_count * sizeof *log_probs);
    *out = *from;
    out->tokens = tokens;
    out->log_probs = log_probs;
    out->answer.data = answer;
    return ASSAY_OK;
}

static enum assay_status get_leaf(struct assay_audit_leaf *out, struct assay_arena *arena,
                                  const struct assay_audit_view *view, uint64_t i,
                                  struct assay_error *err)
{
    struct assay_results_sample sample;
    if (view->bundle->opened) {
        *out = view->bundle->opened[i];
        return ASSAY_OK;
    }
    *out = (struct assay_audit_leaf){.index = index_of(view, i)};
    enum assay_status status =
        assay_results_sample(view->bundle->results, out->index, &sample, err);
    return status ? status : keep_record(&out->record, arena, &sample.record, err);
}

static void print_line(struct assay_progress_line *line, const struct assay_audit_leaf *leaf,
                       const struct assay_audit_verdict *verdict)
{
    const struct assay_record *record = &leaf->record;
    char item[80], profile[64];
    assay_progress_end(line);
    printf("%s sample %" PRIu64, verdict->fault ? "BAD" : "ok ", leaf->index);
    if (!leaf->not_included) {
        printf(
            "  item %s, profile %s, replicate %" PRIu32,
            assay_text_quote(item, sizeof item, record->item_id.data, record->item_id.size),
            assay_text_quote(profile, sizeof profile, record->profile.data, record->profile.size),
            record->replicate);
    }
    if (verdict->fault) {
        printf(": %s: %s\n", assay_fault_name(verdict->fault), verdict->detail);
    } else {
        printf(": %zu tokens\n", record->token_count);
    }
}

static struct assay_json *json_text(struct assay_span span)
{
    char *text = malloc(span.size + 1);
    if (!text) return NULL;
    if (span.size > 0) memcpy(text, span.data, span.size);
    text[span.size] = '\0';
    struct assay_json *json = assay_json_new_text(text);
    free(text);
    return json;
}

static struct assay_json *json_row(const struct assay_audit_leaf *leaf,
                                   const struct assay_audit_verdict *verdict)
{
    const struct assay_record *record = &leaf->record;
    struct assay_json *row = assay_json_new_object();
    bool ok =
        row && assay_json_set(row, "sample", assay_json_new_integer((int64_t)leaf->index)) &&
        assay_json_set(row, "item", json_text(record->item_id)) &&
        assay_json_set(row, "profile", json_text(record->profile)) &&
        assay_json_set(row, "replicate", assay_json_new_integer(record->replicate)) &&
        assay_json_set(row, "valid", assay_json_new_boolean(!verdict->fault)) &&
        assay_json_set(row, "fault",
                       verdict->fault ? assay_json_new_text(assay_fault_name(verdict->fault))
                                      : assay_json_new_null()) &&
        assay_json_set(row, "position",
                       verdict->has_position ? assay_json_new_integer((int64_t)verdict->position)
                                             : assay_json_new_null()) &&
        assay_json_set(row, "detail",
                       verdict->fault ? assay_json_new_text(verdict->detail)
                                      : assay_json_new_null());
    if (ok) return row;
    assay_json_destroy(row);
    return NULL;
}

static void tell(struct assay_audit_view *view, struct assay_audit_tally *tally,
                 const struct assay_audit_leaf *leaf, const struct assay_audit_verdict *verdict)
{
    if (verdict->fault) {
        tally->invalid++;
    } else {
        tally->valid++;
    }
    tally->output_tokens += leaf->record.token_count;
    if (verdict->fault ? view->print_invalid : view->print_valid) {
        print_line(view->line, leaf, verdict);
    }
    if (view->rows && !assay_json_add(view->rows, json_row(leaf, verdict))) {
        view->lacks_memory = true;
    }
}

/* The largest number of records from `from` on that ends with a group, or PIECE in one group. */
static size_t piece_size(const struct assay_audit_view *view, uint64_t from)
{
    uint64_t left = view->choice->count - from, size = left < PIECE ? left : PIECE;
    uint32_t replicates = view->bundle->job->plan.replicates;
    if (size == left || size <= replicates) return (size_t)size;
    for (uint64_t end = size; end > size - replicates; end--) {
        uint64_t last = index_of(view, from + end - 1), next = index_of(view, from + end);
        if (last / replicates != next / replicates) return (size_t)end;
    }
    return (size_t)size;
}

static enum assay_status audit_pieces(struct assay_audit_tally *tally,
                                      struct assay_audit_view *view, struct assay_audit *audit,
                                      struct assay_audit_leaf *leaves,
                                      struct assay_audit_verdict *verdicts, struct assay_error *err)
{
    struct assay_arena arena = {0};
    enum assay_status status = ASSAY_OK;
    for (uint64_t from = 0; from < view->choice->count && !status;) {
        size_t size = piece_size(view, from);
        for (size_t i = 0; i < size && !status; i++) {
            status = get_leaf(&leaves[i], &arena, view, from + i, err);
        }
        if (!status) status = assay_audit_check(audit, leaves, size, verdicts, err);
        for (size_t i = 0; i < size && !status; i++) {
            tell(view, tally, &leaves[i], &verdicts[i]);
        }
        assay_arena_fini(&arena);
        from += size;
    }
    if (!status && view->lacks_memory) {
        status = assay_fail(err, ASSAY_EMEMORY, "no memory for the report");
    }
    return status;
}

/* A stranger's spec says how long prompts and outputs are: as many seats as memory has room for. */
static enum assay_status fit_batch(struct assay_session_options *session,
                                   const struct assay_job *job, struct assay_error *err)
{
    uint64_t limit = assay_memory_limit(), file = assay_model_file_bytes(job->model);
    session->context = job->context;
    session->kv_f32 = job->spec->kv == ASSAY_KV_F32;
    if (limit == UINT64_MAX) return ASSAY_OK;
    uint32_t fits =
        limit > file ? assay_session_batch_that_fits(job->model, session, limit - file) : 0;
    if (fits == 0) {
        return assay_fail(err, ASSAY_EMEMORY,
                          "not even one sample of %u tokens fits into the %llu MiB of memory",
                          job->context, (unsigned long long)(limit >> 20));
    }
    if (fits < session->batch) session->batch = fits;
    return ASSAY_OK;
}

enum assay_status assay_audit_all(struct assay_audit_tally *out, struct assay_audit_view *view,
                                  const struct assay_audit_options *options,
                                  struct assay_error *err)
{
    struct assay_audit *audit = NULL;
    struct assay_audit_options with_progress = *options;
    struct assay_audit_leaf *leaves = calloc(PIECE, sizeof *leaves);
    struct assay_audit_verdict *verdicts = calloc(PIECE, sizeof *verdicts);
    with_progress.progress = show_progress;
    with_progress.context = view;
    *out = (struct assay_audit_tally){0};
    enum assay_status status =
        leaves && verdicts ? ASSAY_OK : assay_fail(err, ASSAY_EMEMORY, "no memory for records");
    if (!status) status = fit_batch(&with_progress.session, view->bundle->job, err);
    if (!status) status = assay_audit_open(&audit, view->bundle->job, &with_progress, err);
    view->start_ns = assay_clock_monotonic_ns();
    if (!status) status = audit_pieces(out, view, audit, leaves, verdicts, err);
    assay_progress_end(view->line);
    out->seconds = (double)(assay_clock_monotonic_ns() - view->start_ns) * 1e-9;
    if (!status) out->counters = assay_audit_counters(audit);
    assay_audit_close(audit);
    free(verdicts);
    free(leaves);
    return status;
}
