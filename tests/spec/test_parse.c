/* Reading a spec: values, defaults, and every refusal with its place. */
#include "assay/spec.h"
#include "spec/keys.h"
#include "spec_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void every_key_arrives(void **state)
{
    (void)state;
    char text[SPEC_TEXT_BYTES];
    struct assay_error err;
    struct assay_spec *spec = NULL;
    size_t size = spec_text(text, 0, NULL);
    assert_int_equal(assay_spec_parse(&spec, text, size, &err), ASSAY_OK);
    assert_string_equal(spec->name, "quickstart");
    assert_string_equal(spec->description, "words for people");
    assert_string_equal(spec->model.path, "m.gguf");
    assert_true(spec->model.sha256_declared);
    assert_int_equal(spec->model.sha256.bytes[31], 0xaa);
    assert_string_equal(spec->benchmark.path, "b.jsonl");
    assert_true(spec->benchmark.sha256_declared);
    assert_int_equal(spec->benchmark.sha256.bytes[0], 0xbb);
    assert_null(spec->model.file);
    assert_int_equal(spec->chat, ASSAY_CHAT_MODEL);
    assert_string_equal(spec->system, "Be brief.");
    assert_string_equal(spec->prompt, "Q: {question}");
    assert_string_equal(spec->rules[0].pattern, "^(.*)$");
    assert_int_equal(spec->stop_count, 2);
    assert_string_equal(spec->stops[0], "\n");
    assert_string_equal(spec->stops[1], "END");
    assert_int_equal(spec->max_tokens, 16);
    assert_int_equal(spec->replicates, 8);
    assert_int_equal(spec->sets, 2);
    assert_int_equal(spec->seed, 1);
    assert_int_equal(spec->profile_count, 2);
    const struct assay_profile *cool = &spec->profiles[0];
    assert_string_equal(cool->name, "cool");
    assert_int_equal(cool->temperature_milli, 300);
    assert_int_equal(cool->top_p_milli, 950);
    assert_int_equal(cool->top_k, 40);
    assert_int_equal(cool->min_p_milli, 50);
    assert_int_equal(cool->repetition_penalty_milli, 1100);
    assert_int_equal(cool->draw, ASSAY_DRAW_LATTICE);
    assert_string_equal(spec->source, text);
    assert_null(spec->canonical);
    assay_spec_destroy(spec);
}

static void absent_keys_have_defaults(void **state)
{
    (void)state;
    static const char text[] = "assay: 1\nname: short\nmodel: {path: m}\nbenchmark: {path: b}\n"
                               "prompt: {user: '{q}'}\nmax_tokens: 1\nreplicates: 1\nseed: 0\n"
                               "profiles: [{name: p}]\n";
    struct assay_error err;
    struct assay_spec *spec = NULL;
    assert_int_equal(assay_spec_parse(&spec, text, sizeof text - 1, &err), ASSAY_OK);
    assert_string_equal(spec->description, "");
    assert_false(spec->model.sha256_declared);
    assert_false(spec->benchmark.sha256_declared);
    assert_int_equal(spec->chat, ASSAY_CHAT_MODEL);
    assert_string_equal(spec->system, "");
    assert_string_equal(spec->rules[0].pattern, "(?m)^[^\\S\\n]*(\\S.*?)[^\\S\\n]*$");
    assert_int_equal(spec->stop_count, 0);
    assert_int_equal(spec->sets, 1);
    const struct assay_profile *p = &spec->profiles[0];
    assert_int_equal(p->temperature_milli, 1000);
    assert_int_equal(p->top_p_milli, 1000);
    assert_int_equal(p->top_k, 0);
    assert_int_equal(p->min_p_milli, 0);
    assert_int_equal(p->repetition_penalty_milli, 1000);
    assert_int_equal(p->draw, ASSAY_DRAW_STRAT);
    assay_spec_destroy(spec);
}

/* --- one line changed: taken, or refused with the message beginning so ----------------------- */

