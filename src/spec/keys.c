/* The keys of a spec: the tables, and what their rows say in words. */
#include "spec/keys.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ROW(name, id, text) [id] = text,
static const char *const draw_names[] = {ASSAY_DRAW_LIST(ROW) NULL};
#undef ROW
#define ROW(name, text) [ASSAY_CHAT_##name] = text,
static const char *const chat_names[] = {ASSAY_CHAT_LIST(ROW) NULL};
#undef ROW

#define ROW(name, text, arithmetic) [ASSAY_KV_##name] = text,
static const char *const kv_names[] = {ASSAY_KV_LIST(ROW) NULL};
#undef ROW

enum { DRAW_COUNT = sizeof draw_names / sizeof draw_names[0] - 1 };
static_assert(ASSAY_DRAW_LATTICE == DRAW_COUNT - 1, "draw ids count from 0 without a gap");
/* SPEC_CHOICE stores an unsigned int. */
static_assert(sizeof(enum assay_draw) == sizeof(unsigned), "an enum is as wide as unsigned");
static_assert(sizeof(enum assay_kv) == sizeof(unsigned), "an enum is as wide as unsigned");
static_assert(sizeof(enum assay_chat) == sizeof(unsigned), "an enum is as wide as unsigned");

/* The first line of the output that is not empty, without the space around it. */
#define FIRST_LINE "(?m)^[^\\S\\n]*(\\S.*?)[^\\S\\n]*$"

#define IN_SPEC(member) offsetof(struct assay_spec, member)
#define IN_PROFILE(member) offsetof(struct assay_profile, member)

static const struct spec_key model_keys[] = {
    {"path", SPEC_TEXT, .required = true, .outside = true, .at = IN_SPEC(model.path), .min = 1,
     .max = 4095,
     .help = "the GGUF file; if not absolute, looked for beside the spec, in the model directory, "
             "and in the working directory"},
    {"sha256", SPEC_SHA256, .at = IN_SPEC(model.sha256), .also_at = IN_SPEC(model.sha256_declared),
     .help = "its SHA-256; another file is refused"},
    {0}};

static const struct spec_key benchmark_keys[] = {
    {"path", SPEC_TEXT, .required = true, .outside = true, .at = IN_SPEC(benchmark.path), .min = 1,
     .max = 4095,
     .help = "the items as JSON lines; if not absolute, looked for beside the spec and in the "
             "working directory"},
    {"sha256", SPEC_SHA256, .at = IN_SPEC(benchmark.sha256),
     .also_at = IN_SPEC(benchmark.sha256_declared), .help = "its SHA-256; another file is refused"},
    {0}};

static const struct spec_key prompt_keys[] = {
    {"chat", SPEC_CHOICE, .at = IN_SPEC(chat), .fallback = "model", .choices = chat_names,
     .help =
         "the chat template in the model file; none: the user text alone; or a family, whatever "
         "the file has"},
    {"system", SPEC_TEXT, .at = IN_SPEC(system), .max = ASSAY_SPEC_BYTES_MAX, .fallback = "",
     .help = "the system message; empty leaves the template's own"},
    {"user", SPEC_TEMPLATE, .required = true, .at = IN_SPEC(prompt), .min = 1,
     .max = ASSAY_SPEC_BYTES_MAX,
     .help = "the user message, with {fields} of the item; a literal brace is doubled: {{ or }}"},
    {0}};

static const struct spec_key answer_keys[] = {
    {"extract", SPEC_PATTERN, .at = IN_SPEC(extract), .min = 1, .max = 4096, .fallback = FIRST_LINE,
     .help = "finds the answer in the output; the default takes the first line that is not empty"},
    {"stop", SPEC_TEXTS, .each = "a stop text", .at = IN_SPEC(stops),
     .also_at = IN_SPEC(stop_count), .max = ASSAY_SPEC_STOPS_MAX,
     .help = "texts that end an output where they first appear; none if absent"},
    {0}};

static const struct spec_key profile_keys[] = {
    {"name", SPEC_NAME, .required = true, .at = IN_PROFILE(name), .max = 48,
     .help = "unique among the profiles"},
    {"temperature", SPEC_MILLI, .at = IN_PROFILE(temperature_milli), .max = 10000, .fallback = "1",
     .help = "0 is greedy: always the likeliest token"},
    {"top_p", SPEC_MILLI, .at = IN_PROFILE(top_p_milli), .min = 1, .max = 1000, .fallback = "1",
     .help = "the likeliest tokens with this probability together; 1 keeps all"},
    {"top_k", SPEC_WHOLE, .at = IN_PROFILE(top_k), .max = 1000000, .fallback = "0",
     .help = "this many of the likeliest tokens; 0 keeps all"},
    {"min_p", SPEC_MILLI, .at = IN_PROFILE(min_p_milli), .max = 1000, .fallback = "0",
     .help = "tokens with this share of the likeliest one's probability; 0 keeps all"},
    {"repetition_penalty", SPEC_MILLI, .at = IN_PROFILE(repetition_penalty_milli), .min = 100,
     .max = 10000, .fallback = "1",
     .help =
         "above 1, tokens that already stand in prompt or output become less likely; 1 is none"},
    {"draw", SPEC_CHOICE, .at = IN_PROFILE(draw), .fallback = "strat", .choices = draw_names,
     .help = "how the replicates of an item share their random numbers; iid: not at all"},
    {0}};

