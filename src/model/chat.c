/* ChatML is recognised in two steps. The template is reduced: of its statements and expressions the
 * white space outside of literals goes, literals are decoded and set between OPEN and CLOSE,
 * literals joined by + become one, and x.y becomes x['y']. Then it must contain ChatML's
 * expression for a message and the opening of the answer; a literal that is a whole system message
 * is the default one. */
#include "model/chat.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define OPEN "\x01"
#define CLOSE "\x02"
#define FIELD(name) "message[" OPEN name CLOSE "]"

static const char message_form[] =
    OPEN "<|im_start|>" CLOSE "+" FIELD("role") "+" OPEN "\n" CLOSE
                                                "+" FIELD("content") "+" OPEN "<|im_end|>\n" CLOSE;
static const char answer_form[] = OPEN "<|im_start|>assistant\n" CLOSE;
static const char system_begin[] = OPEN "<|im_start|>system\n";
static const char system_end[] = "<|im_end|>\n" CLOSE;

enum { QUOTE_BYTES = 160 };

/* --- reducing a template --- */

/* `to` has room for three times the template: x.y grows most. */
struct reducer {
    const char *from, *end;
    char *to;
    size_t size;
};

static void emit(struct reducer *reducer, char byte)
{
    reducer->to[reducer->size++] = byte;
}

static bool at(const struct reducer *reducer, const char *text)
{
    size_t size = strlen(text);
    return (size_t)(reducer->end - reducer->from) >= size && memcmp(reducer->from, text, size) == 0;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The character behind a backslash in a literal. */
static char unescape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    default:
        return c;
    }
}

/* A literal from its quotation mark on. False if it does not end. */
static bool reduce_literal(struct reducer *reducer)
{
    char quote = *reducer->from++;
    bool joined = reducer->size >= 2 && reducer->to[reducer->size - 1] == '+' &&
                  reducer->to[reducer->size - 2] == CLOSE[0];
    if (joined) {
        reducer->size -= 2;
    } else {
        emit(reducer, OPEN[0]);
    }
    for (; reducer->from < reducer->end; reducer->from++) {
        char c = *reducer->from;
        if (c == quote) {
            reducer->from++;
            emit(reducer, CLOSE[0]);
            return true;
        }
        if (c == OPEN[0] || c == CLOSE[0]) return false;
        if (c == '\\' && reducer->from + 1 < reducer->end) c = unescape(*++reducer->from);
        emit(reducer, c);
    }
    return false;
}

/* .name becomes ['name'], except behind a call or a number, where the form does not matter. */
static void reduce_attribute(struct reducer *reducer)
{
    reducer->from++;
    emit(reducer, '[');
    emit(reducer, OPEN[0]);
    while (reducer->from < reducer->end && is_word(*reducer->from)) {
        emit(reducer, *reducer->from++);
    }
    emit(reducer, CLOSE[0]);
    emit(reducer, ']');
}

/* From behind "{{" or "{%" to behind its end. A space stays between two words ("not x"). */
static bool reduce_code(struct reducer *reducer, const char *end)
{
    while (reducer->from < reducer->end) {
        char c = *reducer->from;
        if (at(reducer, end)) {
            reducer->from += strlen(end);
            emit(reducer, '\n');
            return true;
        }
        if (c == '\'' || c == '"') {
            if (!reduce_literal(reducer)) return false;
        } else if (c == '.' && reducer->from + 1 < reducer->end && is_word(reducer->from[1])) {
            reduce_attribute(reducer);
        } else if (is_space(c)) {
            while (reducer->from < reducer->end && is_space(*reducer->from)) reducer->from++;
            bool between = reducer->from < reducer->end && is_word(*reducer->from) &&
                           reducer->size > 0 && is_word(reducer->to[reducer->size - 1]);
            if (between) emit(reducer, ' ');
        } else if (c == OPEN[0] || c == CLOSE[0]) {
            return false;
        } else {
            emit(reducer, c);
            reducer->from++;
        }
    }
    return false;
}

static bool skip_comment(struct reducer *reducer)
{
    for (; reducer->from < reducer->end; reducer->from++) {
        if (at(reducer, "#}")) {
            reducer->from += 2;
            return true;
        }
    }
    return false;
}

/* False where the template is not one of code and white space alone. */
static bool reduce(struct reducer *reducer)
{
    while (reducer->from < reducer->end) {
        bool is_code = at(reducer, "{{") || at(reducer, "{%");
        if (is_code) {
            const char *end = at(reducer, "{{") ? "}}" : "%}";
            reducer->from += 2;
            if (!reduce_code(reducer, end)) return false;
        } else if (at(reducer, "{#")) {
            reducer->from += 2;
            if (!skip_comment(reducer)) return false;
        } else if (is_space(*reducer->from)) {
            reducer->from++;
        } else {
            return false;
        }
    }
    return true;
}

/* --- recognising one --- */

static const char *find(const char *from, const char *end, const char *text)
{
    size_t size = strlen(text);
    for (; (size_t)(end - from) >= size; from++) {
        if (memcmp(from, text, size) == 0) return from;
    }
    return NULL;
}

/* What may stand behind a literal that opens a system message without closing it: the end of the
 * statement, or the user's own system message. */