#define NAME_48 "n23456789.123456789.123456789.123456789.12345678"
#define NAME_64 NAME_48 "9.123456789.1234"

struct change {
    size_t line;
    const char *text;
    enum assay_status status;
    const char *message; /* NULL where it is taken */
};

static void check_changes(const struct change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[SPEC_TEXT_BYTES];
        struct assay_error err = {0};
        struct assay_spec *spec = NULL;
        size_t size = spec_text(text, changes[i].line, changes[i].text);
        enum assay_status status = assay_spec_parse(&spec, text, size, &err);
        if (status != changes[i].status)
            print_error("line %zu \"%s\": %s\n", changes[i].line,
                        changes[i].text ? changes[i].text : "left out", err.text);
        assert_int_equal(status, changes[i].status);
        if (status && strncmp(err.text, changes[i].message, strlen(changes[i].message)) != 0)
            assert_string_equal(err.text, changes[i].message);
        assert_int_equal(status != ASSAY_OK, spec == NULL);
        assay_spec_destroy(spec);
    }
}
#define CHECK(changes) check_changes(changes, sizeof changes / sizeof changes[0])

#define TAKEN ASSAY_OK, NULL
#define VALUE ASSAY_EVALUE
#define FORMAT ASSAY_EFORMAT
#define NEVER ASSAY_EUNSUPPORTED

static void top_level_values(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {1, "assay: 2", NEVER, "1:1: assay is 2: this program reads version 1"},
        {1, "assay: 4294967295", NEVER, "1:1: assay is 4294967295: this program"},
        {1, "assay: 0", VALUE, "1:1: assay is \"0\": it must be 1"},
        {1, "assay: one", VALUE, "1:1: assay is \"one\": it must be 1"},
        {1, "assay: [1]", VALUE, "1:1: assay is a list: it must be 1"},
        {1, NULL, FORMAT, "1:1: the first key must be \"assay: 1\", the version of this format; "},
        {2, "name: " NAME_64, TAKEN},
        {2, "name: " NAME_64 "x", VALUE,
         "2:1: name is \"" NAME_64 "x\": it must be 1 to 64 characters of a-z, 0-9, \".\", \"_\" "
         "and \"-\""},
        {2, "name: Quick", VALUE, "2:1: name is \"Quick\": it must be 1 to 64"},
        {2, "name: a/b", VALUE, "2:1: name is \"a/b\""},
        {2, "name: \"\"", VALUE, "2:1: name is \"\": it must be 1 to 64"},
        {2, "name: 1.10", TAKEN},
        {2, "name:", VALUE, "2:1: name has no value: it must be 1 to 64"},
        {2, "name: ~", VALUE, "2:1: name has no value"},
        {2, "name: null", VALUE, "2:1: name has no value"},
        {2, "name: 'null'", TAKEN},
        {2, "name: [a]", VALUE, "2:1: name is a list: it must be 1 to 64"},
        {2, "name: {a: b}", VALUE, "2:1: name is a mapping: it must be 1 to 64"},
        {2, NULL, FORMAT, "1:1: the spec needs the key \"name\""},
        {3, NULL, TAKEN},
        {3, "description: \"\"", TAKEN},
        {3, "description:", VALUE, "3:1: description has no value: it must be a text of 0 to"},
        {3, "desciption: x", FORMAT,
         "3:1: unknown key \"desciption\" in the spec; did you mean \"description\"?"},
        {3, "zzzzzzzz: x", FORMAT,
         "3:1: unknown key \"zzzzzzzz\" in the spec; it has assay, name, description, model, "
         "benchmark, prompt, answer, max_tokens, replicates, sets, seed, kv, profiles"},
        {3, "name: again", FORMAT, "3:1: the key \"name\" stands twice (first on line 2)"},
        {17, "max_tokens: 65536", TAKEN},
        {17, "max_tokens: 65537", VALUE,
         "17:1: max_tokens is \"65537\": it must be a whole number from 1 to 65536"},
        {17, "max_tokens: 0", VALUE, "17:1: max_tokens is \"0\": it must be a whole"},
        {17, NULL, FORMAT, "1:1: the spec needs the key \"max_tokens\""},
        {18, "replicates: 65536", TAKEN},
        {18, "replicates: six", VALUE,
         "18:1: replicates is \"six\": it must be a whole number from 1 to 65536"},
        {18, "replicates: 65537", VALUE, "18:1: replicates is \"65537\""},
        {18, "replicates: 8.0", VALUE, "18:1: replicates is \"8.0\""},
        {18, "replicates: +8", VALUE, "18:1: replicates is \"+8\""},
        {18, "replicates: -8", VALUE, "18:1: replicates is \"-8\""},
        {18, "replicates: 0x8", VALUE, "18:1: replicates is \"0x8\""},
        {18, "replicates: 1_0", VALUE, "18:1: replicates is \"1_0\""},
        {18, "replicates: 08", VALUE,
         "18:1: replicates is \"08\": it must be a whole number from 1 to 65536, without leading "
         "zeros"},
        {18, "replicates: \"8\"", TAKEN},
        {18, "replicates: 99999999999999999999", VALUE, "18:1: replicates is \"99999999999999"},
        {18, NULL, FORMAT, "1:1: the spec needs the key \"replicates\""},
    };
    CHECK(changes);
}

