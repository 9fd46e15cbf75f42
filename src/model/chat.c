/* A template is recognised in two steps: it is reduced (chat_reduce.h), and then compared with the
 * forms of each family (chat_family.h). Of ChatML a literal that is a whole system message is the
 * default one. */
#include "model/chat.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/text.h"
#include "model/chat_reduce.h"

#include <stdlib.h>
#include <string.h>

static const char system_begin[] = ASSAY_CHAT_OPEN "<|im_start|>system\n";
static const char system_end[] = "<|im_end|>\n" ASSAY_CHAT_CLOSE;

enum { QUOTE_BYTES = 160 };

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
    static const char own[] = "+messages[0][" ASSAY_CHAT_OPEN "content" ASSAY_CHAT_CLOSE "]+";
    size_t left = (size_t)(end - behind);
    return (left > 0 && behind[0] == '\n') ||
           (left >= strlen(own) && memcmp(behind, own, strlen(own)) == 0);
}

/* A literal which begins a system message: from behind system_begin to its ASSAY_CHAT_CLOSE. */
static enum assay_status take_system(const char *from, const char *close, const char *end,
                                     struct assay_arena *arena, struct assay_chat_template *chat,
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
                                             struct assay_arena *arena,
                                             struct assay_chat_template *chat,
                                             struct assay_error *err)
{
    while ((from = find(from, end, system_begin)) != NULL) {
        from += strlen(system_begin);
        const char *close = memchr(from, ASSAY_CHAT_CLOSE[0], (size_t)(end - from));
        ASSAY_ASSERT(close != NULL); /* assay_chat_reduce has closed every literal */
        enum assay_status status = take_system(from, close, end, arena, chat, err);
        if (status) return status;
    }
    return ASSAY_OK;
}

/* All of a family's forms are in the template. */
static bool is_of(const struct assay_chat_family *family, const char *from, const char *end)
{
    if (family->not_form && find(from, end, family->not_form)) return false;
    for (size_t i = 0; i < ASSAY_CHAT_FORMS_MAX && family->forms[i]; i++) {
        bool other = i == 0 && family->also && find(from, end, family->also);
        if (!other && !find(from, end, family->forms[i])) return false;
    }
    return true;
}

static enum assay_status recognise(struct assay_chat_template *chat, const char *from,
                                   const char *end, struct assay_arena *arena,
                                   struct assay_error *err)
{
    for (size_t i = 0; i < assay_chat_family_count && !chat->family; i++) {
        if (is_of(&assay_chat_families[i], from, end)) chat->family = &assay_chat_families[i];
    }
    const struct assay_chat_family *family = chat->family;
    if (!family) return ASSAY_OK;
    chat->refusal = NULL;
    chat->takes_system = !family->system_form || find(from, end, family->system_form);
    bool begins = find(from, end, "bos_token");
    if (begins && !family->begin[0]) chat->refusal = "it puts a token in front of the messages";
    if (!begins && family->begin[0]) chat->refusal = "it puts no token in front of the messages";
    if (family->choice != ASSAY_CHAT_CHATML) return ASSAY_OK;
    return find_default_system(from, end, arena, chat, err);
}

enum assay_status assay_chat_read(struct assay_chat_template *out, const struct assay_gguf *gguf,
                                  const struct assay_vocab *vocab, struct assay_arena *arena,
                                  struct assay_error *err)
{
    struct assay_chat_template chat = {.vocab = vocab, .default_system = ""};
    enum assay_status status =
        assay_gguf_get_text(gguf, "tokenizer.chat_template", ASSAY_GGUF_OPTIONAL, &chat.text, err);
    if (status) return status;
    if (chat.text.size > ASSAY_TEMPLATE_BYTES_MAX) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "a chat template of %zu bytes; at most %d are allowed", chat.text.size,
                          ASSAY_TEMPLATE_BYTES_MAX);
    }
    if (chat.text.data) {
        size_t size = 0;
        char *reduced = malloc(3 * chat.text.size + 1);
        if (!reduced) return assay_fail(err, ASSAY_EMEMORY, "no memory for a chat template");
        chat.refusal = "it is not made of the forms of a family that assay knows";
        if (assay_chat_reduce(chat.text.data, chat.text.size, reduced, &size)) {
            status = recognise(&chat, reduced, reduced + size, arena, err);
        }
        free(reduced);
        if (status) return status;
    }
    *out = chat;
    return ASSAY_OK;
}

/* --- using it --- */

