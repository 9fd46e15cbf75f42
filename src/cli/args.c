/* Command lines: options from the command's table, and the help made from the same table. */
#include "cli/command.h"

#include "base/text.h"
#include "cli/table.h"

#include <stdio.h>
#include <string.h>

enum { OPTIONS_MAX = 32 };

static const struct assay_option *find_option(const struct assay_command *command, const char *name,
                                              size_t length)
{
    for (const struct assay_option *option = command->options; option->name; option++) {
        if (strlen(option->name) == length && strncmp(option->name, name, length) == 0)
            return option;
    }
    return NULL;
}

static enum assay_status unknown_option(const struct assay_command *command, const char *word,
                                        struct assay_error *err)
{
    const char *names[OPTIONS_MAX + 1];
    size_t count = 0;
    char name[64];
    for (const struct assay_option *o = command->options; o->name && count < OPTIONS_MAX; o++) {
        names[count++] = o->name;
    }
    names[count] = NULL;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    const char *nearest = assay_text_nearest(name, names);
    return assay_fail(err, ASSAY_EUSAGE, "unknown option \"%.60s\"%s%s%s; see `assay %s --help`",
                      word, nearest ? "; did you mean --" : "", nearest ? nearest : "",
                      nearest ? "?" : "", command->name);
}

static enum assay_status set_option(struct assay_args *args, const struct assay_option *option,
                                    const char *value, struct assay_error *err)
{
    void *target = (char *)args + option->offset;
    uint64_t number;
    switch (option->kind) {
    case ASSAY_OPTION_FLAG:
        *(bool *)target = true;
        return ASSAY_OK;
    case ASSAY_OPTION_TEXT:
        *(const char **)target = value;
        return ASSAY_OK;
    case ASSAY_OPTION_NUMBER:
    case ASSAY_OPTION_GIVEN_NUMBER:
        break;
    }
    if (!assay_text_unsigned(value, option->max, &number) || number < option->min) {
        return assay_fail(err, ASSAY_EUSAGE,
                          "--%s is \"%.60s\": it must be a number from %llu to %llu", option->name,
                          value, (unsigned long long)option->min, (unsigned long long)option->max);
    }
    if (option->kind == ASSAY_OPTION_GIVEN_NUMBER) {
        *(struct assay_number *)target = (struct assay_number){number, true};
    } else {
        *(uint64_t *)target = number;
    }
    return ASSAY_OK;
}

/* One option word; *used is 2 when its value is the next word. */
static enum assay_status parse_option(struct assay_args *args, const struct assay_command *command,
                                      const char *word, const char *next, size_t *used,
                                      struct assay_error *err)
{
    if (strcmp(word, "-h") == 0) word = "--help";
    size_t length = word[1] == '-' ? strcspn(word + 2, "=") : 0;
    const struct assay_option *option =
        word[1] == '-' ? find_option(command, word + 2, length) : NULL;
    *used = 1;
    if (!option && word[1] != '-') {
        return assay_fail(err, ASSAY_EUSAGE,
                          "unknown option \"%.60s\"; options begin with two dashes", word);
    }
    if (!option) return unknown_option(command, word, err);
    const char *value = word[2 + length] == '=' ? word + 3 + length : NULL;
    if (!option->argument && value) {
        return assay_fail(err, ASSAY_EUSAGE, "--%s takes no value, but \"%.60s\" gives it one",
                          option->name, word);
    }
    if (option->argument && !value) {
        if (!next) {
            return assay_fail(err, ASSAY_EUSAGE, "--%s needs a value: --%s %s", option->name,
                              option->name, option->argument);
        }
        value = next;
        *used = 2;
    }
    return set_option(args, option, value, err);
}

static enum assay_status add_operand(struct assay_args *args, const char *word,
                                     struct assay_error *err)
{
    if (args->operand_count == ASSAY_OPERANDS_MAX) {
        return assay_fail(err, ASSAY_EUSAGE, "\"%.60s\" is one operand more than %d", word,
                          ASSAY_OPERANDS_MAX);
    }
    args->operands[args->operand_count++] = word;
    return ASSAY_OK;
}

/* Options may stand before, between and behind operands; after "--" every word is an operand. What
 * is wrong does not end the reading; the first that is wrong is told. */
enum assay_status assay_args_parse(struct assay_args *args, const struct assay_command *command,
                                   const char *const *argv, size_t count, struct assay_error *err)
{
    bool options_ended = false;
    enum assay_status first = ASSAY_OK;
    for (size_t at = 0, used; at < count; at += used) {
        const char *word = argv[at];
        struct assay_error *to = first ? NULL : err;
        enum assay_status status = ASSAY_OK;
        used = 1;
        if (options_ended || word[0] != '-' || !word[1]) {
            status = add_operand(args, word, to);
        } else if (strcmp(word, "--") == 0) {
            options_ended = true;
        } else {
            const char *next = at + 1 < count ? argv[at + 1] : NULL;
            status = parse_option(args, command, word, next, &used, to);
        }
        if (!first) first = status;
    }
    return first;
}

void assay_args_help(const struct assay_command *command)
{
    printf("usage: assay %s [options] %s\n\n%s.\n\n%s\noptions:\n", command->name,
           command->operands, command->summary, command->details);
    for (const struct assay_option *option = command->options; option->name; option++) {
        char left[48];
        snprintf(left, sizeof left, "--%s%s%s", option->name, option->argument ? " " : "",
                 option->argument ? option->argument : "");
        assay_table_pair(stdout, left, option->help);
    }
}
