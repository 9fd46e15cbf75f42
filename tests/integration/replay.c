/* Teacher forcing on another implementation's tokens: `replay MODEL PEER.tsv STEPS [BACKEND]`.
 *
 * PEER.tsv (made by tests/bench/peer_logits.c or tests/golden/pass_model.py) holds prompts, 32
 * tokens each, and at each step the peer's two best tokens, the gap between their logits, the noise
 * of the peer's own logits, and the token's log-probability. Where the gap exceeds the noise the
 * peer is sure of its best token by its own standard: there ours must be the same, for all of STEPS
 * steps, of which the peer is sure at half at least. A model that is absent: exit code 77. */
#include "assay/backend.h"
#include "assay/session.h"
#include "base/bytes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 32, LINE_MAX_BYTES = 1 << 16, PROMPT_MAX = 1024, SKIPPED = 77 };

struct step {
    unsigned token, best, second;
    double gap, noise, log_prob;
};

struct prompt {
    uint32_t tokens[PROMPT_MAX + STEPS];
    size_t count;
    struct step steps[STEPS];
    size_t step_count;
};

struct tally {
    unsigned steps, sure, sure_equal, equal;
    double difference, worst;
};

static size_t largest(const float *logits, size_t vocab)
{
    size_t best = 0;
    for (size_t i = 1; i < vocab; i++) best = logits[i] > logits[best] ? i : best;
    return best;
}

static double log_prob(const float *logits, size_t vocab, size_t token)
{
    double max = logits[largest(logits, vocab)], sum = 0;
    for (size_t i = 0; i < vocab; i++) sum += exp(logits[i] - max);
    return logits[token] - max - log(sum);
}

static enum assay_status replay(struct assay_session *session, struct prompt *prompt, size_t vocab,
                                float *logits, struct tally *tally, struct assay_error *err)
{
    if (prompt->step_count == 0) return ASSAY_OK;
    size_t count = prompt->count + prompt->step_count;
    for (size_t i = 0; i < prompt->step_count; i++) {
        prompt->tokens[prompt->count + i] = prompt->steps[i].token;
    }
    enum assay_status status = assay_session_logits(session, prompt->tokens, count, logits, err);
    if (status) return status;
    for (size_t i = 0; i < prompt->step_count; i++) {
        const struct step *step = &prompt->steps[i];
        const float *row = logits + (prompt->count - 1 + i) * vocab;
        double difference = fabs(log_prob(row, vocab, step->token) - step->log_prob);
        int equal = largest(row, vocab) == step->best, sure = step->gap > step->noise;
        tally->steps++;
        tally->equal += (unsigned)equal;
        tally->sure += (unsigned)sure;
        tally->sure_equal += (unsigned)(sure && equal);
        tally->difference += difference;
        if (!(difference <= tally->worst)) tally->worst = difference;
        if (sure && !equal) {
            printf("differs: step %zu: ours %zu, theirs %u, gap %g, noise %g\n", i,
                   largest(row, vocab), step->best, step->gap, step->noise);
        }
    }
    return ASSAY_OK;
}

/* "P<tab>index<tab>count<tab>ids…" */
static int read_prompt(struct prompt *prompt, char *line)
{
    char *at = line + 1;
    prompt->step_count = 0;
    strtoul(at, &at, 10);
    prompt->count = strtoul(at, &at, 10);
    if (prompt->count == 0 || prompt->count > PROMPT_MAX) return 0;
    for (size_t i = 0; i < prompt->count; i++) {
        char *end;
        prompt->tokens[i] = (uint32_t)strtoul(at, &end, 10);
        if (end == at) return 0;
        at = end;
    }
    return 1;
}

static int read_step(struct prompt *prompt, const char *line)
{
    unsigned index, number;
    struct step *step = &prompt->steps[prompt->step_count];
    if (prompt->step_count == STEPS) return 0;
    if (sscanf(line, "%u %u %u %u %u %lf %lf %lf", &index, &number, &step->token, &step->best,
               &step->second, &step->gap, &step->noise, &step->log_prob) != 8) {
        return 0;
    }
    return number == prompt->step_count++;
}

static enum assay_status replay_file(struct assay_session *session, FILE *file, size_t vocab,
                                     struct tally *tally, struct assay_error *err)
{
    static char line[LINE_MAX_BYTES];
    static struct prompt prompt;
    float *logits = calloc((size_t)(PROMPT_MAX + STEPS) * vocab, sizeof *logits);
    enum assay_status status = logits ? ASSAY_OK : assay_fail(err, ASSAY_EMEMORY, "no memory");
    while (!status && fgets(line, sizeof line, file)) {
        if (line[0] == '#' || line[0] == '\n') continue;
        if (line[0] == 'P') status = replay(session, &prompt, vocab, logits, tally, err);
        int ok = line[0] == 'P' ? read_prompt(&prompt, line) : read_step(&prompt, line);
        if (!status && !ok) status = assay_fail(err, ASSAY_EFORMAT, "line \"%.60s\"", line);
    }
    if (!status) status = replay(session, &prompt, vocab, logits, tally, err);
    free(logits);
    return status;
}

int main(int argc, char **argv)
{
    struct assay_model *model = NULL;
    struct assay_session *session = NULL;
    struct assay_session_options options = {
        .batch = 1, .threads = 2, .prefill_rows = 16, .context = PROMPT_MAX + STEPS};
    struct assay_error err = {0};
    struct tally tally = {0};
    FILE *file = argc > 3 ? fopen(argv[2], "r") : NULL;
    if (!file) {
        fprintf(stderr, "usage: replay MODEL PEER.tsv STEPS [BACKEND]\n");
        return 2;
    }
    enum assay_status status =
        assay_backend_find(&options.backend, argc > 4 ? argv[4] : "auto", &err);
    if (!status) status = assay_model_open(&model, argv[1], &err);
    if (status == ASSAY_ENOTFOUND) {
        printf("SKIP: %s\n", err.text);
        fclose(file);
        return SKIPPED;
    }
    if (!status) status = assay_session_open(&session, model, &options, &err);
    if (!status) status = replay_file(session, file, assay_model_hyper(model)->vocab, &tally, &err);
    if (status) fprintf(stderr, "replay: %s\n", err.text);
    printf("%u steps; peer sure at %u, ours equal at %u of these (%u of all); mean |difference of "
           "log-probability| %.6f, largest %.6f\n",
           tally.steps, tally.sure, tally.sure_equal, tally.equal, tally.difference / tally.steps,
           tally.worst);
    assay_session_close(session);
    assay_model_close(model);
    fclose(file);
    return status || tally.steps != strtoul(argv[3], NULL, 10) || tally.sure_equal != tally.sure ||
           2 * tally.sure < tally.steps;
}