static void more_top_level_values(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {19, NULL, TAKEN},
        {19, "sets: 2\nkv: f16", TAKEN},
        {19, "sets: 2\nkv: f32", TAKEN},
        {19, "sets: 2\nkv: f8", VALUE, "20:1: kv is \"f8\": it must be f16 or f32"},
        {19, "sets: 2\nkv: F32", VALUE, "20:1: kv is \"F32\": it must be f16 or f32"},
        {19, "sets: 2\nkw: f32", FORMAT,
         "20:1: unknown key \"kw\" in the spec; did you mean \"kv\"?"},
        {19, "sets: 8", TAKEN},
        {19, "sets: 3", VALUE, "19:1: sets is 3: it must divide replicates, 8"},
        {19, "sets: 16", VALUE, "19:1: sets is 16: it must divide replicates, 8"},
        {19, "sets: 0", VALUE, "19:1: sets is \"0\": it must be a whole number from 1 to 65536"},
        {20, "seed: 0", TAKEN},
        {20, "seed: 9223372036854775807", TAKEN},
        {20, "seed: 9223372036854775808", VALUE,
         "20:1: seed is \"9223372036854775808\": it must be a whole number from 0 to "
         "9223372036854775807"},
        {20, NULL, FORMAT, "1:1: the spec needs the key \"seed\""},
    };
    CHECK(changes);
}

