/* Chat templates: which are recognised, what they make, and which are refused. The expected texts
 * are those of jinja2 with the same templates; those of most families come from golden/chat.txt. */
#include "patch.h"

#include "base/arena.h"
#include "model/chat.h"
#include "model/model_parse.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOP "{% for message in messages %}"
#define MESSAGE                                                                                    \
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
#define ANSWER                                                                                     \
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
#define DEFAULT(text)                                                                              \
    "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n" text         \
    "<|im_end|>\n' }}{% endif %}"

/* SmolLM2, with line feeds in its literals. */
static const char smollm2[] =
    LOOP DEFAULT("You are a helpful AI assistant named SmolLM, trained by Hugging Face")
        MESSAGE ANSWER;

/* Qwen2.5-Instruct, with \n in its literals; the tools' middle part is left out. */
static const char qwen25[] =
    "{%- if tools %}\n    {{- '<|im_start|>system\\n' }}\n"
    "    {%- if messages[0]['role'] == 'system' %}\n        {{- messages[0]['content'] }}\n"
    "    {%- else %}\n        {{- 'You are Qwen, created by Alibaba Cloud. You are a helpful "
    "assistant.' }}\n    {%- endif %}\n    {{- \"\\n\\n# Tools\\n\" }}\n"
    "{%- else %}\n    {%- if messages[0]['role'] == 'system' %}\n"
    "        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}\n"
    "    {%- else %}\n        {{- '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. "
    "You "
    "are a helpful assistant.<|im_end|>\\n' }}\n    {%- endif %}\n{%- endif %}\n"
    "{%- for message in messages %}\n"
    "    {%- if (message.role == \"user\") or (message.role == \"system\" and not loop.first) or "
    "(message.role == \"assistant\" and not message.tool_calls) %}\n"
    "        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' "
    "}}\n"
    "    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n"
    "    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}\n";

/* ChatML as in many fine-tunes: no default, the end in one literal, a comment. */
static const char plain[] = "{# ChatML: it's plain #}\n{% for message in messages %}{{ "
                            "\"<|im_start|>\" + message['role'] + "
                            "\"\\n\" + message['content'] + \"<|im_end|>\\n\" }}" ANSWER;

static enum assay_status render(const char *template, const char *system, const char *user,
                                struct assay_bytes *out, struct assay_error *err)
{
    const struct assay_test_gguf_options options = {.layers = 1, .chat_template = template};
    struct assay_bytes bytes = patch_image(&options);
    struct assay_model *model = NULL;
    check_ok(assay_model_parse(&model, bytes.data, bytes.size, err), err);
    enum assay_status status =
        assay_chat_render(model, ASSAY_CHAT_MODEL,
                          &(struct assay_chat_talk){.system = system, .user = user}, out, err);
    assay_model_close(model);
    assay_bytes_fini(&bytes);
    return status;
}

