/* A job: everything a spec names, opened and checked before anything is computed. */
#include "assay/run.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/file_check.h"
#include "run/choice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum assay_status out_of_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the prompts");
}

enum assay_status assay_job_render(const struct assay_spec *spec,
                                   const struct assay_benchmark *benchmark,
                                   const struct assay_model *model, uint32_t item,
                                   struct assay_bytes *text, struct assay_error *err)
{
    struct assay_bytes user = {0}, opening = {0};
    struct assay_chat_turn turns[64];
    struct assay_chat_talk talk = {.system = spec->system, .turns = turns};
    if (spec->chat == ASSAY_CHAT_NONE) return assay_benchmark_prompt(benchmark, item, text, err);
    enum assay_status status =
        assay_benchmark_turns(benchmark, item, &opening, turns, &talk.turn_count, err);
    if (!status) status = assay_benchmark_prompt(benchmark, item, &user, err);
    if (!status) {
        talk.user = (const char *)user.data;
        status = assay_chat_render(model, spec->chat, &talk, text, err);
    }
    assay_bytes_fini(&opening);
    assay_bytes_fini(&user);
    return status;
}

/* Refuse before the run what could only fail in it. An output that fills the model's context ends
 * with that outcome. */
static enum assay_status check_length(struct assay_job *job, uint32_t item, size_t count,
                                      struct assay_error *err)
{
    size_t need = count + (assay_job_is_choice(job) ? 1 : job->spec->max_tokens);
    uint32_t limit = assay_model_hyper(job->model)->context;
    const char *id = assay_benchmark_item(job->benchmark, item)->id;
    if (count == 0) return assay_fail(err, ASSAY_EVALUE, "item \"%s\": its prompt is empty", id);
    if (count >= limit) {
        return assay_fail(err, ASSAY_EVALUE,
                          "item \"%s\": its prompt of %zu tokens leaves no room in the model's "
                          "context of %u tokens",
                          id, count, limit);
    }
    if (need > limit) need = limit;
    if (need > job->context) job->context = (uint32_t)need;
    return ASSAY_OK;
}

/* What prompts are made with. */
struct workshop {
    struct assay_bytes text, tokens;
    struct assay_options_builder options;
};

static enum assay_status make_prompt(struct assay_job *job, uint32_t item,
                                     struct workshop *workshop, struct assay_error *err)
{
    struct assay_bytes *text = &workshop->text, *tokens = &workshop->tokens;
    size_t before = tokens->size / sizeof(uint32_t);
    assay_bytes_clear(text);
    enum assay_status status =
        assay_job_render(job->spec, job->benchmark, job->model, item, text, err);
    if (status) return status;
    bool is_choice = assay_job_is_choice(job);
    size_t size = is_choice ? assay_options_prompt_size(text) : text->size;
    status =
        assay_tokenizer_encode_prompt(assay_model_tokenizer(job->model), (const char *)text->data,
                                      size, job->spec->chat != ASSAY_CHAT_NONE, tokens, err);
    if (status) return status;
    size_t count = tokens->size / sizeof(uint32_t) - before;
    job->prompt_offset[item + 1] = before + count;
    job->prompt_counts[item] = (uint32_t)count;
    status = check_length(job, item, count, err);
    if (status || !is_choice) return status;
    return assay_options_add(&workshop->options, job, item, text, count, err);
}

static enum assay_status make_prompts(struct assay_job *job, struct assay_error *err)
{
    struct workshop workshop = {0};
    uint32_t items = assay_benchmark_count(job->benchmark);
    enum assay_status status = ASSAY_OK;
    job->prompt_offset = calloc((size_t)items + 1, sizeof *job->prompt_offset);
    job->prompt_counts = calloc(items, sizeof *job->prompt_counts);
    job->prompt_digests = calloc(items, sizeof *job->prompt_digests);
    if (!job->prompt_offset || !job->prompt_counts || !job->prompt_digests) {
        return out_of_memory(err);
    }
    for (uint32_t i = 0; i < items && !status; i++) {
        status = make_prompt(job, i, &workshop, err);
    }
    assay_bytes_fini(&workshop.text);
    assay_options_finish(&workshop.options, &job->options);
    if (status) {
        assay_bytes_fini(&workshop.tokens);
        return status;
    }
    job->prompt_tokens = (uint32_t *)(void *)workshop.tokens.data; /* from malloc: aligned */
    for (uint32_t i = 0; i < items; i++) {
        job->prompt_digests[i] =
            assay_prompt_digest(job->prompt_tokens + job->prompt_offset[i], job->prompt_counts[i]);
    }
    return ASSAY_OK;
}