static void values_in_blocks(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {4, "mode:", FORMAT, "4:1: unknown key \"mode\" in the spec; did you mean \"model\"?"},
        {5, NULL, FORMAT, "4:1: model needs the key \"path\""},
        {5, "  path: \"\"", VALUE, "5:3: path is \"\": it must be a text of 1 to 4095 bytes"},
        {5, "  pth: x", FORMAT, "5:3: unknown key \"pth\" in model; did you mean \"path\"?"},
        {5, "  url: x", FORMAT, "5:3: unknown key \"url\" in model; it has path, sha256"},
        {6, NULL, TAKEN},
        {6, "  sha256: " SHA_A "a", VALUE,
         "6:3: sha256 is \"" SHA_A "a\": it must be 64 hexadecimal digits"},
        {6, "  sha256: abc", VALUE, "6:3: sha256 is \"abc\": it must be 64 hexadecimal digits"},
        {7, "answer: {}\nbenchmark:", FORMAT,
         "15:1: the key \"answer\" stands twice (first on line 7)"},
        {8, NULL, FORMAT, "7:1: benchmark needs the key \"path\""},
        {9, "  sha256: []", VALUE, "9:3: sha256 is a list: it must be 64 hexadecimal digits"},
        {11, "  chat: none", TAKEN},
        {11, "  chat: raw", VALUE, "11:3: chat is \"raw\": it must be model, none, chatml"},
        {11, "  chat: Model", VALUE, "11:3: chat is \"Model\": it must be model, none, chatml"},
        {12, "  system: ''", TAKEN},
        {12, "  system: '{'", TAKEN},
        {12, "  system: null", VALUE, "12:3: system has no value"},
        {13, NULL, FORMAT, "10:1: prompt needs the key \"user\""},
        {13, "  user: \"\"", VALUE, "13:3: user is \"\": it must be a text of 1 to 1048576 bytes "},
        {13, "  user: no field", VALUE,
         "13:3: user is \"no field\": it must be a text of 1 to 1048576 bytes with at least one "
         "{field}"},
        {13, "  user: '{{q}}'", VALUE, "13:3: user is \"{{q}}\": it must be a text of"},
        {13, "  user: '{{{q}}}'", TAKEN},
        {13, "  user: '{q} é{ x'", VALUE,
         "13:3: user: \"{\" at character 6 is never closed; a literal brace is doubled"},
        {13, "  user: '{q} é}'", VALUE, "13:3: user: \"}\" at character 6 closes nothing"},
        {13, "  user: '{}'", VALUE, "13:3: user: the field \"\" at character 1: a field's name"},
        {13, "  user: '{a b}'", VALUE, "13:3: user: the field \"a b\" at character 1: a field's"},
        {15, NULL, TAKEN},
        {15, "  extract: '(?:a|b)(c)'", TAKEN},
        {15, "  extract: '(a'", VALUE, "15:3: extract: pattern at offset 2: missing closing par"},
        {15, "  extract: 'a'", VALUE,
         "15:3: extract has 0 capture groups: it must have exactly one"},
        {15, "  extract: '(a)(b)'", VALUE, "15:3: extract has 2 capture groups: it must have"},
        {15, "  extract: ''", VALUE, "15:3: extract is \"\": it must be a regular expression"},
        {16, NULL, TAKEN},
        {16, "  stop: []", TAKEN},
        {16, "  stop: [1,2,3,4,5,6,7,8,9,a,b,c,d,e,f,g]", TAKEN},
        {16, "  stop: [1,2,3,4,5,6,7,8,9,a,b,c,d,e,f,g,h]", VALUE,
         "16:3: stop has 17 entries: it must be a list of at most 16 texts of 1 to 256 bytes"},
        {16, "  stop: END", VALUE, "16:3: stop is \"END\": it must be a list of at most 16"},
        {16, "  stop: [a, \"\"]", VALUE,
         "16:13: a stop text is \"\": it must be a text of 1 to 256 bytes"},
        {16, "  stop: [a, [b]]", VALUE, "16:13: a stop text is a list: it must be"},
        {16, "  stop:\n    - a\n    - ~", VALUE, "18:7: a stop text has no value"},
        {14, "answer: [x]\nmodel:", FORMAT,
         "15:1: the key \"model\" stands twice (first on line 4)"},
    };
    CHECK(changes);
}

