/* What llama.cpp answers to prompts, alone and eight at once; L is its tree, built in L/build:
 * cc -O2 -IL/include -IL/ggml/include peer_logits.c -o peer_logits -LL/build/bin -lllama -lm */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llama.h"

enum {
    STEP_COUNT = 32, /* tokens generated for each prompt, end-of-text not heeded */
    BATCH_COUNT = 8, /* sequences decoded together in the second pass */
    THREAD_COUNT = 2,
    PROMPT_TOKEN_MAX = 480, /* with the steps this fills one sequence's context */
    SEQUENCE_TOKEN_MAX = PROMPT_TOKEN_MAX + STEP_COUNT,
    PROMPT_MAX = 64,
    LINE_MAX_BYTES = 8192
};

struct prompt {
    llama_token tokens[SEQUENCE_TOKEN_MAX]; /* the prompt, then what was generated */
    int token_count;                        /* of the prompt alone */
    float *logits;                          /* [STEP_COUNT][vocab], from the pass alone; owned */
    float distance[STEP_COUNT];             /* max |alone - together| over the vocabulary */
};

static struct prompt prompts[PROMPT_MAX];

static int read_prompts(const char *path, const struct llama_vocab *vocab);
static struct llama_context *open_context(struct llama_model *model, int sequence_count);
static void run_alone(struct llama_context *context, struct prompt *prompt, int vocab_count);
static void run_together(struct llama_context *context, int first, int count, int vocab_count);
static void print_prompt(int index, const struct prompt *prompt, int vocab_count);

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "peer_logits: %s: %s\n", what, detail);
    exit(1);
}

static void log_errors_only(enum ggml_log_level level, const char *text, void *user_data)
{
    (void)user_data;
    if (level == GGML_LOG_LEVEL_ERROR) fputs(text, stderr);
}

int main(int argc, char **argv)
{
    if (argc != 3) die("usage", "peer_logits MODEL PROMPTS.txt > out.tsv");
    llama_log_set(log_errors_only, NULL);
    llama_backend_init();
    struct llama_model *model = llama_model_load_from_file(argv[1], llama_model_default_params());
    if (model == NULL) die("cannot load", argv[1]);
    const struct llama_vocab *vocab = llama_model_get_vocab(model);
    const int vocab_count = llama_vocab_n_tokens(vocab);
    const int count = read_prompts(argv[2], vocab);

    struct llama_context *alone = open_context(model, 1);
    for (int i = 0; i < count; i++) run_alone(alone, &prompts[i], vocab_count);
    llama_free(alone);

    struct llama_context *together = open_context(model, BATCH_COUNT);
    for (int first = 0; first < count; first += BATCH_COUNT)
        run_together(together, first, count, vocab_count);
    llama_free(together);

    for (int i = 0; i < count; i++) {
        print_prompt(i, &prompts[i], vocab_count);
        free(prompts[i].logits);
    }
    llama_model_free(model);
    llama_backend_free();
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

/* Turn the two characters \n into a line feed and drop the line's own end; gives the length. */
static int unescape(char *line)
{
    char *out = line;
    for (const char *in = line; *in != '\0' && *in != '\n' && *in != '\r'; in++) {
        if (in[0] == '\\' && in[1] == 'n') {
            *out++ = '\n';
            in++;
        } else {
            *out++ = *in;
        }
    }
    *out = '\0';
    return (int)(out - line);
}

static int read_prompts(const char *path, const struct llama_vocab *vocab)
{
    static char line[LINE_MAX_BYTES];
    FILE *file = fopen(path, "r");
    if (file == NULL) die("cannot open", path);
    int count = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strchr(line, '\n') == NULL && !feof(file)) die("line too long in", path);
        const int length = unescape(line);
        if (length == 0) continue;
        if (count == PROMPT_MAX) die("too many prompts in", path);
        struct prompt *prompt = &prompts[count++];
        prompt->token_count =
            llama_tokenize(vocab, line, length, prompt->tokens, PROMPT_TOKEN_MAX, false, true);
        if (prompt->token_count <= 0) die("prompt too long", line);
        prompt->logits = malloc((size_t)llama_vocab_n_tokens(vocab) * STEP_COUNT * sizeof(float));
        if (prompt->logits == NULL) die("out of memory", path);
    }
    fclose(file);
    return count;
}

/* One cache for all sequences, llama-server's default: with a cache for each, attention sees one
 * query at a time and the eight decode to the very bits of the one. The rest is the library's
 * default: F16 cache, 512 tokens in a physical batch. */
static struct llama_context *open_context(struct llama_model *model, int sequence_count)
{
    struct llama_context_params params = llama_context_default_params();
    params.n_ctx = (uint32_t)(SEQUENCE_TOKEN_MAX * sequence_count);
    params.n_batch = params.n_ctx;
    params.n_seq_max = (uint32_t)sequence_count;
    params.kv_unified = true;
    params.n_threads = THREAD_COUNT;
    params.n_threads_batch = THREAD_COUNT;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    struct llama_context *context = llama_init_from_model(model, params);
    if (context == NULL) die("cannot open", "context");
    return context;
}

