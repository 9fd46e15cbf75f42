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
#define TEXT(name, text) text,
static const char *const scorer_names[] = {ASSAY_SCORER_LIST(TEXT) NULL};
static const char *const score_names[] = {ASSAY_CHOICE_SCORE_LIST(TEXT) NULL};
static const char *const take_names[] = {ASSAY_TAKE_LIST(TEXT) NULL};
static const char *const thinking_names[] = {ASSAY_THINKING_LIST(TEXT) NULL};
static const char *const order_names[] = {ASSAY_ORDER_LIST(TEXT) NULL};
static const char *const kind_names[] = {ASSAY_KIND_LIST(TEXT) NULL};
static const char *const format_names[] = {ASSAY_DATA_FORMAT_LIST(TEXT) NULL};
static const char *const clean_names[] = {ASSAY_CLEAN_LIST(TEXT) NULL};
static const char *const choose_names[] = {ASSAY_CHOOSE_LIST(TEXT) NULL};
static const char *const same_names[] = {ASSAY_SAME_LIST(TEXT) NULL};
static const char *const as_names[] = {ASSAY_AS_LIST(TEXT) NULL};
static const char *const encrypted_names[] = {ASSAY_ENCRYPTED_LIST(TEXT) NULL};
#undef TEXT

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
#define IN_RULE(member) offsetof(struct assay_rule, member)
#define IN_PROFILE(member) offsetof(struct assay_profile, member)

static const struct spec_key model_keys[] = {
    {"path", SPEC_TEXT, .required = true, .outside = true, .at = IN_SPEC(model.path), .min = 1,
     .max = 4095,
     .help = "the GGUF file, or sha256:HEX; if not absolute, looked for beside the spec, in the "
             "model directory (a store: assay fetch), and in the working directory"},
    {"sha256", SPEC_SHA256, .at = IN_SPEC(model.sha256), .also_at = IN_SPEC(model.sha256_declared),
     .help = "its SHA-256; another file is refused"},
    {0}};

static const struct spec_key benchmark_keys[] = {
    {"path", SPEC_TEXT, .required = true, .outside = true, .at = IN_SPEC(benchmark.path), .min = 1,
     .max = 4095,
     .help =
         "a benchmark's definition (.yaml: `assay inspect --help`), or its items as JSON lines; "
         "if not absolute, looked for beside the spec, in the working directory and in the store"},
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
    {"opening", SPEC_TEMPLATE, .at = IN_SPEC(opening), .max = ASSAY_SPEC_BYTES_MAX, .fallback = "",
     .help = "stands once in front of all examples and the question; may have {fields}"},
    {"user", SPEC_TEMPLATE, .required = true, .at = IN_SPEC(prompt), .min = 1,
     .max = ASSAY_SPEC_BYTES_MAX,
     .help = "the user message, with {fields} of the item; a literal brace is doubled: {{ or }}"},
    {"answer", SPEC_TEMPLATE, .at = IN_SPEC(example_answer), .max = ASSAY_SPEC_BYTES_MAX,
     .fallback = "",
     .help =
         "what stands behind the user message of a solved example; empty: \" {answer}\", or the "
         "right one of the options"},
    {"option", SPEC_TEMPLATE, .at = IN_SPEC(option), .min = 1, .max = ASSAY_SPEC_BYTES_MAX,
     .fallback = " {choice}",
     .help = "kind choice: the text whose likelihood is measured; \" {letter}\" where the prompt "
             "shows the {options}"},
    {"order", SPEC_CHOICE, .at = IN_SPEC(order), .fallback = "data", .choices = order_names,
     .help = "of the {options}: as in the data, or by a hash of the item's id"},
    {"separator", SPEC_TEXT, .at = IN_SPEC(separator), .max = 256, .fallback = "\n\n",
     .help = "between solved examples, and before the question"},
    {0}};

static const struct spec_key rule_keys[] = {
    {"name", SPEC_NAME, .required = true, .at = IN_RULE(name), .max = 32, .help = "of this rule"},
    {"pattern", SPEC_PATTERN, .required = true, .at = IN_RULE(pattern), .min = 1, .max = 4096,
     .help = "what it looks for"},
    {"take", SPEC_CHOICE, .at = IN_RULE(take), .fallback = "first", .choices = take_names,
     .help = "the first match in the output, or the last"},
    {0}};

