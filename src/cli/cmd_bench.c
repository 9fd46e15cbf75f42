/* assay bench: how fast a model runs here. */
#include "cli/command.h"

#include "assay/session.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/limits.h"
#include "cli/machine.h"
#include "cli/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    REPLICATES = ASSAY_BATCH_MAX,
    SEQUENCES_MAX = 16,
    PROMPT_DEFAULT = 512,
    DECODE_DEFAULT = 64,
    DECODE_PROMPT = 128
};

/* One measurement: what was done in how many seconds. */
struct figure {
    double seconds, tokens, prompt_rows, rows, head_rows, passes;
    double positions, shared_positions; /* that a row sees; of them, that all rows see alike */
};

struct bench {
    const struct assay_model *model;
    struct assay_machine_choice machine;
    struct assay_machine_part part;
    struct assay_limits limits;
    uint64_t packed_bytes;        /* that a pass reads */
    double layer_macs, head_macs; /* of the matrices, for a row */
    bool shared;                  /* all sequences after one prompt */
    uint32_t prompt_tokens, decode_tokens;
    uint32_t sequences[SEQUENCES_MAX];
    unsigned sequence_count;
    struct figure prefill, decode[SEQUENCES_MAX];
};

/* "1,8,32": ascending is not required, repetition is harmless. */
static enum assay_status parse_sequences(struct bench *bench, const char *text,
                                         struct assay_error *err)
{
    for (const char *at = text;;) {
        char number[8];
        uint64_t value = 0;
        size_t length = strcspn(at, ",");
        bool fits = length < sizeof number && bench->sequence_count < SEQUENCES_MAX;
        if (fits) {
            memcpy(number, at, length);
            number[length] = 0;
            fits = assay_text_unsigned(number, ASSAY_BATCH_MAX, &value) && value > 0;
        }
        if (!fits) {
            return assay_fail(err, ASSAY_EUSAGE,
                              "--sequences is \"%.60s\": it must be up to %d numbers from 1 to %d, "
                              "separated by commas",
                              text, SEQUENCES_MAX, ASSAY_BATCH_MAX);
        }
        bench->sequences[bench->sequence_count++] = (uint32_t)value;
        if (!at[length]) return ASSAY_OK;
        at += length + 1;
    }
}

/* Prompts and as many samples as are decoded together. None ends while the clock runs: an ending
 * token is taken like any other. */
struct load {
    struct assay_session *session;
    uint32_t *prompt; /* prompt_count tokens; the last one tells the prompts apart */
    uint32_t prompt_count, tokens, sequences;
    bool shared;
};

/* A prompt of ordinary tokens; which ones they are does not matter for the time. The first one
 * differs, so that no two prompts share a page. */
static void fill_prompt(struct load *load, uint32_t which, uint32_t vocab)
{
    for (size_t i = 0; i < load->prompt_count; i++) {
        load->prompt[i] = (uint32_t)((i * 7919 + which * 104729 + 1000) % vocab);
    }
}

static enum assay_status begin_sample(struct load *load, uint32_t which, uint32_t vocab,
                                      struct assay_error *err)
{
    static const struct assay_profile profile = {"bench", 1000, 1000, 0, 0, 1000, ASSAY_DRAW_IID};
    struct assay_sample_request sample = {
        .tag = which, .profile = &profile, .replicates = REPLICATES, .sets = 1, .replicate = which};
    const struct assay_request request = {.prompt = load->prompt,
                                          .prompt_count = load->prompt_count,
                                          .max_tokens = load->tokens,
                                          .past_end = true,
                                          .samples = &sample,
                                          .sample_count = 1};
    fill_prompt(load, load->shared ? 0 : which, vocab);
    return assay_session_submit(load->session, &request, err);
}

static void mark(struct figure *figure, const struct assay_session *session, uint64_t start)
{
    struct assay_session_counters now = assay_session_counters(session);
    figure->seconds = (double)(assay_clock_monotonic_ns() - start) * 1e-9;
    figure->tokens = (double)now.output_tokens;
    figure->prompt_rows = (double)now.prefill_tokens;
    figure->rows = (double)now.prefill_tokens + (double)now.output_tokens;
    figure->head_rows = (double)now.output_tokens;
    figure->passes = (double)now.passes;
}

/* The clock of the decode runs from the moment when every prompt is computed until the sequences
 * have `tokens` more each on average; that of the prefill from the start to that moment. */
