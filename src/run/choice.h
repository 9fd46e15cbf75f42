/* Kind choice in a run: the options of all items as tokens, and the samples of one item put
 * together again. An item is one sample of the plan; in a session it is a forced sample for each
 * option. */
#ifndef ASSAY_RUN_CHOICE_H
#define ASSAY_RUN_CHOICE_H

#include "assay/choice.h"
#include "assay/run.h"
#include "base/bytes.h"

static inline bool assay_job_is_choice(const struct assay_job *job)
{
    return job->spec->definition.kind == ASSAY_KIND_CHOICE;
}

/* The tag of option `option` of a sample. */
static inline uint64_t assay_choice_tag(uint64_t sample, uint32_t option)
{
    return sample * ASSAY_OPTIONS_MAX + option;
}

/* Fill the requests of an item's options; returns how many. `to` has room for ASSAY_OPTIONS_MAX. */
size_t assay_choice_requests(const struct assay_job *job, uint64_t sample, uint32_t item,
                             struct assay_sample_request *to);

/* One item, being put together. */
struct assay_choice_item {
    uint64_t sample;
    uint32_t item, option_count, left;
    struct assay_option_part options[ASSAY_OPTIONS_MAX];
    size_t scored[ASSAY_OPTIONS_MAX]; /* tokens that have a log-probability */
    float *log_probs;                 /* of the options' tokens, end to end */
    struct assay_digest cell_key;
    bool prompt_shared;
    uint32_t batch_rows;
    uint64_t start_ns, duration_ns;
};

/* The options as circumstances have them; `to` has room for all. */
struct assay_span assay_choice_encode(const struct assay_choice_item *item,
                                      uint8_t to[ASSAY_OPTIONS_MAX * ASSAY_OPTION_BYTES]);

/* What a record says of a complete item. */
struct assay_choice_result {
    const uint32_t *tokens; /* lent by the job */
    const float *log_probs; /* lent by the item */
    size_t token_count;
    enum assay_finish finish;
    enum assay_verdict verdict;
    uint32_t score_micro, gold;
    uint8_t outcome; /* enum assay_outcome */
    char answer[12]; /* the option's number; "" if there is none */
    struct assay_choice choice;
};

/* Items under way. Zero-initialise. */
struct assay_choice_table {
    struct assay_choice_item *items;
    size_t count, capacity;
};
void assay_choice_table_fini(struct assay_choice_table *table);
/* Take one forced sample. *out is the item that it completed, else NULL; give it back with
 * assay_choice_drop before the next sample. */
ASSAY_MUST_CHECK enum assay_status assay_choice_take(struct assay_choice_table *table,
                                                     const struct assay_job *job,
                                                     const struct assay_sample *sample,
                                                     struct assay_choice_item **out,
                                                     struct assay_error *err);
void assay_choice_drop(struct assay_choice_table *table, struct assay_choice_item *item);
struct assay_choice_result assay_choice_result(const struct assay_job *job,
                                               const struct assay_choice_item *item);

/* --- options.c */
/* The lists of a job's options while they grow. Zero-initialise. */
struct assay_options_builder {
    struct assay_bytes first, offset, tokens, lengths;
};
/* The bytes of a prompt's text that are its tokens: white space at its end goes to the options. */
size_t assay_options_prompt_size(const struct assay_bytes *context);
/* Append the options of an item to the job's: `context` is the text of its prompt, which has
 * `prompt_count` tokens, and is left as it was. Items come in order. */
ASSAY_MUST_CHECK enum assay_status assay_options_add(struct assay_options_builder *builder,
                                                     struct assay_job *job, uint32_t item,
                                                     struct assay_bytes *context,
                                                     size_t prompt_count, struct assay_error *err);
/* Hand over what was built, also after a failure. */
void assay_options_finish(struct assay_options_builder *builder, struct assay_job_options *out);
void assay_options_fini(struct assay_job_options *options);

#endif
