/* Chat templates: which are recognised, what they make, and which are refused. The expected texts
 * are those of jinja2 with the same templates. */
#include "patch.h"

#include "model/model_parse.h"

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
    enum assay_status status = assay_chat_render(model, system, user, out, err);
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
         "not made of the forms of ChatML: \"{{ bos_token }}[INST] {{ messages"},
        {"{{ bos_token }}" LOOP MESSAGE ANSWER, "it puts a token in front of the messages"},
        {LOOP MESSAGE "{% endfor %}", "not made of the forms of ChatML"},
        {LOOP "{{'<|im_start|>' + message['role'] + '\n' + message['content'] | trim + "
              "'<|im_end|>' + '\n'}}" ANSWER,
         "not made of the forms of ChatML"},
        {LOOP "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|eot|>'}}" ANSWER,
         "not made of the forms of ChatML"},
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
    check_refused(assay_chat_render(model, "", "x", &out, &err), ASSAY_EUNSUPPORTED, &err,
                  "the vocabulary lacks <|im_start|> or <|im_end|>");
    assay_model_close(model);
    assay_bytes_fini(&out);
    assay_bytes_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rendered),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_vocabulary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