static enum assay_status run_load(struct load *load, uint32_t tokens, uint32_t vocab,
                                  struct figure *prefill, struct figure *decode,
                                  struct assay_error *err)
{
    uint64_t start = assay_clock_monotonic_ns();
    double wanted = (double)load->sequences * (tokens - 1);
    double prompts = (double)load->prompt_count * (load->shared ? 1 : load->sequences);
    enum assay_status status = ASSAY_OK;
    for (uint32_t i = 0; i < load->sequences && !status; i++) {
        status = begin_sample(load, i, vocab, err);
    }
    *prefill = *decode = (struct figure){0};
    while (!status && (prefill->tokens < load->sequences || prefill->prompt_rows < prompts)) {
        status = assay_session_step(load->session, err);
        mark(prefill, load->session, start);
    }
    while (!status && decode->tokens - prefill->tokens < wanted) {
        status = assay_session_step(load->session, err);
        mark(decode, load->session, start);
    }
    double begun = prefill->tokens / load->sequences, ended = decode->tokens / load->sequences;
    decode->seconds -= prefill->seconds;
    decode->tokens -= prefill->tokens;
    decode->rows -= prefill->rows;
    decode->head_rows -= prefill->head_rows;
    decode->passes -= prefill->passes;
    prefill->tokens = prefill->prompt_rows;
    decode->positions = load->prompt_count + (begun + ended) / 2;
    decode->shared_positions = load->shared ? load->prompt_count : 0;
    return status;
}

static enum assay_status measure(const struct bench *bench, uint32_t prompt_count,
                                 uint32_t sequences, uint32_t tokens, struct figure *prefill,
                                 struct figure *decode, struct assay_error *err)
{
    /* The first sequences go on while the prompts of the last are computed. */
    uint32_t passes = bench->shared ? 1 : sequences * prompt_count / bench->machine.prefill_rows;
    uint32_t most = tokens > 1 ? tokens + passes + 2 : 1;
    struct assay_session_options options = {.backend = bench->machine.backend,
                                            .batch = sequences,
                                            .threads = bench->machine.threads,
                                            .prefill_rows = bench->machine.prefill_rows,
                                            .context = prompt_count + most,
                                            .place = &bench->part.place};
    struct load load = {.prompt = calloc(prompt_count, sizeof *load.prompt),
                        .prompt_count = prompt_count,
                        .tokens = most,
                        .sequences = sequences,
                        .shared = bench->shared};
    enum assay_status status = load.prompt
                                   ? assay_session_open(&load.session, bench->model, &options, err)
                                   : assay_fail(err, ASSAY_EMEMORY, "no memory");
    if (!status) {
        status =
            run_load(&load, tokens, assay_model_hyper(bench->model)->vocab, prefill, decode, err);
    }
    assay_session_close(load.session);
    free(load.prompt);
    return status;
}

static double macs_of(const struct assay_tensor *tensor)
{
    return (double)tensor->rows * (double)tensor->columns;
}

static enum assay_status size_model(struct bench *bench, struct assay_error *err)
{
    const struct assay_model_tensors *tensors = assay_model_tensors(bench->model);
    struct assay_session_memory memory;
    struct assay_session_options options = {.backend = bench->machine.backend,
                                            .batch = 1,
                                            .threads = bench->machine.threads,
                                            .prefill_rows = 1,
                                            .context = 1};
    enum assay_status status = assay_session_plan(&memory, bench->model, &options, err);
    if (status) return status;
    bench->packed_bytes = memory.packed_bytes ? memory.packed_bytes : memory.file_bytes;
    bench->head_macs = macs_of(&tensors->output);
    for (uint32_t i = 0; i < assay_model_hyper(bench->model)->layers; i++) {
        const struct assay_layer_tensors *layer = &tensors->layers[i];
        bench->layer_macs += macs_of(&layer->q) + macs_of(&layer->k) + macs_of(&layer->v) +
                             macs_of(&layer->o) + macs_of(&layer->gate) + macs_of(&layer->up) +
                             macs_of(&layer->down);
    }
    return ASSAY_OK;
}

static enum assay_status measure_all(struct bench *bench, struct assay_error *err)
{
    struct figure unused;
    enum assay_status status = size_model(bench, err);
    if (!status) {
        status = assay_limits_measure(&bench->limits, &bench->machine, &bench->part.place, err);
    }
    if (!status) {
        status = measure(bench, bench->prompt_tokens, 1, 1, &bench->prefill, &unused, err);
    }
    for (unsigned i = 0; i < bench->sequence_count && !status; i++) {
        status = measure(bench, DECODE_PROMPT, bench->sequences[i], bench->decode_tokens, &unused,
                         &bench->decode[i], err);
    }
    return status;
}

