/* assay perplexity: how well a model foretells a text. */
#include "cli/command.h"

#include "assay/perplexity.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/exact.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/machine.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "crypto/digest.h"

#include <math.h>
#include <stdio.h>

enum { WINDOW_DEFAULT = 512, BATCH_DEFAULT = 4, ROWS_DEFAULT = 512, TEXT_BYTES_MAX = 1 << 28 };

static const double nats_a_bit = 0x1.62e42fefa39efp-1;

struct figures {
    double perplexity, error; /* its standard error, if tokens were independent */
    double bits_per_byte, bytes_per_token;
    double seconds;
};

struct view {
    struct assay_progress_line line;
    uint64_t start_ns;
};

static void show(void *context, size_t done, size_t total)
{
    struct view *view = context;
    uint64_t now = assay_clock_monotonic_ns();
    char text[ASSAY_PROGRESS_BYTES];
    if (done == 0 || !assay_progress_due(&view->line, now)) return;
    double left = (double)(now - view->start_ns) * 1e-9 * (double)(total - done) / (double)done;
    snprintf(text, sizeof text, "%zu/%zu windows  ETA %u:%02u", done, total, (unsigned)left / 60,
             (unsigned)left % 60);
    assay_progress_print(&view->line, text);
}

static struct figures work_out(const struct assay_perplexity *sums, double seconds)
{
    double count = (double)sums->scored, mean = sums->nats / count;
    double variance = sums->nats_squared / count - mean * mean;
    struct figures out = {.perplexity = mean < 700 ? assay_exp64(mean) : INFINITY,
                          .bits_per_byte = sums->nats / nats_a_bit / (double)sums->scored_bytes,
                          .bytes_per_token = (double)sums->scored_bytes / count,
                          .seconds = seconds};
    out.error = out.perplexity * sqrt((variance > 0 ? variance : 0) / (count - 1));
    return out;
}

static enum assay_status emit(const char *const *paths, const struct assay_digest *digest,
                              uint32_t window, const struct assay_perplexity *sums,
                              const struct figures *figures,
                              const struct assay_machine_choice *machine, struct assay_error *err)
{
    char hex[ASSAY_DIGEST_HEX];
    struct assay_json *object = assay_json_new_object();
    bool ok =
        object && assay_json_set(object, "model", assay_json_new_text(paths[0])) &&
        assay_json_set(object, "text", assay_json_new_text(paths[1])) &&
        assay_json_set(object, "text_sha256", assay_json_new_text(assay_digest_hex(digest, hex))) &&
        assay_json_set(object, "window", assay_json_new_integer(window)) &&
        assay_json_set(object, "tokens", assay_json_new_integer((int64_t)sums->tokens)) &&
        assay_json_set(object, "windows", assay_json_new_integer((int64_t)sums->windows)) &&
        assay_json_set(object, "scored_tokens", assay_json_new_integer((int64_t)sums->scored)) &&
        assay_json_set(object, "scored_bytes",
                       assay_json_new_integer((int64_t)sums->scored_bytes)) &&
        assay_json_set(object, "greedy_tokens", assay_json_new_integer((int64_t)sums->greedy)) &&
        assay_json_set(object, "nats", assay_json_new_real(sums->nats)) &&
        assay_json_set(object, "perplexity", assay_json_new_real(figures->perplexity)) &&
        assay_json_set(object, "perplexity_se", assay_json_new_real(figures->error)) &&
        assay_json_set(object, "bits_per_byte", assay_json_new_real(figures->bits_per_byte)) &&
        assay_json_set(object, "bytes_per_token", assay_json_new_real(figures->bytes_per_token)) &&
        assay_json_set(object, "seconds", assay_json_new_real(figures->seconds)) &&
        assay_json_set(object, "backend",
                       assay_json_new_text(assay_backend_name(machine->backend))) &&
        assay_json_set(object, "isa", assay_json_new_text(assay_backend_isa(machine->backend))) &&
        assay_json_set(object, "threads", assay_json_new_integer(machine->threads));
    if (ok) return assay_report_emit(object, err);
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the figures");
}

static void print(const char *const *paths, uint32_t window, const struct assay_perplexity *sums,
                  const struct figures *figures, const struct assay_machine_choice *machine)
{
    printf("%s on %s\n", paths[0], paths[1]);
    printf("perplexity      %.4f ± %.4f\n", figures->perplexity, figures->error);
    printf("bits per byte   %.5f\n", figures->bits_per_byte);
    printf("greedy match    %.2f %%\n", 100.0 * (double)sums->greedy / (double)sums->scored);
    printf("scored          %zu of %zu tokens, the second halves of %zu windows of %u; %.3f bytes "
           "a token\n",
           sums->scored, sums->tokens, sums->windows, window, figures->bytes_per_token);
    printf("cost            %.2f s, %.0f tok/s (%s, %s, %u threads)\n", figures->seconds,
           (double)(sums->windows * window) / figures->seconds,
           assay_backend_name(machine->backend), assay_backend_isa(machine->backend),
           machine->threads);
}

