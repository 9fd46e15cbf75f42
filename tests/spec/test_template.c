/* Prompt templates piece by piece, and the help made from the tables of keys. */
#include "base/bytes.h"
#include "spec/keys.h"
#include "spec/spec_help.h"
#include "spec/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define FIELD_64 "f23456789_123456789_123456789_123456789_123456789_123456789_1234"

/* Pieces as text: literals between bars, fields in angles. */
static enum assay_status walk(const char *template, struct assay_bytes *out,
                              struct assay_error *err)
{
    struct assay_template_piece piece;
    size_t position = 0;
    bool found = true;
    for (;;) {
        enum assay_status status = assay_template_next(template, &position, &found, &piece, err);
        if (status || !found) return status;
        status = assay_bytes_format(out, err, piece.is_field ? "<%.*s>" : "|%.*s|", (int)piece.size,
                                    piece.text);
        if (status) return status;
    }
}

static void pieces(void **state)
{
    (void)state;
    static const struct {
        const char *template;
        enum assay_status status;
        const char *expected;
    } rows[] = {
        {"{q}", ASSAY_OK, "<q>"},
        {"plain", ASSAY_OK, "|plain|"},
        {"a{q}b", ASSAY_OK, "|a|<q>|b|"},
        {"{a}{b-2}{C_3}", ASSAY_OK, "<a><b-2><C_3>"},
        {"{q.0:trim}", ASSAY_OK, "<q.0:trim>"},
        {"{{", ASSAY_OK, "|{|"},
        {"}}", ASSAY_OK, "|}|"},
        {"{{q}}", ASSAY_OK, "|{||q||}|"},
        {"{{{q}}}", ASSAY_OK, "|{|<q>|}|"},
        {"{{{{q}}}}", ASSAY_OK, "|{||{||q||}||}|"},
        {"é{q}é", ASSAY_OK, "|é|<q>|é|"},
        {"{" FIELD_64 "}", ASSAY_OK, "<" FIELD_64 ">"},
        {"{" FIELD_64 "x}", ASSAY_EFORMAT, "the field \"" FIELD_64 "x\" at character 1"},
        {"{", ASSAY_EFORMAT, "\"{\" at character 1 is never closed"},
        {"}", ASSAY_EFORMAT, "\"}\" at character 1 closes nothing"},
        {"{q", ASSAY_EFORMAT, "\"{\" at character 1 is never closed"},
        {"éé{q", ASSAY_EFORMAT, "\"{\" at character 3 is never closed"},
        {"{q}}", ASSAY_EFORMAT, "\"}\" at character 4 closes nothing"},
        {"{q{r}}", ASSAY_EFORMAT, "\"{\" at character 1 is never closed"},
        {"{{q}", ASSAY_EFORMAT, "\"}\" at character 4 closes nothing"},
        {"{}", ASSAY_EFORMAT, "the field \"\" at character 1: a field's name has 1 to 64"},
        {"{ q}", ASSAY_EFORMAT, "the field \" q\" at character 1"},
        {"{q!r}", ASSAY_EFORMAT, "the field \"q!r\" at character 1"},
        {"{é}", ASSAY_EFORMAT, "the field \"é\" at character 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct assay_bytes out = {0};
        struct assay_error err = {0};
        assert_int_equal(walk(rows[i].template, &out, &err), rows[i].status);
        if (rows[i].status == ASSAY_OK)
            assert_string_equal((const char *)out.data, rows[i].expected);
        else if (!strstr(err.text, rows[i].expected))
            assert_string_equal(err.text, rows[i].expected);
        assay_bytes_fini(&out);
    }
}

static void help_names_every_key(const struct spec_key *keys, const char *help)
{
    for (const struct spec_key *key = keys; key->name; key++) {
        struct assay_bytes line = {0};
        char expects[SPEC_EXPECTS_BYTES];
        assay_spec_expects(key, expects);
        assert_true(strlen(expects) > 0 && strlen(expects) < SPEC_EXPECTS_BYTES - 1);
        const char *value = key->type == SPEC_BLOCK ? "" : expects;
        assert_int_equal(
            assay_bytes_format(&line, NULL, "%s:%s%s", key->name, *value ? " " : "", value),
            ASSAY_OK);
        if (!strstr(help, (const char *)line.data)) fail_msg("no %s", (const char *)line.data);
        assay_bytes_fini(&line);
        if (key->keys) help_names_every_key(key->keys, help);
    }
}

static void help(void **state)
{
    (void)state;
    struct assay_bytes out = {0};
    struct assay_error err;
    assert_int_equal(assay_spec_help(&out, &err), ASSAY_OK);
    const char *text = (const char *)out.data;
    help_names_every_key(assay_spec_keys(), text);
    static const char *const lines[] = {
        "assay: 1 (required)\n",
        "\n  top_p: a decimal from 0.001 to 1, with at most 3 decimals (default: 1)\n",
        "\n  repetition_penalty: a decimal from 0.1 to 10, with at most 3 decimals (default: 1)\n",
        "\n  draw: iid, lhs, strat or lattice (default: strat)\n",
        ("\n  chat: model, none, chatml, llama3, llama3.1, mistral, mistral-v2, mistral-v3 or "
         "gemma (default: model)\n"),
        "\n  system: a text of 0 to 1048576 bytes (default: empty)\n",
        "\nsets: a whole number from 1 to 65536 (default: 1)\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (!strstr(text, lines[i])) fail_msg("no %s", lines[i]);
    assay_bytes_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces),
        cmocka_unit_test(help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
