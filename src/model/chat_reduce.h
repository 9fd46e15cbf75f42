/* A chat template in a form in which the same program looks the same. */
#ifndef ASSAY_MODEL_CHAT_REDUCE_H
#define ASSAY_MODEL_CHAT_REDUCE_H

#include <stdbool.h>
#include <stddef.h>

/* What a literal stands between. */
#define ASSAY_CHAT_OPEN "\x01"
#define ASSAY_CHAT_CLOSE "\x02"

/* Of statements and expressions the white space outside of literals goes, literals are decoded and
 * set between OPEN and CLOSE, literals joined by + become one, and x.y becomes x['y']. `to` has
 * room for three times `size` bytes: x.y grows most. False where the template is not one of code
 * and white space alone, or does not end. */
bool assay_chat_reduce(const char *template, size_t size, char *to, size_t *reduced);

#endif
