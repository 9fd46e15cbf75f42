/* A spec with every key, and copies of it with one line changed. */
#ifndef TESTS_SPEC_TEXT_H
#define TESTS_SPEC_TEXT_H

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA_B "bBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbB"

static const char *const spec_lines[] = {
    /*  1 */ "assay: 1",
    /*  2 */ "name: quickstart",
    /*  3 */ "description: words for people",
    /*  4 */ "model:",
    /*  5 */ "  path: m.gguf",
    /*  6 */ "  sha256: " SHA_A,
    /*  7 */ "benchmark:",
    /*  8 */ "  path: b.jsonl",
    /*  9 */ "  sha256: " SHA_B,
    /* 10 */ "prompt:",
    /* 11 */ "  chat: model",
    /* 12 */ "  system: Be brief.",
    /* 13 */ "  user: 'Q: {question}'",
    /* 14 */ "answer:",
    /* 15 */ "  extract: '^(.*)$'",
    /* 16 */ "  stop: [\"\\n\", END]",
    /* 17 */ "max_tokens: 16",
    /* 18 */ "replicates: 8",
    /* 19 */ "sets: 2",
    /* 20 */ "seed: 1",
    /* 21 */ "profiles:",
    /* 22 */ "  - name: cool",
    /* 23 */ "    temperature: 0.3",
    /* 24 */ "    top_p: 0.95",
    /* 25 */ "    top_k: 40",
    /* 26 */ "    min_p: 0.05",
    /* 27 */ "    repetition_penalty: 1.1",
    /* 28 */ "    draw: lattice",
    /* 29 */ "  - {name: warm}",
};
enum { SPEC_LINES = sizeof spec_lines / sizeof spec_lines[0], SPEC_TEXT_BYTES = 8192 };

/* The text with line `number` (from 1; 0 changes nothing) replaced, or left out where `line` is
 * NULL. Returns its size. */
static inline size_t spec_text(char to[SPEC_TEXT_BYTES], size_t number, const char *line)
{
    size_t used = 0;
    for (size_t i = 0; i < SPEC_LINES; i++) {
        const char *text = i + 1 == number ? line : spec_lines[i];
        if (!text) continue;
        used += (size_t)snprintf(to + used, SPEC_TEXT_BYTES - used, "%s\n", text);
    }
    return used;
}

#endif