static enum assay_status measure(const struct assay_args *args, const struct assay_model *model,
                                 const struct assay_bytes *text,
                                 struct assay_machine_choice *machine,
                                 const struct assay_machine_part *part, struct assay_error *err)
{
    const uint32_t window = args->window ? (uint32_t)args->window : WINDOW_DEFAULT;
    struct assay_session_options session_options = {
        .backend = machine->backend,
        .batch = args->batch ? (uint32_t)args->batch : BATCH_DEFAULT,
        .threads = machine->threads,
        .prefill_rows = args->prefill_rows ? (uint32_t)args->prefill_rows : ROWS_DEFAULT,
        .context = window,
        .place = &part->place};
    struct assay_perplexity sums;
    struct assay_session *session = NULL;
    struct view view = {.start_ns = assay_clock_monotonic_ns()};
    const struct assay_perplexity_options options = {
        .window = window, .progress = show, .context = &view};
    assay_progress_init(&view.line, args->quiet || args->json);
    enum assay_status status = assay_session_open(&session, model, &session_options, err);
    status = assay_while(err, status, "%s", args->operands[0]);
    if (!status) {
        status = assay_perplexity_measure(&sums, session, model, (const char *)text->data,
                                          text->size, &options, err);
        status = assay_while(err, status, "%s", args->operands[1]);
    }
    assay_progress_end(&view.line);
    assay_session_close(session);
    if (status) return status;
    const struct assay_digest digest = assay_sha256_of(text->data, text->size);
    const struct figures figures =
        work_out(&sums, (double)(assay_clock_monotonic_ns() - view.start_ns) * 1e-9);
    if (args->json) return emit(args->operands, &digest, window, &sums, &figures, machine, err);
    print(args->operands, window, &sums, &figures, machine);
    return ASSAY_OK;
}

static enum assay_status cmd_perplexity(const struct assay_args *args, struct assay_error *err)
{
    struct assay_machine_choice machine;
    struct assay_machine_part part = {0};
    struct assay_model *model = NULL;
    struct assay_bytes text = {0};
    enum assay_status status = assay_machine_choose(&machine, args, err);
    if (!status) status = assay_file_read(args->operands[1], TEXT_BYTES_MAX, &text, err);
    if (!status && text.size == 0) {
        status = assay_fail(err, ASSAY_EVALUE, "%s: the text is empty", args->operands[1]);
    }
    if (!status) status = assay_machine_take(&part, &machine, err);
    if (!status) status = assay_model_open(&model, args->operands[0], err);
    if (!status) status = measure(args, model, &text, &machine, &part, err);
    assay_model_close(model);
    assay_machine_leave(&part);
    assay_bytes_fini(&text);
    return status;
}

static const struct assay_option options[] = {
    {"window", "N", "tokens of a window, half of them scored (default: 512)", ASSAY_OPTION_NUMBER,
     offsetof(struct assay_args, window), ASSAY_PERPLEXITY_WINDOW_MIN, 1 << 20},
    {"batch", "N", "windows computed together (default: 4)", ASSAY_OPTION_NUMBER,
     offsetof(struct assay_args, batch), 1, ASSAY_BATCH_MAX},
    ASSAY_OPTION_MACHINE,
    ASSAY_OPTION_COMMON,
    ASSAY_OPTION_END};

const struct assay_command assay_cmd_perplexity = {
    "perplexity",
    "MODEL TEXT",
    2,
    2,
    "measure how well a model foretells a text",
    "TEXT is a file of plain text. Its tokens are cut into windows; in each the first half is\n"
    "context, and each token of the second half is scored by the log-probability that the model\n"
    "gives it. Perplexity is exp of the mean of -log-probability: the number of equally likely\n"
    "tokens that would surprise as much. This is the method of llama.cpp's llama-perplexity with\n"
    "-c N, so the two can be compared. Across tokenizers compare bits per byte, not perplexity.\n"
    "The error is that of a mean over independent tokens, which the tokens of a text are not.\n\n"
    "  assay perplexity smollm2-135m-instruct-q4_1.gguf book.txt\n"
    "  assay perplexity model.gguf book.txt --window 2048 --json | jq .bits_per_byte\n",
    options,
    cmd_perplexity};