/* --- figures */

/* Keys and values of so many positions. */
static double kv_bytes(const struct bench *bench, double positions)
{
    const struct assay_hyper *hyper = assay_model_hyper(bench->model);
    double bytes = 0, of_position = 2.0 * hyper->kv_heads * hyper->head_dim * sizeof(uint16_t);
    for (uint32_t layer = 0; layer < hyper->layers; layer++) {
        double window = assay_hyper_window(hyper, layer);
        bytes += (window > 0 && window < positions ? window : positions) * of_position;
    }
    return bytes;
}

/* What must come from memory: the weights once a pass, keys and values once a row, those that all
 * rows share once a pass. Prefill finds its own in the caches. */
static double gigabytes(const struct bench *bench, const struct figure *figure)
{
    double shared = kv_bytes(bench, figure->shared_positions);
    double own = kv_bytes(bench, figure->positions) - shared;
    double bytes = figure->passes * ((double)bench->packed_bytes + shared) + figure->rows * own;
    return bytes * 1e-9 / figure->seconds;
}

static double gigamacs(const struct bench *bench, const struct figure *figure)
{
    double macs = figure->rows * bench->layer_macs + figure->head_rows * bench->head_macs;
    return macs * 1e-9 / figure->seconds;
}

static double of_memory(const struct bench *bench, const struct figure *figure)
{
    return gigabytes(bench, figure) * 1e9 / bench->limits.read_bytes_per_s;
}

static double of_compute(const struct bench *bench, const struct figure *figure)
{
    if (bench->limits.macs_per_s <= 0) return 0;
    return gigamacs(bench, figure) * 1e9 / bench->limits.macs_per_s;
}

static void print_figure(const struct bench *bench, const char *what, uint32_t count,
                         const char *unit, const struct figure *figure)
{
    double memory = of_memory(bench, figure), compute = of_compute(bench, figure);
    printf("%-8s %5u %-9s  %9.1f  %6.1f  %7.1f  %3.0f %% of %s\n", what, count, unit,
           figure->tokens / figure->seconds, gigabytes(bench, figure), gigamacs(bench, figure),
           100 * (memory > compute ? memory : compute), memory > compute ? "memory" : "compute");
}

static void print(const struct bench *bench, const char *path)
{
    printf("%s, %s/%s, %u threads\n", path, assay_backend_name(bench->machine.backend),
           assay_backend_isa(bench->machine.backend), bench->machine.threads);
    printf("limits here: memory %.1f GB/s", bench->limits.read_bytes_per_s * 1e-9);
    if (bench->limits.macs_per_s > 0) {
        printf(", compute %.0f GMAC/s", bench->limits.macs_per_s * 1e-9);
    }
    printf("\n\n%-24s  %9s  %6s  %7s\n", "", "tok/s", "GB/s", "GMAC/s");
    print_figure(bench, "prefill", bench->prompt_tokens, "tokens", &bench->prefill);
    for (unsigned i = 0; i < bench->sequence_count; i++) {
        print_figure(bench, "decode", bench->sequences[i],
                     bench->sequences[i] == 1 ? "sequence" : "sequences", &bench->decode[i]);
    }
}

static struct assay_json *figure_json(const struct bench *bench, const struct figure *figure)
{
    struct assay_json *object = assay_json_new_object();
    const struct {
        const char *name;
        double value;
    } rows[] = {{"tokens_per_s", figure->tokens / figure->seconds},
                {"gigabytes_per_s", gigabytes(bench, figure)},
                {"gigamacs_per_s", gigamacs(bench, figure)},
                {"of_memory_limit", of_memory(bench, figure)},
                {"of_compute_limit", of_compute(bench, figure)}};
    bool ok = object != NULL;
    for (size_t i = 0; ok && i < sizeof rows / sizeof rows[0]; i++) {
        ok = assay_json_set(object, rows[i].name, assay_json_new_real(rows[i].value));
    }
    if (ok) return object;
    assay_json_destroy(object);
    return NULL;
}

