/* assay: the program. One table of commands; each is a file cmd_*.c. */
#include "cli/command.h"

#include "base/text.h"
#include "cli/end_file.h"
#include "cli/table.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_exit_codes(void)
{
    static const char *const rows[] = {
        "  0   ok",
        "  1   a check failed",
        "  2   wrong use of the command line",
        "  3   bad input: malformed, out of range, not found, or not belonging together",
        "  4   the environment: no memory, no space, reading or writing refused, a program missing",
        "  85  interrupted; run again to resume",
    };
    printf("\nexit codes:\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) printf("%s\n", rows[i]);
}

static void print_help(void)
{
    printf("assay evaluates language models and makes the score something strangers can check.\n\n"
           "usage: assay COMMAND [options] …\n\ncommands:\n");
    for (size_t i = 0; assay_commands[i]; i++) {
        const struct assay_command *command = assay_commands[i];
        char left[40];
        snprintf(left, sizeof left, "%s %s", command->name, command->operands);
        assay_table_pair(stdout, left, command->summary);
    }
    printf(
        "\n`assay COMMAND --help` teaches a command. `assay --version` says what was built in.\n");
    print_exit_codes();
}

static enum assay_status unknown_command(const char *word, struct assay_error *err)
{
    const char *names[32];
    size_t count = 0;
    for (; assay_commands[count] && count < 31; count++) names[count] = assay_commands[count]->name;
    names[count] = NULL;
    const char *nearest = assay_text_nearest(word, names);
    return assay_fail(err, ASSAY_EUSAGE, "unknown command \"%.60s\"%s%s%s; see `assay --help`",
                      word, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                      nearest ? "\"?" : "");
}

static enum assay_status read_line(struct assay_args *args, const struct assay_command *command,
                                   const char *const *argv, size_t count, struct assay_error *err)
{
    enum assay_status status = assay_args_parse(args, command, argv, count, err);
    if (status) return assay_while(err, status, "%s", command->name);
    if (args->help || (args->operand_count >= command->operands_min &&
                       args->operand_count <= command->operands_max)) {
        return ASSAY_OK;
    }
    const char *extra =
        args->operand_count > command->operands_max ? args->operands[command->operands_max] : NULL;
    return assay_fail(err, ASSAY_EUSAGE, "%s: %s%.60s%s; usage: assay %s [options] %s",
                      command->name, extra ? "\"" : "an operand is missing", extra ? extra : "",
                      extra ? "\" is one operand too many" : "", command->name, command->operands);
}

/* A batch script that is told of every end must be told of this one too: it could take wrong use
 * for a crash, and send the job back into the queue. */
static enum assay_status run_command(const struct assay_command *command, const char *const *argv,
                                     size_t count, struct assay_error *err)
{
    struct assay_args args = {0};
    enum assay_status status = read_line(&args, command, argv, count, err);
    if (!status && !args.help) return command->run(&args, err);
    if (!status) assay_args_help(command);
    return assay_end_file_write(args.end_file, status, err);
}

static enum assay_status dispatch(int argc, const char *const *argv, struct assay_error *err)
{
    const char *word = argc > 1 ? argv[1] : "--help";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_help();
        return argc > 1 ? ASSAY_OK : ASSAY_EUSAGE;
    }
    if (strcmp(word, "--version") == 0) {
        printf("assay " ASSAY_VERSION " (" ASSAY_PRESET
               "); exact-1, sampler-1; backends: ref, cpu\n");
        return ASSAY_OK;
    }
    for (size_t i = 0; assay_commands[i]; i++) {
        if (strcmp(assay_commands[i]->name, word) == 0) {
            return run_command(assay_commands[i], argv + 2, (size_t)argc - 2, err);
        }
    }
    return unknown_command(word, err);
}

int main(int argc, char **argv)
{
    struct assay_error err = {0};
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit is then an error of write(), which is told */
    enum assay_status status = dispatch(argc, (const char *const *)argv, &err);
    if (status && err.text[0]) fprintf(stderr, "assay: %s\n", err.text);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        if (!status) status = ASSAY_EIO;
        fprintf(stderr, "assay: standard output could not be written\n");
    }
    return assay_exit_code(status);
}
