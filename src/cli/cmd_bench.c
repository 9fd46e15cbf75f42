/* assay bench: how fast a model runs here. */
#include "cli/command.h"

#include "assay/session.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/machine.h"
#include "cli/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    REPLICATES = 4096,
    SEQUENCES_MAX = 16,
    PROMPT_DEFAULT = 512,
    DECODE_DEFAULT = 64,
    DECODE_PROMPT = 128
};

struct bench {
    const struct assay_model *model;
    struct assay_machine_choice machine;
    struct assay_machine_part part;
    uint32_t prompt_tokens, decode_tokens;
    uint32_t sequences[SEQUENCES_MAX];
    unsigned sequence_count;
    double prefill_rate, decode_rates[SEQUENCES_MAX]; /* tokens a second */
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

/* A prompt of ordinary tokens; which ones they are does not matter for the time. */
static void fill_prompt(uint32_t *prompt, size_t count, uint32_t vocab)
{
    for (size_t i = 0; i < count; i++) prompt[i] = (uint32_t)((i * 7919 + 1000) % vocab);
}

/* One prompt and samples of it, as many as are decoded together. A sample that ends makes room for
 * another of the same prompt, as in a run: the batch stays full while the clock runs. */
struct load {
    struct assay_session *session;
    struct assay_request request;
    struct assay_sample_request *samples; /* room for `sequences` */
    uint32_t begun;
};

static enum assay_status begin_samples(struct load *load, uint32_t count, struct assay_error *err)
{
    static const struct assay_profile profile = {"bench", 1000, 1000, 0, 0, 1000, ASSAY_DRAW_IID};
    for (uint32_t i = 0; i < count; i++) {
        load->samples[i] = (struct assay_sample_request){.profile = &profile,
                                                         .replicates = REPLICATES,
                                                         .sets = 1,
                                                         .replicate = load->begun++ % REPLICATES};
    }
    load->request.sample_count = count;
    return assay_session_submit(load->session, &load->request, err);
}

static enum assay_status step(struct load *load, struct assay_error *err)
{
    struct assay_sample sample;
    uint32_t ended = 0;
    enum assay_status status = assay_session_step(load->session, err);
    while (!status && assay_session_take(load->session, &sample)) ended++;
    if (status || ended == 0) return status;
    return begin_samples(load, ended, err);
}

/* The clock of the decode runs from the moment when every sequence has its first token until they
 * have `tokens` each on average; that of the prefill from the start to that moment. */
static enum assay_status run_load(struct load *load, uint32_t sequences, uint32_t tokens,
                                  double *prefill, double *decode, struct assay_error *err)
{
    uint64_t start = assay_clock_monotonic_ns(), first = 0, before = 0, now = start, output = 0;
    enum assay_status status = begin_samples(load, sequences, err);
    while (!status && (!first || output - before < (uint64_t)sequences * (tokens - 1))) {
        status = step(load, err);
        now = assay_clock_monotonic_ns();
        output = assay_session_counters(load->session).output_tokens;
        if (!first && output >= sequences) {
            first = now;
            before = output;
        }
    }
    if (status) return status;
    *prefill = (double)load->request.prompt_count * 1e9 / (double)(first - start);
    *decode = now > first ? (double)(output - before) * 1e9 / (double)(now - first) : 0;
    return ASSAY_OK;
}

static enum assay_status measure(struct bench *bench, uint32_t prompt_count, uint32_t sequences,
                                 uint32_t tokens, double *prefill, double *decode,
                                 struct assay_error *err)
{
    struct assay_session_options options = {.backend = bench->machine.backend,
                                            .batch = sequences,
                                            .threads = bench->machine.threads,
                                            .prefill_rows = bench->machine.prefill_rows,
                                            .context = prompt_count + tokens,
                                            .place = &bench->part.place};
    uint32_t *prompt = calloc(prompt_count, sizeof *prompt);
    struct load load = {.samples = calloc(sequences, sizeof *load.samples)};
    enum assay_status status =
        prompt && load.samples ? ASSAY_OK : assay_fail(err, ASSAY_EMEMORY, "no memory");
    if (!status) status = assay_session_open(&load.session, bench->model, &options, err);
    if (!status) {
        fill_prompt(prompt, prompt_count, assay_model_hyper(bench->model)->vocab);
        load.request = (struct assay_request){.prompt = prompt,
                                              .prompt_count = prompt_count,
                                              .max_tokens = tokens,
                                              .samples = load.samples};
        status = run_load(&load, sequences, tokens, prefill, decode, err);
    }
    assay_session_close(load.session);
    free(load.samples);
    free(prompt);
    return status;
}

static enum assay_status measure_all(struct bench *bench, struct assay_error *err)
{
    double unused;
    enum assay_status status =
        measure(bench, bench->prompt_tokens, 1, 1, &bench->prefill_rate, &unused, err);
    for (unsigned i = 0; i < bench->sequence_count && !status; i++) {
        status = measure(bench, DECODE_PROMPT, bench->sequences[i], bench->decode_tokens, &unused,
                         &bench->decode_rates[i], err);
    }
    return status;
}

static enum assay_status emit(const struct bench *bench, const char *path, struct assay_error *err)
{
    struct assay_json *object = assay_json_new_object(), *rates = assay_json_new_object();
    bool ok = object && rates;
    for (unsigned i = 0; ok && i < bench->sequence_count; i++) {
        char name[16];
        snprintf(name, sizeof name, "%u", bench->sequences[i]);
        ok = assay_json_set(rates, name, assay_json_new_real(bench->decode_rates[i]));
    }
    ok = ok && assay_json_set(object, "model", assay_json_new_text(path)) &&
         assay_json_set(object, "backend",
                        assay_json_new_text(assay_backend_name(bench->machine.backend))) &&
         assay_json_set(object, "isa",
                        assay_json_new_text(assay_backend_isa(bench->machine.backend))) &&
         assay_json_set(object, "threads", assay_json_new_integer(bench->machine.threads)) &&
         assay_json_set(object, "prompt_tokens", assay_json_new_integer(bench->prompt_tokens)) &&
         assay_json_set(object, "decode_tokens", assay_json_new_integer(bench->decode_tokens)) &&
         assay_json_set(object, "prefill_tokens_per_s", assay_json_new_real(bench->prefill_rate)) &&
         assay_json_set(object, "decode_tokens_per_s", rates);
    if (ok) return assay_report_emit(object, err);
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the figures");
}

static enum assay_status cmd_bench(const struct assay_args *args, struct assay_error *err)
{
    struct bench bench = {
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
    if (!status && !args->json) {
        printf("%s, %s/%s, %u threads\nprefill  %4u tokens     %8.1f tok/s\n", path,
               assay_backend_name(bench.machine.backend), assay_backend_isa(bench.machine.backend),
               bench.machine.threads, bench.prompt_tokens, bench.prefill_rate);
        for (unsigned i = 0; i < bench.sequence_count; i++) {
            printf("decode   %4u sequences  %8.1f tok/s\n", bench.sequences[i],
                   bench.decode_rates[i]);
        }
    }
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
    "after a prompt of 128 tokens, sampling included. Compare ratios of paired runs: machines are "
    "noisy.\n\n"
    "  assay bench smollm2-135m-instruct-q4_1.gguf --sequences 1,64 --json\n",
    options,
    cmd_bench};