static enum assay_status emit(const struct bench *bench, const char *path, struct assay_error *err)
{
    struct assay_json *object = assay_json_new_object(), *rates = assay_json_new_object(),
                      *decode = assay_json_new_object();
    bool ok = object && rates && decode;
    for (unsigned i = 0; ok && i < bench->sequence_count; i++) {
        const struct figure *figure = &bench->decode[i];
        char name[16];
        snprintf(name, sizeof name, "%u", bench->sequences[i]);
        ok = assay_json_set(rates, name, assay_json_new_real(figure->tokens / figure->seconds)) &&
             assay_json_set(decode, name, figure_json(bench, figure));
    }
    ok = ok && assay_json_set(object, "model", assay_json_new_text(path)) &&
         assay_json_set(object, "backend",
                        assay_json_new_text(assay_backend_name(bench->machine.backend))) &&
         assay_json_set(object, "isa",
                        assay_json_new_text(assay_backend_isa(bench->machine.backend))) &&
         assay_json_set(object, "threads", assay_json_new_integer(bench->machine.threads)) &&
         assay_json_set(object, "shared_prompt", assay_json_new_boolean(bench->shared)) &&
         assay_json_set(object, "prompt_tokens", assay_json_new_integer(bench->prompt_tokens)) &&
         assay_json_set(object, "decode_tokens", assay_json_new_integer(bench->decode_tokens)) &&
         assay_json_set(object, "memory_gigabytes_per_s",
                        assay_json_new_real(bench->limits.read_bytes_per_s * 1e-9)) &&
         assay_json_set(object, "compute_gigamacs_per_s",
                        assay_json_new_real(bench->limits.macs_per_s * 1e-9)) &&
         assay_json_set(object, "prefill_tokens_per_s",
                        assay_json_new_real(bench->prefill.tokens / bench->prefill.seconds)) &&
         assay_json_set(object, "prefill", figure_json(bench, &bench->prefill)) &&
         assay_json_set(object, "decode_tokens_per_s", rates) &&
         assay_json_set(object, "decode", decode);
    if (ok) return assay_report_emit(object, err);
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the figures");
}

static enum assay_status cmd_bench(const struct assay_args *args, struct assay_error *err)
{
    struct bench bench = {
        .shared = args->shared_prompt,
        .prompt_tokens = args->prompt_tokens ? (uint32_t)args->prompt_tokens : PROMPT_DEFAULT,
        .decode_tokens = args->decode_tokens ? (uint32_t)args->decode_tokens : DECODE_DEFAULT};
    struct assay_model *model = NULL;
    const char *path = args->operands[0];
    enum assay_status status = assay_machine_choose(&bench.machine, args, err);
    if (!status) status = assay_machine_take(&bench.part, &bench.machine, err);
    if (!status)
        status = parse_sequences(&bench, args->sequences ? args->sequences : "1,8,32,64", err);
    if (!status) status = assay_model_open(&model, path, err);
    bench.model = model;
    if (!status) status = measure_all(&bench, err);
    if (!status && args->json) status = emit(&bench, path, err);
    if (!status && !args->json) print(&bench, path);
    assay_model_close(model);
    assay_machine_leave(&bench.part);
    return status;
}

static const struct assay_option options[] = {
    {"sequences", "N,N,…", "numbers of sequences decoded together (default: 1,8,32,64)",
     ASSAY_OPTION_TEXT, offsetof(struct assay_args, sequences), 0, 0},
    {"prompt-tokens", "N", "length of the prefill that is timed (default: 512)",
     ASSAY_OPTION_NUMBER, offsetof(struct assay_args, prompt_tokens), 2, 65536},
    {"decode-tokens", "N", "output tokens of each sequence (default: 64)", ASSAY_OPTION_NUMBER,
     offsetof(struct assay_args, decode_tokens), 2, 65536},
    {"shared-prompt", NULL,
     "let all sequences follow one prompt, as the replicates of an item do (default: each its own)",
     ASSAY_OPTION_FLAG, offsetof(struct assay_args, shared_prompt), 0, 0},
    ASSAY_OPTION_MACHINE,
    ASSAY_OPTION_COMMON,
    {NULL, NULL, NULL, ASSAY_OPTION_FLAG, 0, 0, 0}};

const struct assay_command assay_cmd_bench = {
    "bench",
    "MODEL",
    1,
    1,
    "measure how fast a model runs here",
    "Prefill: tokens a second of one prompt. Decode: output tokens a second of all sequences "
    "together,\n"
    "after prompts of 128 tokens, sampling included. GB/s: weights read, once a pass, and keys and "
    "values;\n"
    "GMAC/s: multiply-adds of the matrices. Each is compared with what this machine can do, "
    "measured\n"
    "first: reading from memory, and the products' inner step from registers; the nearer limit is "
    "shown.\n"
    "Compare ratios of paired runs: machines are noisy.\n\n"
    "  assay bench smollm2-135m-instruct-q4_1.gguf --sequences 1,64 --json\n",
    options,
    cmd_bench};