static const struct spec_key spec_keys[] = {
    {"assay", SPEC_VERSION, .required = true, .outside = true, .min = 1, .max = 1,
     .help = "the version of this format; it must be the first key"},
    {"name", SPEC_NAME, .required = true, .at = IN_SPEC(name), .max = 64,
     .help = "names the results file, unless another is given"},
    {"description", SPEC_TEXT, .outside = true, .at = IN_SPEC(description),
     .max = ASSAY_SPEC_BYTES_MAX, .fallback = "",
     .help = "for people; like comments and paths it is not part of the spec's identity"},
    {"model", SPEC_BLOCK, .required = true, .keys = model_keys, .help = "what is measured"},
    {"benchmark", SPEC_BLOCK, .required = true, .keys = benchmark_keys,
     .help = "what it is measured with"},
    {"prompt", SPEC_BLOCK, .required = true, .keys = prompt_keys,
     .help = "how an item becomes a question"},
    {"answer", SPEC_BLOCK, .keys = answer_keys, .help = "how an output becomes an answer"},
    {"max_tokens", SPEC_WHOLE, .required = true, .at = IN_SPEC(max_tokens), .min = 1,
     .max = ASSAY_SPEC_TOKENS_MAX, .help = "tokens of an output at most"},
    {"replicates", SPEC_WHOLE, .required = true, .at = IN_SPEC(replicates), .min = 1,
     .max = ASSAY_SPEC_REPLICATES_MAX, .help = "samples of every item in every profile"},
    {"sets", SPEC_WHOLE, .at = IN_SPEC(sets), .min = 1, .max = ASSAY_SPEC_REPLICATES_MAX,
     .fallback = "1",
     .help = "independent sets of replicates; divides replicates. Draws other "
             "than iid need two for an error of their own"},
    {"seed", SPEC_SEED, .required = true, .at = IN_SPEC(seed), .max = INT64_MAX,
     .help = "of all random numbers"},
    {"kv", SPEC_CHOICE, .outside = true, .at = IN_SPEC(kv), .fallback = "f16", .choices = kv_names,
     .help = "how attention's keys and values are kept; f32 takes twice the memory and is another "
             "arithmetic: exact-1-kv32, not exact-1"},
    {"profiles", SPEC_RECORDS, .required = true, .each = "a profile",
     .record_bytes = sizeof(struct assay_profile), .at = IN_SPEC(profiles),
     .also_at = IN_SPEC(profile_count), .max = ASSAY_SPEC_PROFILES_MAX, .keys = profile_keys,
     .help = "ways to sample, each applied to every item"},
    {0}};

#define FITS(table) (sizeof(table) / sizeof((table)[0]) - 1 <= SPEC_KEYS_MAX)
static_assert(FITS(spec_keys) && FITS(profile_keys), "a table has at most SPEC_KEYS_MAX keys");

const struct spec_key *assay_spec_keys(void)
{
    return spec_keys;
}

const struct spec_key *assay_spec_key_find(const struct spec_key *keys, const char *name)
{
    for (; keys->name; keys++)
        if (strcmp(keys->name, name) == 0) return keys;
    return NULL;
}

const char *assay_draw_name(enum assay_draw draw)
{
    return (unsigned)draw < DRAW_COUNT ? draw_names[draw] : NULL;
}

/* --- in words --- */

static const char *milli_text(uint64_t milli, char to[32])
{
    int size = snprintf(to, 32, "%" PRIu64 ".%03" PRIu64, milli / 1000, milli % 1000);
    while (to[size - 1] == '0') to[--size] = 0;
    if (to[size - 1] == '.') to[--size] = 0;
    return to;
}

static void choices_text(const char *const *choices, char *to, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; choices[i] && used < size; i++) {
        const char *between = i == 0 ? "" : choices[i + 1] ? ", " : " or ";
        used += (size_t)snprintf(to + used, size - used, "%s%s", between, choices[i]);
    }
}

const char *assay_spec_expects(const struct spec_key *key, char to[SPEC_EXPECTS_BYTES])
{
    const size_t size = SPEC_EXPECTS_BYTES;
    char min[32], max[32];
    switch (key->type) {
    case SPEC_VERSION:
        snprintf(to, size, "%" PRIu64, key->max);
        break;
    case SPEC_NAME:
        snprintf(to, size, "1 to %" PRIu64 " characters of a-z, 0-9, \".\", \"_\" and \"-\"",
                 key->max);
        break;
    case SPEC_WORD:
        snprintf(to, size, "1 to %" PRIu64 " characters of letters, digits and %s", key->max,
                 SPEC_WORD_MARKS);
        break;
    case SPEC_TEXT:
    case SPEC_TEMPLATE:
    case SPEC_PATTERN:
        snprintf(to, size, "%s of %" PRIu64 " to %" PRIu64 " bytes%s",
                 key->type == SPEC_PATTERN ? "a regular expression (PCRE2)" : "a text", key->min,
                 key->max,
                 key->type == SPEC_PATTERN    ? " with exactly one capture group"
                 : key->type == SPEC_TEMPLATE ? " with at least one {field}"
                                              : "");
        break;
    case SPEC_SHA256:
        snprintf(to, size, "64 hexadecimal digits");
        break;
    case SPEC_WHOLE:
    case SPEC_SEED:
        snprintf(to, size, "a whole number from %" PRIu64 " to %" PRIu64, key->min, key->max);
        break;
    case SPEC_MILLI:
        snprintf(to, size, "a decimal from %s to %s, with at most 3 decimals",
                 milli_text(key->min, min), milli_text(key->max, max));
        break;
    case SPEC_CHOICE:
        choices_text(key->choices, to, size);
        break;
    case SPEC_TEXTS:
        snprintf(to, size, "a list of at most %" PRIu64 " texts of 1 to %d bytes", key->max,
                 SPEC_STOP_BYTES_MAX);
        break;
    case SPEC_BLOCK:
        snprintf(to, size, "a mapping of keys");
        break;
    case SPEC_RECORDS:
        snprintf(to, size, "a list of 1 to %" PRIu64 " %s", key->max, key->name);
        break;
    }
    return to;
}