/* A run of one's own has all items; a site's has those that it was assigned. */
static enum assay_status make_plan(struct assay_job *job, const struct assay_assignment *assignment,
                                   const struct assay_digest *site, struct assay_error *err)
{
    uint32_t items = assay_benchmark_count(job->benchmark);
    if (!assignment) {
        return assay_plan_init(&job->plan, job->spec, items, site ? site->bytes : NULL,
                               site ? sizeof site->bytes : 0, err);
    }
    if (assignment->item_count != 0 && assignment->item_count != items) {
        return assay_fail(err, ASSAY_EMISMATCH,
                          "the assignment is for a benchmark of %u items, this one has %u",
                          assignment->item_count, items);
    }
    size_t bytes = assignment->count * sizeof *assignment->items; /* at most 2^15 · 4 */
    job->assignment = *assignment;
    job->assignment.items = malloc(bytes);
    if (!job->assignment.items) return out_of_memory(err);
    memcpy(job->assignment.items, assignment->items, bytes);
    enum assay_status status =
        assay_plan_init_assigned(&job->plan, job->spec, &job->assignment, err);
    if (status) return status;
    return assay_benchmark_select(job->benchmark, assignment->items, assignment->count, err);
}

/* Nothing is drawn for kind choice: another profile or replicate would be the same numbers. */
static enum assay_status check_kind(const struct assay_spec *spec, struct assay_error *err)
{
    enum assay_kind kind = spec->definition.kind;
    if (kind != ASSAY_KIND_CHOICE || (spec->profile_count == 1 && spec->replicates == 1)) {
        return ASSAY_OK;
    }
    return assay_fail(err, ASSAY_EVALUE,
                      "%s: the benchmark is of kind choice: its options are scored and nothing is "
                      "drawn, so that every replicate and profile would be the same; the spec has "
                      "profiles: %zu, replicates: %u, and must have one of each",
                      spec->benchmark.file, spec->profile_count, spec->replicates);
}

/* The spec is there, and the files that it names are found: open them. */
static enum assay_status open_files(struct assay_job *job,
                                    const struct assay_assignment *assignment,
                                    const struct assay_digest *site, struct assay_error *err)
{
    enum assay_status status = check_kind(job->spec, err);
    if (!status) status = assay_benchmark_open(&job->benchmark, job->spec, err);
    if (!status) status = assay_model_open(&job->model, job->spec->model.file, err);
    if (!status) status = make_plan(job, assignment, site, err);
    if (status) return status;
    status = make_prompts(job, err);
    return assay_while(err, status, "%s", job->spec->data.file);
}

enum assay_status assay_job_open(struct assay_job **out, const char *spec_path,
                                 const char *model_dir, const struct assay_assignment *assignment,
                                 struct assay_error *err)
{
    struct assay_job *job = calloc(1, sizeof *job);
    if (!job) return out_of_memory(err);
    enum assay_status status = assay_spec_open(&job->spec, spec_path, err);
    if (!status)
        status = assay_spec_resolve(job->spec, spec_path, model_dir, &job->model_check, err);
    if (!status) status = open_files(job, assignment, NULL, err);
    if (status) {
        assay_job_close(job);
        return status;
    }
    *out = job;
    return ASSAY_OK;
}

/* --- a run made elsewhere */

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* In `directory` and nowhere else, as an absolute path. */
static enum assay_status find_in(char **out, const char *directory, const char *name,
                                 struct assay_error *err)
{
    struct assay_bytes path = {0};
    enum assay_status status = assay_bytes_format(&path, err, "%s/%s", directory, name);
    if (!status) {
        *out = realpath((const char *)path.data, NULL);
        if (!*out) status = assay_fail_errno(err, errno, "%s", (const char *)path.data);
    }
    assay_bytes_fini(&path);
    return status;
}