static void profiles(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {22, "  - name: " NAME_48, TAKEN},
        {22, "  - name: " NAME_48 "x", VALUE,
         "22:5: name is \"" NAME_48 "x\": it must be 1 to 48 characters"},
        {22, "  - name: warm", VALUE, "29:6: profiles: two are named \"warm\" (lines 22 and 29)"},
        {22, "  - draw: iid", FORMAT, "28:5: the key \"draw\" stands twice (first on line 22)"},
        {28, "    name: x", FORMAT, "28:5: the key \"name\" stands twice (first on line 22)"},
        {23, "    temprature: 0.3", FORMAT,
         "23:5: unknown key \"temprature\" in a profile; did you mean \"temperature\"?"},
        {23, "    temperature: 0", TAKEN},
        {23, "    temperature: 10", TAKEN},
        {23, "    temperature: 10.000", TAKEN},
        {23, "    temperature: 10.001", VALUE,
         "23:5: temperature is \"10.001\": it must be a decimal from 0 to 10"},
        {23, "    temperature: 0.0001", VALUE,
         "23:5: temperature is \"0.0001\": it must be a decimal from 0 to 10, with at most 3 "
         "decimals"},
        {23, "    temperature: 1e0", VALUE, "23:5: temperature is \"1e0\""},
        {23, "    temperature: .5", VALUE, "23:5: temperature is \".5\""},
        {23, "    temperature: 0,5", VALUE, "23:5: temperature is \"0,5\""},
        {23, "    temperature: -0.5", VALUE, "23:5: temperature is \"-0.5\""},
        {23, "    temperature: .inf", VALUE, "23:5: temperature is \".inf\""},
        {23, "    temperature: 00.5", VALUE,
         "23:5: temperature is \"00.5\": it must be a decimal "},
        {24, "    top_p: 0.001", TAKEN},
        {24, "    top_p: 0", VALUE, "24:5: top_p is \"0\": it must be a decimal from 0.001 to 1"},
        {24, "    top_p: 1.5", VALUE,
         "24:5: top_p is \"1.5\": it must be a decimal from 0.001 to 1"},
        {25, "    top_k: 1000000", TAKEN},
        {25, "    top_k: 1000001", VALUE,
         "25:5: top_k is \"1000001\": it must be a whole number from 0 to 1000000"},
        {26, "    min_p: 1", TAKEN},
        {26, "    min_p: 1.001", VALUE,
         "26:5: min_p is \"1.001\": it must be a decimal from 0 to 1"},
        {27, "    repetition_penalty: 0.1", TAKEN},
        {27, "    repetition_penalty: 0.099", VALUE,
         "27:5: repetition_penalty is \"0.099\": it must be a decimal from 0.1 to 10"},
        {27, "    repetition_penalty: 10.001", VALUE, "27:5: repetition_penalty is \"10.001\""},
        {28, "    draw: iid", TAKEN},
        {28, "    draw: lhs", TAKEN},
        {28, "    draw: strat", TAKEN},
        {28, "    draw: random", VALUE,
         "28:5: draw is \"random\": it must be iid, lhs, strat or lattice"},
        {29, "  - {draw: iid}", FORMAT, "29:5: a profile needs the key \"name\""},
        {29, "  - warm", VALUE, "29:5: a profile must be a mapping of keys"},
        {29, "  - {name: warm, top_p: 2}", VALUE, "29:18: top_p is \"2\": it must be a decimal"},
        {29, "model: {path: x}", FORMAT, "29:1: the key \"model\" stands twice (first on line 4)"},
    };
    CHECK(changes);
}

