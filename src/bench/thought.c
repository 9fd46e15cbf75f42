/* Thoughts: what a model writes between <think> and </think> is no part of its answer. */
#include "bench/benchmark.h"

#include <string.h>

#define OPEN "<think>"
#define CLOSE "</think>"

static const char *find(const char *text, size_t size, const char *what)
{
    size_t length = strlen(what);
    for (size_t i = 0; i + length <= size; i++) {
        const char *at = memchr(text + i, what[0], size - i - length + 1);
        if (!at) return NULL;
        if (memcmp(at, what, length) == 0) return at;
        i = (size_t)(at - text);
    }
    return NULL;
}

bool assay_thought_next(const char *text, size_t size, struct assay_spoken *spoken, bool *unclosed)
{
    size_t at = spoken->next;
    if (at == 0) { /* an end before any beginning */
        const char *close = find(text, size, CLOSE), *open = find(text, size, OPEN);
        if (close && (!open || close < open)) at = (size_t)(close - text) + strlen(CLOSE);
    }
    if (at >= size) return false;
    const char *open = find(text + at, size - at, OPEN);
    spoken->start = at;
    spoken->end = spoken->next = open ? (size_t)(open - text) : size;
    if (!open) return true;
    size_t inside = spoken->end + strlen(OPEN);
    const char *close = find(text + inside, size - inside, CLOSE);
    if (!close) *unclosed = true;
    spoken->next = close ? (size_t)(close - text) + strlen(CLOSE) : size;
    return true;
}