static void test_rendered(void **state)
{
    (void)state;
    static const struct {
        const char *template, *system, *user, *expected;
    } rows[] = {
        {smollm2, "", "Hi",
         "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
         "Face<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"},
        {smollm2, "Be brief.", "Hi",
         "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
         "<|im_start|>assistant\n"},
        {qwen25, "", "Hi\n",
         "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful "
         "assistant.<|im_end|>\n<|im_start|>user\nHi\n<|im_end|>\n<|im_start|>assistant\n"},
        {qwen25, "S", "",
         "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n<|im_end|>\n<|im_start|>assistant\n"},
        {plain, "", "%s", "<|im_start|>user\n%s<|im_end|>\n<|im_start|>assistant\n"},
        {plain, NULL, "x", "<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n"},
        {LOOP DEFAULT("It\\'s \\\\ on.") MESSAGE ANSWER, "", "x",
         "<|im_start|>system\nIt's \\ on.<|im_end|>\n<|im_start|>user\nx<|im_end|>\n"
         "<|im_start|>assistant\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_bytes out = {0};
        struct assay_error err;
        check_ok(assay_bytes_append(&out, ">", 1, &err), &err);
        check_ok(render(rows[i].template, rows[i].system, rows[i].user, &out, &err), &err);
        assert_string_equal((const char *)out.data + 1, rows[i].expected);
        assay_bytes_fini(&out);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *template, *message;
    } rows[] = {
        {"", "the model file has no chat template"},
        {"{{ bos_token }}[INST] {{ messages[0]['content'] }} [/INST]",
         "a family that assay knows: \"{{ bos_token }}[INST] {{ messages"},
        {LOOP "{{ '[INST] ' + message['content'] + ' [/INST]' }}{% endfor %}",
         "it puts no token in front of the messages"},
        {"x", "prompt.chat may name one: chatml, llama3, "},
        {"{{ bos_token }}" LOOP MESSAGE ANSWER, "it puts a token in front of the messages"},
        {LOOP MESSAGE "{% endfor %}", "not made of the forms of a family"},
        {LOOP "{{'<|im_start|>' + message['role'] + '\n' + message['content'] | trim + "
              "'<|im_end|>' + '\n'}}" ANSWER,
         "not made of the forms of a family"},
        {LOOP "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|eot|>'}}" ANSWER,
         "not made of the forms of a family"},
        {LOOP DEFAULT("A") DEFAULT("B") MESSAGE ANSWER, "it has no one default system message"},
        {"{% set s = 'You are.' %}{{ '<|im_start|>system\n' + s + '<|im_end|>\n' }}" LOOP MESSAGE
             ANSWER,
         "its system message is not a literal"},
        {"{{ '<|im_start|>system\n' ~ s }}" LOOP MESSAGE ANSWER,
         "its system message is not a literal"},
        {LOOP MESSAGE ANSWER "trailing text", "not made of the forms"},
        {LOOP MESSAGE ANSWER "{{ 'open", "not made of the forms"},
        {LOOP MESSAGE ANSWER "{{ open", "not made of the forms"},
        {LOOP MESSAGE ANSWER "{# open", "not made of the forms"},
        {LOOP MESSAGE ANSWER "{{ \x01 }}", "not made of the forms"},
        {LOOP MESSAGE ANSWER "{{ '\x02' }}", "not made of the forms"},
        {"{{ '\\", "not made of the forms"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_bytes out = {0};
        struct assay_error err;
        check_refused(render(rows[i].template, "", "x", &out, &err), ASSAY_EUNSUPPORTED, &err,
                      rows[i].message);
        assert_int_equal(out.size, 0);
        assay_bytes_fini(&out);
    }
}

/* The texts of ChatML's marks must be tokens, or the prompt would not be what the model knows. */
static void test_vocabulary(void **state)
{
    (void)state;
    struct assay_bytes bytes = patch_image(NULL), out = {0};
    struct assay_model *model = NULL;
    struct assay_error err;
    patch_text(&bytes, "<|im_start|>", "<|im_staat|>");
    check_ok(assay_model_parse(&model, bytes.data, bytes.size, &err), &err);
    check_refused(assay_chat_render(model, ASSAY_CHAT_MODEL, &(struct assay_chat_talk){.user = "x"},
                                    &out, &err),
                  ASSAY_EUNSUPPORTED, &err, "the vocabulary lacks <|im_start|> as a control token");
    assay_model_close(model);
    assay_bytes_fini(&out);
    assay_bytes_fini(&bytes);
}

/* A vocabulary of control tokens alone, and a template in front of it. */
struct fixture {
    struct assay_bytes bytes;
    struct assay_gguf *gguf;
    struct assay_arena arena;
    struct assay_vocab vocab;
    struct assay_chat_template chat;
};

static void open_fixture(struct fixture *f, const char *template)
{
    static const char *const texts[] = {"<|im_start|>",
                                        "<|im_end|>",
                                        "<|begin_of_text|>",
                                        "<|start_header_id|>",
                                        "<|end_header_id|>",
                                        "<|eot_id|>",
                                        "<s>",
                                        "<bos>",
                                        "<start_of_turn>",
                                        "<end_of_turn>"};
    int32_t types[COUNT_OF(texts)];
    struct assay_gguf_image image = {0};
    struct assay_error err;
    for (size_t i = 0; i < COUNT_OF(texts); i++) types[i] = ASSAY_TOKEN_CONTROL;
    *f = (struct fixture){.gguf = NULL};
    assay_gguf_image_texts(&image, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
    assay_gguf_image_i32s(&image, "tokenizer.ggml.token_type", types, COUNT_OF(texts));
    if (template) assay_gguf_image_text(&image, "tokenizer.chat_template", template);
    check_ok(assay_gguf_image_finish(&image, &f->bytes, &err), &err);
    assay_gguf_image_fini(&image);
    check_ok(assay_gguf_parse(&f->gguf, f->bytes.data, f->bytes.size, &err), &err);
    check_ok(assay_vocab_read(&f->vocab, ASSAY_VOCAB_BYTE_LEVEL, f->gguf, &f->arena, &err), &err);
    check_ok(assay_chat_read(&f->chat, f->gguf, &f->vocab, &f->arena, &err), &err);
}

static void close_fixture(struct fixture *f)
{
    assay_arena_fini(&f->arena);
    assay_gguf_destroy(f->gguf);
    assay_bytes_fini(&f->bytes);
}

/* A word in hexadecimal, ended by 0; "." is empty. Returns what stands behind it. */
static const char *unhex(const char *hex, char *to)
{
    for (unsigned byte; hex[0] > ' ' && hex[1] > ' '; hex += 2) {
        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        *to++ = (char)byte;
    }
    *to = 0;
    return hex + strspn(hex, ". ");
}

static enum assay_chat choice_of(const char *name)
{
    for (unsigned i = 0; i < ASSAY_CHAT_COUNT; i++) {
        size_t size = strlen(assay_chat_name((enum assay_chat)i));
        if (strncmp(name, assay_chat_name((enum assay_chat)i), size) == 0 && name[size] == ' ') {
            return (enum assay_chat)i;
        }
    }
    fail_msg("no family %s", name);
    return ASSAY_CHAT_COUNT;
}

/* By recognition and by name the text is jinja2's; where it raises, recognition refuses. */
static void check_rendered(const struct fixture *f, enum assay_chat family, const char *line)
{
    static char system[4096], user[4096], expected[8192];
    const char *at = unhex(unhex(line, system), user);
    bool raised = at[0] == '-';
    unhex(raised ? "." : at, expected);
    const enum assay_chat choices[] = {ASSAY_CHAT_MODEL, family};
    for (size_t i = 0; i < COUNT_OF(choices); i++) {
        struct assay_bytes out = {0};
        struct assay_error err;
        enum assay_status status = assay_chat_append(
            &f->chat, choices[i], &(struct assay_chat_talk){.system = system, .user = user}, &out,
            &err);
        if (raised && choices[i] == ASSAY_CHAT_MODEL) {
            check_refused(status, ASSAY_EUNSUPPORTED, &err, "has no place for a system message");
        } else {
            check_ok(status, &err);
            if (!raised) assert_string_equal((const char *)out.data, expected);
        }
        assay_bytes_fini(&out);
    }
}

/* "T system user assistant user text". */
static void check_turns(const struct fixture *f, const char *line)
{
    static char words[4][1 << 12], expected[1 << 13];
    struct assay_bytes out = {0};
    struct assay_error err;
    for (size_t i = 0; i < COUNT_OF(words); i++) line = unhex(line, words[i]);
    bool raised = line[0] == '-';
    unhex(raised ? "." : line, expected);
    const struct assay_chat_turn turn = {words[1], words[2]};
    const struct assay_chat_talk talk = {words[0], &turn, 1, words[3]};
    enum assay_status status = assay_chat_append(&f->chat, ASSAY_CHAT_MODEL, &talk, &out, &err);
    if (raised) {
        check_refused(status, ASSAY_EUNSUPPORTED, &err, "has no place for a system message");
    } else if (!f->chat.family->answer_close) {
        check_refused(status, ASSAY_EUNSUPPORTED, &err, "earlier turns are not supported");
    } else {
        check_ok(status, &err);
        assert_string_equal((const char *)out.data, expected);
    }
    assay_bytes_fini(&out);
}

static void test_families(void **state)
{
    (void)state;
    static char line[1 << 15], template[1 << 14];
    FILE *file = fopen(ASSAY_TESTS "/golden/chat.txt", "r");
    struct fixture f = {.gguf = NULL};
    enum assay_chat family = ASSAY_CHAT_NONE;
    unsigned rows = 0;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (line[0] == 'C') {
            close_fixture(&f);
            family = choice_of(line + 2);
            unhex(strchr(line + 2, ' ') + 1, template);
            open_fixture(&f, template);
            assert_non_null(f.chat.family);
            assert_int_equal(f.chat.family->choice, family);
        } else if (line[0] == 'R') {
            check_rendered(&f, family, line + 2);
            rows++;
        } else if (line[0] == 'T') {
            check_turns(&f, line + 2);
            rows++;
        }
    }
    assert_int_equal(rows, 56);
    close_fixture(&f);
    fclose(file);
}

/* A family by name needs no template, but its marks. */
static void test_by_name(void **state)
{
    (void)state;
    const struct assay_chat_talk x = {.user = "x"};
    struct fixture f;
    struct assay_bytes out = {0};
    struct assay_error err;
    open_fixture(&f, NULL);
    check_refused(assay_chat_append(&f.chat, ASSAY_CHAT_MODEL, &x, &out, &err), ASSAY_EUNSUPPORTED,
                  &err,
                  "the model file has no chat template; prompt.chat may name one: chatml, llama3, "
                  "llama3.1, mistral, mistral-v2, mistral-v3 or gemma, or be none");
    check_ok(assay_chat_append(&f.chat, ASSAY_CHAT_CHATML, &x, &out, &err), &err);
    assert_string_equal((const char *)out.data,
                        "<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n");
    close_fixture(&f);
    assay_bytes_fini(&out);

    struct assay_bytes bytes = patch_image(NULL);
    struct assay_model *model = NULL;
    check_ok(assay_model_parse(&model, bytes.data, bytes.size, &err), &err);
    check_refused(assay_chat_render(model, ASSAY_CHAT_GEMMA, &(struct assay_chat_talk){.user = "x"},
                                    &out, &err),
                  ASSAY_EUNSUPPORTED, &err,
                  "chat template gemma: the vocabulary lacks <bos> as a control token");
    assay_model_close(model);
    assay_bytes_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rendered),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_vocabulary), cmocka_unit_test(test_families),
        cmocka_unit_test(test_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