static void yaml_beyond_the_subset(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {2, "name: &a x", NEVER, "2:7: the anchor &a: anchors are not taken"},
        {2, "&a name: x", NEVER, "2:1: the anchor &a"},
        {16, "  stop: &a [x]", NEVER, "16:9: the anchor &a"},
        {2, "name: *a", NEVER, "2:7: the alias *a: write the value out"},
        {2, "*a : x", NEVER, "2:1: the alias *a"},
        {2, "name: !!str x", NEVER, "2:7: the tag \"tag:yaml.org,2002:str\": tags are not taken"},
        {16, "  stop: !list [x]", NEVER, "16:9: the tag \"!list\""},
        {29, "  - !profile {name: x}", NEVER, "29:5: the tag \"!profile\""},
        {29, "---\nassay: 1", NEVER, "29:1: a second document: a file holds one"},
        {29, "...\nx", FORMAT, "30:1: not YAML: did not find expected <document start>"},
        {29, "...\n---\nx", NEVER, "30:1: a second document"},
        {29, "...", TAKEN},
        {1, "%TAG ! tag:x,2026:\n---\nassay: 1", NEVER, "1:1: a %TAG directive"},
        {1, "# a comment\n---\nassay: 1", TAKEN},
        {2, "? [name]\n: x", FORMAT, "2:3: a key that is a list or a mapping: keys are words"},
        {2, "{name: x}: y", FORMAT, "2:1: a key that is a list or a mapping"},
        {2, "<<: {name: x}", FORMAT, "2:1: unknown key \"<<\" in the spec"},
        {12, "  system: \"a\\0b\"", FORMAT, "12:11: a NUL character in a text"},
        {12, "  system: \"a\xff\"", FORMAT, "12:13: the byte 0xff is not UTF-8"},
        {12, "  system: é\xc3", FORMAT, "12:12: the byte 0xc3 is not UTF-8"},
        {12, "  system: é\x01", FORMAT, "12:12: not YAML: control characters are not allowed"},
        {12, "  system: \"\\ud800\"", FORMAT, "12:"},
        {29, "  - {name: \"open", FORMAT,
         "30:1: not YAML: found unexpected end of stream while scanning a quoted scalar from line "
         "29"},
        {12, " system: x", FORMAT, "12:2: not YAML: did not find expected key"},
        {12, "\tsystem: x", FORMAT, "12:1: not YAML: found a tab character that"},
        {12, "  system: [[[[[[[[[[x]]]]]]]]]]", VALUE, "12:17: nested too deeply"},
        {12, "  system: |\n    a\n    b", TAKEN},
        {3, "description: [a: b, {c: [d]}]", VALUE,
         "3:1: description is a list: it must be a text"},
    };
    CHECK(changes);
}

/* --- whole texts ----------------------------------------------------------------------------- */

static void whole_texts_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        enum assay_status status;
        const char *message;
    } rows[] = {
        {NULL, 0, FORMAT, "1:1: the file is empty"},
        {"# words\n", 8, FORMAT, "1:1: the file is empty"},
        {"assay", 5, FORMAT, "1:1: the spec is a mapping of keys, this is a text"},
        {"- 1\n", 4, FORMAT, "1:1: the spec is a mapping of keys, this is a list"},
        {"{}", 2, FORMAT, "1:1: the first key must be \"assay: 1\", the version of this format"},
        {"name: x\nassay: 1\n", 17, FORMAT,
         "1:1: the first key must be \"assay: 1\", the version of this format; it is \"name\""},
        {"assay: 1\n", 9, FORMAT, "1:1: the spec needs the key \"name\""},
        {"assay: 2\nnew: [key]\n", 20, NEVER, "1:1: assay is 2: this program reads version 1"},
        {"assay: 1\0", 9, FORMAT, "1:9: a NUL byte"},
        {"a\0\0", 3, FORMAT, "1:2: a NUL byte"},
        {"\xff\xfe"
         "a",
         3, FORMAT, "1:1: the byte 0xff is not UTF-8"},
        {"\xef\xbb\xbf"
         "assay: 1\n",
         12, FORMAT, "1:"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct assay_error err;
        struct assay_spec *spec = NULL;
        enum assay_status status = assay_spec_parse(&spec, rows[i].text, rows[i].size, &err);
        if (status == ASSAY_OK || strncmp(err.text, rows[i].message, strlen(rows[i].message)) != 0)
            assert_string_equal(status ? err.text : "taken", rows[i].message);
        assert_int_equal(status, rows[i].status);
        assert_int_equal(err.status, rows[i].status);
        assert_null(spec);
        assert_int_equal(assay_spec_parse(&spec, rows[i].text, rows[i].size, NULL), status);
    }
}