static enum assay_status reopen_spec(struct assay_job *job, const struct assay_job_origin *origin,
                                     struct assay_error *err)
{
    char stated[ASSAY_DIGEST_HEX], found[ASSAY_DIGEST_HEX];
    enum assay_status status =
        assay_spec_parse(&job->spec, origin->spec_text, origin->spec_bytes, err);
    if (status) return assay_while(err, status, "%s", origin->path);
    struct assay_spec *spec = job->spec;
    spec->model.path = last_component(spec->model.path);
    spec->benchmark.path = last_component(spec->benchmark.path);
    spec->model.sha256 = origin->model;
    spec->benchmark.sha256 = origin->benchmark;
    spec->model.sha256_declared = spec->benchmark.sha256_declared = true;
    if (origin->benchmark_dir) {
        status = find_in(&job->benchmark_path, origin->benchmark_dir, spec->benchmark.path, err);
        if (status) return assay_while(err, status, "benchmark");
        spec->benchmark.path = job->benchmark_path;
    }
    status = assay_spec_resolve(spec, origin->path, origin->model_dir, NULL, err);
    if (status || assay_digest_equal(&spec->digest, &origin->spec)) return status;
    return assay_fail(err, ASSAY_EMISMATCH, "%s: the spec's digest is %s, but the run had %s",
                      origin->path, assay_digest_hex(&spec->digest, found),
                      assay_digest_hex(&origin->spec, stated));
}

enum assay_status assay_job_reopen(struct assay_job **out, const struct assay_job_origin *origin,
                                   struct assay_error *err)
{
    struct assay_digest site;
    bool has_site = origin->site[0] != '\0';
    if (has_site && !assay_digest_parse(origin->site, &site)) {
        return assay_fail(err, ASSAY_EFORMAT, "site \"%.80s\" is no public key", origin->site);
    }
    struct assay_job *job = calloc(1, sizeof *job);
    if (!job) return out_of_memory(err);
    enum assay_status status = reopen_spec(job, origin, err);
    if (!status) status = open_files(job, origin->assignment, has_site ? &site : NULL, err);
    if (status) {
        assay_job_close(job);
        return status;
    }
    *out = job;
    return ASSAY_OK;
}

enum assay_status assay_job_confirm(const struct assay_job *job, struct assay_error *err)
{
    if (!job->model_check) return ASSAY_OK;
    return assay_while(err, assay_file_check_wait(job->model_check, err), "model");
}

static enum assay_status confirm(const void *context, struct assay_error *err)
{
    return assay_job_confirm(context, err);
}

enum assay_status assay_job_cache(const struct assay_job *job, const char *directory,
                                  struct assay_bytes *path, struct assay_panel_cache *out,
                                  struct assay_error *err)
{
    const char *file = job->spec->model.file;
    char hex[ASSAY_DIGEST_HEX];
    enum assay_status status;
    if (!directory) {
        status = assay_bytes_format(path, err, "%s", file);
    } else {
        status = assay_bytes_format(path, err, "%s/%s-%.12s", directory, last_component(file),
                                    assay_digest_hex(&job->spec->model.sha256, hex));
    }
    *out = (struct assay_panel_cache){.path = (const char *)path->data,
                                      .model = job->spec->model.sha256,
                                      .confirm = confirm,
                                      .context = job};
    return status;
}

struct assay_digest assay_job_group_key(const struct assay_job *job, uint32_t item,
                                        const struct assay_profile *profile)
{
    const struct assay_assignment *assignment = job->plan.assignment;
    uint8_t own[8];
    const char *id = assay_benchmark_item(job->benchmark, item)->id;
    assay_put_le64(own, job->spec->seed);
    const uint8_t *seed = assignment ? assignment->round_seed.bytes : own;
    size_t seed_bytes = assignment ? sizeof assignment->round_seed.bytes : sizeof own;
    return assay_group_key(seed, seed_bytes, job->plan.site, job->plan.site_bytes,
                           (struct assay_span){id, strlen(id)},
                           (struct assay_span){profile->name, strlen(profile->name)});
}

void assay_job_close(struct assay_job *job)
{
    if (!job) return;
    assay_file_check_end(job->model_check);
    free(job->assignment.items);
    assay_options_fini(&job->options);
    free(job->prompt_digests);
    free(job->prompt_counts);
    free(job->prompt_offset);
    free(job->prompt_tokens);
    assay_model_close(job->model);
    assay_benchmark_close(job->benchmark);
    assay_spec_destroy(job->spec);
    free(job->benchmark_path);
    free(job);
}