static const struct spec_key answer_keys[] = {
    {"extract", SPEC_RULES, .at = IN_SPEC(rules), .also_at = IN_SPEC(rule_count), .min = 1,
     .max = ASSAY_SPEC_RULES_MAX, .fallback = FIRST_LINE, .keys = rule_keys,
     .help =
         "finds the answer in the output; the first rule is the strict one, whose verdict counts, "
         "those behind it are for the flexible verdict; the default takes the first line that is "
         "not empty"},
    {"scorer", SPEC_CHOICE, .at = IN_SPEC(scorer), .fallback = "text", .choices = scorer_names,
     .help =
         "text: without case and the marks around it; exact: as it stands; number: as a number, "
         "$1,200.00 is 1200"},
    {"score", SPEC_CHOICE, .at = IN_SPEC(choice_score), .fallback = "acc", .choices = score_names,
     .help = "kind choice, which option is the answer: acc, the likeliest; acc_norm, the likeliest "
             "by byte"},
    {"thinking", SPEC_CHOICE, .at = IN_SPEC(thinking), .fallback = "strip",
     .choices = thinking_names,
     .help = "strip: <think>…</think> is no part of the answer; keep: it is text like any other"},
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
    {"assay", SPEC_VERSION, .required = true, .own = true, .outside = true, .min = 1, .max = 1,
     .help = "the version of this format; it must be the first key"},
    {"name", SPEC_NAME, .required = true, .own = true, .at = IN_SPEC(name), .max = 64,
     .help = "names the results file, unless another is given"},
    {"description", SPEC_TEXT, .own = true, .outside = true, .at = IN_SPEC(description),
     .max = ASSAY_SPEC_BYTES_MAX, .fallback = "",
     .help = "for people; like comments and paths it is not part of the spec's identity"},
    {"model", SPEC_BLOCK, .required = true, .keys = model_keys, .help = "what is measured"},
    {"benchmark", SPEC_BLOCK, .own = true, .required = true, .keys = benchmark_keys,
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

/* A benchmark's definition. `prompt`, `answer` and `max_tokens` are the rows above. */

static const struct spec_key data_keys[] = {
    {"path", SPEC_TEXT, .required = true, .at = IN_SPEC(data.path), .min = 1, .max = 4095,
     .help = "the items; if not absolute, looked for beside the definition, beside the spec and in "
             "the working directory; may be compressed by gzip"},
    {"sha256", SPEC_SHA256, .at = IN_SPEC(data.sha256), .also_at = IN_SPEC(data.sha256_declared),
     .help = "its SHA-256; another file is refused"},
    {"format", SPEC_CHOICE, .at = IN_SPEC(definition.format), .fallback = "auto",
     .choices = format_names, .help = "auto: by the name, .csv is CSV, anything else JSON lines"},
    {"columns", SPEC_SOME, .each = "a column", .at = IN_SPEC(definition.columns),
     .also_at = IN_SPEC(definition.column_count), .max = 64,
     .help = "names of the columns of a CSV that has no header line"},
    {"clean", SPEC_CHOICE, .at = IN_SPEC(definition.clean), .fallback = "none",
     .choices = clean_names,
     .help = "wikihow: the marks of that corpus taken out of question and choices, as HellaSwag "
             "wants it"},
    {0}};

#define FIELD(name, member, words)                                                                 \
    {                                                                                              \
        name, SPEC_TEXT, .at = IN_SPEC(definition.fields.member), .min = 1, .max = 512,            \
                         .help = words                                                             \
    }
static const struct spec_key field_keys[] = {
    FIELD("id", id, "the item's name; absent: made of the benchmark's name and the line"),
    FIELD("question", question, "what {question} stands for: a field, or a text with {fields}"),
    FIELD("answer", answer,
          "the answer that is accepted, or a list of them; default: accept, answer"),
    {"answer_pattern", SPEC_PATTERN, .at = IN_SPEC(definition.fields.answer_pattern), .min = 1,
     .max = 512, .help = "finds the accepted answer in that field"},
    {"choices", SPEC_SOME, .each = "a field", .at = IN_SPEC(definition.fields.choices),
     .also_at = IN_SPEC(definition.fields.choice_count), .max = 26,
     .help = "the field that has the list of options, or a field for each of them"},
    FIELD("labels", labels, "the field that has the list of the options' labels"),
    FIELD("gold", gold,
          "the right option: its label, letter, number from 0, or its text; absent: "
          "the first"),
    FIELD("topic", topic, "the item's topic"),
    FIELD("stratum", stratum, "the item's stratum"),
    FIELD("cluster", cluster, "items with one cluster belong together"),
    FIELD("test", test, "kind code: the test, or a list of its lines"),
    FIELD("test_setup", test_setup,
          "kind code: what stands before the test, a text (may be empty) or a list of its lines"),
    FIELD("entry_point", entry_point, "kind code: the function that the test's check() is given"),
    {0}};

static const struct spec_key example_keys[] = {
    {"count", SPEC_WHOLE, .required = true, .at = IN_SPEC(definition.example_count), .max = 64,
     .help = "solved examples before the question"},
    {"path", SPEC_TEXT, .at = IN_SPEC(examples.path), .min = 1, .max = 4095,
     .help = "where they come from; absent: from the data themselves, but never the item asked"},
    {"sha256", SPEC_SHA256, .at = IN_SPEC(examples.sha256),
     .also_at = IN_SPEC(examples.sha256_declared), .help = "its SHA-256"},
    {"choose", SPEC_CHOICE, .at = IN_SPEC(definition.example_choose), .fallback = "first",
     .choices = choose_names,
     .help = "first: the first ones, alike for all items; hash: by a hash of the item's id"},
    {"same", SPEC_CHOICE, .at = IN_SPEC(definition.example_same), .fallback = "none",
     .choices = same_names, .help = "topic: only examples of the item's topic"},
    {"as", SPEC_CHOICE, .at = IN_SPEC(definition.example_as), .fallback = "text",
     .choices = as_names,
     .help = "text: in the user message, before the question; turns: each a user message and the "
             "assistant's answer, without the white space around it"},
    {0}};

static const struct spec_key definition_keys[] = {
    {"benchmark", SPEC_VERSION, .required = true, .min = 1, .max = 1,
     .help = "the version of this format; it must be the first key"},
    {"name", SPEC_NAME, .required = true, .at = IN_SPEC(definition.name), .max = 64,
     .help = "of the benchmark"},
    {"version", SPEC_TEXT, .at = IN_SPEC(definition.version), .max = 64, .fallback = "",
     .help = "of this definition"},
    {"description", SPEC_TEXT, .at = IN_SPEC(definition.description), .max = ASSAY_SPEC_BYTES_MAX,
     .fallback = "", .help = "for people"},
    {"licence", SPEC_TEXT, .at = IN_SPEC(definition.licence), .max = 4096, .fallback = "",
     .help = "of the data"},
    {"source", SPEC_TEXT, .at = IN_SPEC(definition.source), .max = 4096, .fallback = "",
     .help = "where the data are to be had"},
    {"canary", SPEC_TEXT, .at = IN_SPEC(definition.canary), .max = 512, .fallback = "",
     .help = "the text by which a training set that holds these data gives itself away"},
    {"encrypted", SPEC_CHOICE, .at = IN_SPEC(definition.encrypted), .fallback = "false",
     .choices = encrypted_names,
     .help =
         "true: whatever quotes the data (outputs, answers) is encrypted in journal and results "
         "under a key that the data give; who has them reads with --data FILE"},
    {"kind", SPEC_CHOICE, .required = true, .at = IN_SPEC(definition.kind), .choices = kind_names,
     .help = "match: an answer is found in the output; choice: options by likelihood; letter: the "
             "output names an option; code: the output is run"},
    {"data", SPEC_BLOCK, .required = true, .keys = data_keys, .help = "the items"},
    {"fields", SPEC_BLOCK, .keys = field_keys,
     .help = "what the fields of an item mean; a dot goes into an object or a list: choices.text"},
    {"examples", SPEC_BLOCK, .keys = example_keys, .help = "few-shot"},
    {"prompt", SPEC_BLOCK, .required = true, .keys = prompt_keys,
     .help = "how an item becomes a question"},
    {"answer", SPEC_BLOCK, .keys = answer_keys, .help = "how an output becomes an answer"},
    {"max_tokens", SPEC_WHOLE, .required = true, .at = IN_SPEC(max_tokens), .min = 1,
     .max = ASSAY_SPEC_TOKENS_MAX, .help = "tokens of an output at most"},
    {0}};

#define FITS(table) (sizeof(table) / sizeof((table)[0]) - 1 <= SPEC_KEYS_MAX)
static_assert(FITS(spec_keys) && FITS(profile_keys) && FITS(field_keys) && FITS(definition_keys),
              "a table has at most SPEC_KEYS_MAX keys");

const struct spec_key *assay_definition_keys(void)
{
    return definition_keys;
}

const char *assay_kind_name(enum assay_kind kind)
{
    return (unsigned)kind < ASSAY_KIND_COUNT ? kind_names[kind] : NULL;
}

const char *assay_scorer_name(enum assay_scorer scorer)
{
    return (unsigned)scorer < ASSAY_SCORER_COUNT ? scorer_names[scorer] : NULL;
}

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
                 key->type == SPEC_PATTERN                    ? " with exactly one capture group"
                 : key->type == SPEC_TEMPLATE && key->min > 0 ? " with at least one {field}"
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
    case SPEC_SOME:
        snprintf(to, size, "a text, or a list of 1 to %" PRIu64 " texts of 1 to %d bytes", key->max,
                 SPEC_STOP_BYTES_MAX);
        break;
    case SPEC_RULES:
        snprintf(to, size,
                 "a regular expression (PCRE2) with exactly one capture group, or a list of 1 to "
                 "%" PRIu64 " rules",
                 key->max);
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
