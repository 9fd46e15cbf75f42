/* What texts were encoded to, as far as they come again: words, and the parts of a prompt that all
 * items have. Forgets what falls into the place of another text. */
#ifndef ASSAY_MODEL_MEMO_H
#define ASSAY_MODEL_MEMO_H

#include "assay/status.h"

#include <stddef.h>
#include <stdint.h>

struct assay_memo; /* used by one thread at a time */

/* `slots`, a power of two, of texts of at most `bytes_max` bytes and `tokens_max` tokens. */
ASSAY_MUST_CHECK enum assay_status assay_memo_create(struct assay_memo **out, size_t slots,
                                                     size_t bytes_max, size_t tokens_max,
                                                     struct assay_error *err);
void assay_memo_destroy(struct assay_memo *memo); /* NULL is fine */

/* The tokens of a text, lent until one is kept; NULL when it is not there. Here and below NULL is a
 * memo that remembers nothing. */
const uint32_t *assay_memo_find(const struct assay_memo *memo, const char *text, size_t size,
                                size_t *count);
/* Keep a text's tokens (`tokens` need no alignment); one that is too long is left. */
void assay_memo_keep(struct assay_memo *memo, const char *text, size_t size, const void *tokens,
                     size_t count);

#endif