static void counts_have_limits(void **state)
{
    (void)state;
    size_t size = ASSAY_SPEC_BYTES_MAX + 1;
    char *text = malloc(size);
    assert_non_null(text);
    struct assay_error err;
    struct assay_spec *spec = NULL;
    memset(text, '#', size);
    assert_int_equal(assay_spec_parse(&spec, text, size, &err), ASSAY_EVALUE);
    assert_string_equal(err.text, "the spec has 1048577 bytes: at most 1048576");
    assert_int_equal(assay_spec_parse(&spec, text, size - 1, &err), ASSAY_EFORMAT);

    for (unsigned profiles_wanted = 64; profiles_wanted <= 257; profiles_wanted++) {
        size_t used = spec_text(text, 29, NULL);
        for (unsigned i = 1; i < profiles_wanted; i++)
            used += (size_t)snprintf(text + used, size - used, "  - {name: p%u}\n", i);
        enum assay_status status = assay_spec_parse(&spec, text, used, &err);
        assert_int_equal(status, profiles_wanted == 64 ? ASSAY_OK : ASSAY_EVALUE);
        if (profiles_wanted == 64) assay_spec_destroy(spec);
        if (profiles_wanted == 65)
            assert_string_equal(err.text, "21:1: profiles has 65 entries: it must be a list of 1 "
                                          "to 64 profiles");
        if (profiles_wanted == 257)
            assert_string_equal(err.text, "284:5: too many entries here: at most 256");
    }
    free(text);
}

/* Checking a template takes time in proportion to its length; else this one would take minutes. */
static void many_fields(void **state)
{
    (void)state;
    enum { FIELDS = 300000 };
    char *text = malloc(SPEC_TEXT_BYTES + 3 * FIELDS);
    assert_non_null(text);
    spec_text(text, 13, "  user: '");
    char *end = strstr(text, "  user: '") + strlen("  user: '");
    char rest[SPEC_TEXT_BYTES];
    snprintf(rest, sizeof rest, "'%s", end);
    for (size_t i = 0; i < FIELDS; i++, end += 3) memcpy(end, "{q}", 3);
    memcpy(end, rest, strlen(rest) + 1);
    struct assay_error err = {0};
    struct assay_spec *spec = NULL;
    if (assay_spec_parse(&spec, text, strlen(text), &err)) fail_msg("%s", err.text);
    assert_int_equal(strlen(spec->prompt), 3 * FIELDS);
    assay_spec_destroy(spec);
    free(text);
}

static void no_profiles(void **state)
{
    (void)state;
    char text[SPEC_TEXT_BYTES];
    struct assay_error err;
    struct assay_spec *spec = NULL;
    spec_text(text, 0, NULL);
    char *profiles_at = strstr(text, "profiles:");
    *profiles_at = 0;
    assert_int_equal(assay_spec_parse(&spec, text, strlen(text), &err), ASSAY_EFORMAT);
    assert_string_equal(err.text, "1:1: the spec needs the key \"profiles\"");
    snprintf(profiles_at, 32, "profiles: []");
    assert_int_equal(assay_spec_parse(&spec, text, strlen(text), &err), ASSAY_EVALUE);
    assert_string_equal(err.text,
                        "21:1: profiles has 0 entries: it must be a list of 1 to 64 profiles");
}

static void draws_have_names(void **state)
{
    (void)state;
    assert_string_equal(assay_draw_name(ASSAY_DRAW_IID), "iid");
    assert_string_equal(assay_draw_name(ASSAY_DRAW_LATTICE), "lattice");
    assert_null(assay_draw_name((enum assay_draw)4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_arrives),
        cmocka_unit_test(absent_keys_have_defaults),
        cmocka_unit_test(top_level_values),
        cmocka_unit_test(more_top_level_values),
        cmocka_unit_test(values_in_blocks),
        cmocka_unit_test(profiles),
        cmocka_unit_test(yaml_beyond_the_subset),
        cmocka_unit_test(whole_texts_refused),
        cmocka_unit_test(counts_have_limits),
        cmocka_unit_test(many_fields),
        cmocka_unit_test(no_profiles),
        cmocka_unit_test(draws_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