static enum assay_status refuse(const struct assay_chat_template *chat, struct assay_error *err)
{
    static const char names[] = "prompt.chat may name one: chatml, llama3, llama3.1, mistral, "
                                "mistral-v2, mistral-v3 or gemma, or be none";
    char quoted[QUOTE_BYTES];
    if (!chat->text.data) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "the model file has no chat template; %s",
                          names);
    }
    return assay_fail(
        err, ASSAY_EUNSUPPORTED, "the chat template is not supported: %s: %s; %s", chat->refusal,
        assay_text_quote(quoted, sizeof quoted, chat->text.data, chat->text.size), names);
}

/* The texts of its marks must be tokens, or the prompt would not be what the model knows. */
static enum assay_status check_marks(const struct assay_chat_template *chat,
                                     const struct assay_chat_family *family,
                                     struct assay_error *err)
{
    for (size_t i = 0; i < ASSAY_CHAT_MARKS_MAX && family->marks[i]; i++) {
        if (assay_vocab_find_control(chat->vocab, family->marks[i]) != ASSAY_NO_TOKEN) continue;
        return assay_fail(err, ASSAY_EUNSUPPORTED,
                          "chat template %s: the vocabulary lacks %s as a control token",
                          assay_chat_name(family->choice), family->marks[i]);
    }
    return ASSAY_OK;
}

static enum assay_status append_part(struct assay_bytes *out, const char *open, const char *text,
                                     bool trim, const char *close, struct assay_error *err)
{
    size_t size = strlen(text);
    if (trim) assay_text_trim(&text, &size);
    enum assay_status status = assay_bytes_append(out, open, strlen(open), err);
    if (!status) status = assay_bytes_append(out, text, size, err);
    return status ? status : assay_bytes_append(out, close, strlen(close), err);
}

/* A user message, behind what the family puts at the head of the first, and what opens the
 * assistant's answer. */
static enum assay_status append_user(const struct assay_chat_family *family, const char *head,
                                     const char *user, struct assay_bytes *out,
                                     struct assay_error *err)
{
    enum assay_status status =
        assay_bytes_append(out, family->user_open, strlen(family->user_open), err);
    if (!status && head[0]) {
        status = append_part(out, "", head, family->trims_system, "\n\n", err);
    }
    if (!status) {
        status = append_part(out, "", user, family->trims_turns, family->user_close, err);
    }
    return status ? status : assay_bytes_append(out, family->answer, strlen(family->answer), err);
}

static enum assay_status append(const struct assay_chat_family *family, const char *system,
                                const struct assay_chat_talk *talk, struct assay_bytes *out,
                                struct assay_error *err)
{
    enum assay_status status = assay_bytes_append(out, family->begin, strlen(family->begin), err);
    if (!status && family->system_open && (system[0] || family->system_always)) {
        status = append_part(out, family->system_open, system, family->trims_system,
                             family->system_close, err);
    }
    const char *head = family->system_open ? "" : system;
    for (size_t i = 0; i < talk->turn_count && !status; i++) {
        status = append_user(family, i == 0 ? head : "", talk->turns[i].user, out, err);
        if (!status) {
            status = append_part(out, "", talk->turns[i].assistant, family->trims_turns,
                                 family->answer_close, err);
        }
    }
    if (status) return status;
    return append_user(family, talk->turn_count == 0 ? head : "", talk->user, out, err);
}

enum assay_status assay_chat_append(const struct assay_chat_template *chat, enum assay_chat choice,
                                    const struct assay_chat_talk *talk, struct assay_bytes *out,
                                    struct assay_error *err)
{
    const struct assay_chat_family *family = chat->family;
    const char *system = talk->system;
    bool own = choice == ASSAY_CHAT_MODEL;
    for (size_t i = 0; !own && i < assay_chat_family_count; i++) {
        if (assay_chat_families[i].choice == choice) family = &assay_chat_families[i];
    }
    ASSAY_ASSERT(choice != ASSAY_CHAT_NONE);
    if (own && (!family || chat->refusal)) return refuse(chat, err);
    enum assay_status status = check_marks(chat, family, err);
    if (status) return status;
    if (!system || !system[0]) system = own ? chat->default_system : "";
    if (own && system[0] && !chat->takes_system) {
        return assay_fail(err, ASSAY_EUNSUPPORTED,
                          "the chat template has no place for a system message");
    }
    if (talk->turn_count > 0 && !family->answer_close) {
        return assay_fail(
            err, ASSAY_EUNSUPPORTED,
            "chat template %s: earlier turns are not supported (its makers' templates "
            "differ in them); examples.as may be text",
            assay_chat_name(family->choice));
    }
    size_t size_before = out->size;
    status = append(family, system, talk, out, err);
    if (status && out->data) {
        out->size = size_before;
        out->data[size_before] = 0;
    }
    return status;
}
