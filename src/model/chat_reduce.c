/* Jinja, as far as templates of chats use it, one pass over the text. */
#include "model/chat_reduce.h"

#include <string.h>

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
                  reducer->to[reducer->size - 2] == ASSAY_CHAT_CLOSE[0];
    if (joined) {
        reducer->size -= 2;
    } else {
        emit(reducer, ASSAY_CHAT_OPEN[0]);
    }
    for (; reducer->from < reducer->end; reducer->from++) {
        char c = *reducer->from;
        if (c == quote) {
            reducer->from++;
            emit(reducer, ASSAY_CHAT_CLOSE[0]);
            return true;
        }
        if (c == ASSAY_CHAT_OPEN[0] || c == ASSAY_CHAT_CLOSE[0]) return false;
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
    emit(reducer, ASSAY_CHAT_OPEN[0]);
    while (reducer->from < reducer->end && is_word(*reducer->from)) {
        emit(reducer, *reducer->from++);
    }
    emit(reducer, ASSAY_CHAT_CLOSE[0]);
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
        } else if (c == ASSAY_CHAT_OPEN[0] || c == ASSAY_CHAT_CLOSE[0]) {
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

bool assay_chat_reduce(const char *template, size_t size, char *to, size_t *reduced)
{
    struct reducer state = {template, template + size, to, 0}, *reducer = &state;
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
    *reduced = reducer->size;
    return true;
}
