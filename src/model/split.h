/* Pre-tokenisation: text into words, of which each is merged on its own. */
#ifndef ASSAY_MODEL_SPLIT_H
#define ASSAY_MODEL_SPLIT_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>

struct assay_split; /* used by one thread at a time */

/* By the value of tokenizer.ggml.pre (`size` bytes, any content); EUNSUPPORTED names those that are
 * known. */
ASSAY_MUST_CHECK enum assay_status assay_split_create(struct assay_split **out, const char *pre,
                                                      size_t size, struct assay_error *err);
void assay_split_destroy(struct assay_split *split); /* NULL is fine */

/* Whether words that are tokens as a whole are taken without merging (`ignore_merges`). */
bool assay_split_is_llama3(const struct assay_split *split);

typedef enum assay_status assay_split_word(void *context, const char *word, size_t size,
                                           struct assay_error *err);

/* Call `word` for each word in order; together they are the text. A byte that is not part of valid
 * UTF-8 is a word of its own, and the text before it and behind it is split as if it ended there
 * and began there. Ends at the first word that fails. */
ASSAY_MUST_CHECK enum assay_status assay_split_text(struct assay_split *split, const char *text,
                                                    size_t size, assay_split_word *word,
                                                    void *context, struct assay_error *err);

#endif