static bool is_harmless_opening(const char *behind, const char *end)
{
    static const char own[] = "+messages[0][" OPEN "content" CLOSE "]+";
    size_t left = (size_t)(end - behind);
    return (left > 0 && behind[0] == '\n') ||
           (left >= strlen(own) && memcmp(behind, own, strlen(own)) == 0);
}

/* A literal which begins a system message: from behind system_begin to its CLOSE. */
static enum assay_status take_system(const char *from, const char *close, const char *end,
                                     struct assay_arena *arena, struct assay_chat *chat,
                                     struct assay_error *err)
{
    size_t size = (size_t)(close + 1 - from), tail = strlen(system_end);
    if (size < tail || memcmp(close + 1 - tail, system_end, tail) != 0) {
        if (!is_harmless_opening(close + 1, end)) {
            chat->refusal = "its system message is not a literal";
        }
        return ASSAY_OK;
    }
    size -= tail;
    const char *text = assay_arena_text(arena, from, size);
    if (!text) return assay_fail(err, ASSAY_EMEMORY, "no memory for a chat template");
    bool is_other = chat->default_system[0] && strcmp(chat->default_system, text) != 0;
    if (is_other || strlen(text) != size) {
        chat->refusal = "it has no one default system message";
    }
    chat->default_system = text;
    return ASSAY_OK;
}

static enum assay_status find_default_system(const char *from, const char *end,
                                             struct assay_arena *arena, struct assay_chat *chat,
                                             struct assay_error *err)
{
    while ((from = find(from, end, system_begin)) != NULL) {
        from += strlen(system_begin);
        const char *close = memchr(from, CLOSE[0], (size_t)(end - from));
        ASSAY_ASSERT(close != NULL); /* reduce has closed every literal */
        enum assay_status status = take_system(from, close, end, arena, chat, err);
        if (status) return status;
    }
    return ASSAY_OK;
}

static enum assay_status recognise(struct assay_chat *chat, struct reducer *reducer,
                                   struct assay_arena *arena, struct assay_error *err)
{
    chat->refusal = "it is not made of the forms of ChatML";
    if (!reduce(reducer)) return ASSAY_OK;
    const char *from = reducer->to, *end = from + reducer->size;
    if (!find(from, end, message_form) || !find(from, end, answer_form)) return ASSAY_OK;
    chat->refusal = NULL;
    if (find(from, end, "bos_token")) chat->refusal = "it puts a token in front of the messages";
    return find_default_system(from, end, arena, chat, err);
}

enum assay_status assay_chat_read(struct assay_chat *out, const struct assay_gguf *gguf,
                                  const struct assay_vocab *vocab, struct assay_arena *arena,
                                  struct assay_error *err)
{
    struct assay_chat chat = {.default_system = ""};
    enum assay_status status = assay_gguf_get_text(gguf, "tokenizer.chat_template",
                                                   ASSAY_GGUF_OPTIONAL, &chat.template, err);
    if (status) return status;
    if (chat.template.data) {
        if (chat.template.size > ASSAY_TEMPLATE_BYTES_MAX) {
            return assay_fail(err, ASSAY_EFORMAT,
                              "a chat template of %zu bytes; at most %d are allowed",
                              chat.template.size, ASSAY_TEMPLATE_BYTES_MAX);
        }
        struct reducer reducer = {.from = chat.template.data,
                                  .end = chat.template.data + chat.template.size};
        reducer.to = malloc(3 * chat.template.size + 1);
        if (!reducer.to) return assay_fail(err, ASSAY_EMEMORY, "no memory for a chat template");
        status = recognise(&chat, &reducer, arena, err);
        free(reducer.to);
        if (status) return status;
        if (!chat.refusal && (assay_vocab_find_control(vocab, "<|im_start|>") == ASSAY_NO_TOKEN ||
                              assay_vocab_find_control(vocab, "<|im_end|>") == ASSAY_NO_TOKEN)) {
            chat.refusal = "the vocabulary lacks <|im_start|> or <|im_end|>";
        }
    }
    *out = chat;
    return ASSAY_OK;
}

/* --- using it --- */

static enum assay_status append_message(struct assay_bytes *out, const char *role, const char *text,
                                        struct assay_error *err)
{
    return assay_bytes_format(out, err, "<|im_start|>%s\n%s<|im_end|>\n", role, text);
}

enum assay_status assay_chat_append(const struct assay_chat *chat, const char *system,
                                    const char *user, struct assay_bytes *out,
                                    struct assay_error *err)
{
    char quoted[QUOTE_BYTES];
    if (!chat->template.data) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "the model file has no chat template");
    }
    if (chat->refusal) {
        return assay_fail(
            err, ASSAY_EUNSUPPORTED, "the chat template is not supported: %s: %s", chat->refusal,
            assay_text_quote(quoted, sizeof quoted, chat->template.data, chat->template.size));
    }
    if (!system || !system[0]) system = chat->default_system;
    size_t size_before = out->size;
    enum assay_status status = ASSAY_OK;
    if (system[0]) status = append_message(out, "system", system, err);
    if (!status) status = append_message(out, "user", user, err);
    if (!status) status = assay_bytes_format(out, err, "<|im_start|>assistant\n");
    if (status && out->data) {
        out->size = size_before;
        out->data[size_before] = 0;
    }
    return status;
}