/* Append tokens [begin, end) of a prompt as sequence `id`; only the last asks for logits. */
static void append(struct llama_batch *batch, int id, const struct prompt *prompt, int begin,
                   int end)
{
    for (int position = begin; position < end; position++) {
        const int i = batch->n_tokens++;
        batch->token[i] = prompt->tokens[position];
        batch->pos[i] = position;
        batch->n_seq_id[i] = 1;
        batch->seq_id[i][0] = id;
        batch->logits[i] = position == end - 1;
    }
}

/* The tokens whose logits are step `step`: the whole prompt first, then one token at a time. */
static void append_step(struct llama_batch *batch, int id, const struct prompt *prompt, int step)
{
    const int end = prompt->token_count + step;
    append(batch, id, prompt, step == 0 ? 0 : end - 1, end);
}

static void decode(struct llama_context *context, struct llama_batch batch)
{
    if (llama_decode(context, batch) != 0) die("llama_decode", "failed");
}

/* Index of the greatest logit, the lowest on a tie, leaving out `excluded` (-1: none). */
static int argmax(const float *logits, int vocab_count, int excluded)
{
    int best = excluded == 0 ? 1 : 0;
    for (int i = best + 1; i < vocab_count; i++) {
        if (i != excluded && logits[i] > logits[best]) best = i;
    }
    return best;
}

static void run_alone(struct llama_context *context, struct prompt *prompt, int vocab_count)
{
    struct llama_batch batch = llama_batch_init(PROMPT_TOKEN_MAX, 0, 1);
    llama_memory_clear(llama_get_memory(context), true);
    for (int step = 0; step < STEP_COUNT; step++) {
        batch.n_tokens = 0;
        append_step(&batch, 0, prompt, step);
        decode(context, batch);
        float *logits = prompt->logits + (size_t)step * (size_t)vocab_count;
        memcpy(logits, llama_get_logits_ith(context, -1), (size_t)vocab_count * sizeof(float));
        prompt->tokens[prompt->token_count + step] = argmax(logits, vocab_count, -1);
    }
    llama_batch_free(batch);
}

static float max_distance(const float *a, const float *b, int vocab_count)
{
    float distance = 0.0f;
    for (int i = 0; i < vocab_count; i++) distance = fmaxf(distance, fabsf(a[i] - b[i]));
    return distance;
}

/* Force the tokens of `first` and its seven successors; past the last prompt the first ones fill
 * the batch, so that it always holds eight sequences. */
static void run_together(struct llama_context *context, int first, int count, int vocab_count)
{
    struct llama_batch batch = llama_batch_init(BATCH_COUNT * PROMPT_TOKEN_MAX, 0, 1);
    llama_memory_clear(llama_get_memory(context), true);
    for (int step = 0; step < STEP_COUNT; step++) {
        int32_t row[BATCH_COUNT];
        batch.n_tokens = 0;
        for (int id = 0; id < BATCH_COUNT; id++) {
            append_step(&batch, id, &prompts[(first + id) % count], step);
            row[id] = batch.n_tokens - 1;
        }
        decode(context, batch);
        for (int id = 0; id < BATCH_COUNT && first + id < count; id++) {
            struct prompt *prompt = &prompts[first + id];
            prompt->distance[step] =
                max_distance(prompt->logits + (size_t)step * (size_t)vocab_count,
                             llama_get_logits_ith(context, row[id]), vocab_count);
        }
    }
    llama_batch_free(batch);
}

static double log_probability(const float *logits, int vocab_count, int token, float greatest)
{
    double sum = 0.0;
    for (int i = 0; i < vocab_count; i++) sum += exp((double)logits[i] - (double)greatest);
    return (double)logits[token] - (double)greatest - log(sum);
}

static void print_prompt(int index, const struct prompt *prompt, int vocab_count)
{
    printf("P\t%d\t%d\t", index, prompt->token_count);
    for (int i = 0; i < prompt->token_count; i++)
        printf("%s%d", i == 0 ? "" : " ", prompt->tokens[i]);
    putchar('\n');
    for (int step = 0; step < STEP_COUNT; step++) {
        const float *logits = prompt->logits + (size_t)step * (size_t)vocab_count;
        const int token = prompt->tokens[prompt->token_count + step];
        const int top1 = argmax(logits, vocab_count, -1);
        const int top2 = argmax(logits, vocab_count, top1);
        printf("%d\t%d\t%d\t%d\t%d\t%.9g\t%.9g\t%.9g\n", index, step, token, top1, top2,
               (double)(logits[top1] - logits[top2]), (double)prompt->distance[step],
               log_probability(logits, vocab_count, token, logits[top1]));
    }
}
