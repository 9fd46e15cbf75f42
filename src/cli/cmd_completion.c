/* assay completion: a shell's completion script, made from the tables of commands and options. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

static void print_words(const struct assay_command *command)
{
    for (const struct assay_option *o = command->options; o->name; o++) printf(" --%s", o->name);
}

static void print_bash(void)
{
    printf("_assay() {\n    local cur=${COMP_WORDS[COMP_CWORD]} words=\n    if [ \"$COMP_CWORD\" = "
           "1 ]; "
           "then\n        words=\"--help --version");
    for (size_t i = 0; assay_commands[i]; i++) printf(" %s", assay_commands[i]->name);
    printf("\"\n    else\n        case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; assay_commands[i]; i++) {
        printf("        %s) words=\"", assay_commands[i]->name);
        print_words(assay_commands[i]);
        printf("\" ;;\n");
    }
    printf("        esac\n        case $cur in -*) ;; *) words= ;; esac\n    fi\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "    [ -n \"${COMPREPLY[*]}\" ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n}\n"
           "complete -o filenames -F _assay assay\n");
}

static void print_fish(void)
{
    for (size_t i = 0; assay_commands[i]; i++) {
        const struct assay_command *command = assay_commands[i];
        printf("complete -c assay -n __fish_use_subcommand -f -a %s -d \"%s\"\n", command->name,
               command->summary);
        for (const struct assay_option *o = command->options; o->name; o++) {
            printf("complete -c assay -n \"__fish_seen_subcommand_from %s\" -l %s%s -d \"%s\"\n",
                   command->name, o->name, o->argument ? " -r" : "", o->help);
        }
    }
}

static enum assay_status cmd_completion(const struct assay_args *args, struct assay_error *err)
{
    const char *shell = args->operands[0];
    if (strcmp(shell, "fish") == 0) {
        print_fish();
        return ASSAY_OK;
    }
    if (strcmp(shell, "zsh") == 0) printf("autoload -U +X bashcompinit && bashcompinit\n");
    if (strcmp(shell, "zsh") == 0 || strcmp(shell, "bash") == 0) {
        print_bash();
        return ASSAY_OK;
    }
    return assay_fail(err, ASSAY_EUSAGE,
                      "no completion for the shell \"%.40s\": bash, zsh and fish", shell);
}

static const struct assay_option options[] = {
    {"help", NULL, "show this text", ASSAY_OPTION_FLAG, offsetof(struct assay_args, help), 0, 0},
    {NULL, NULL, NULL, ASSAY_OPTION_FLAG, 0, 0, 0}};

const struct assay_command assay_cmd_completion = {
    "completion",
    "SHELL",
    1,
    1,
    "print a completion script for bash, zsh or fish",
    "  assay completion bash > ~/.local/share/bash-completion/completions/assay\n",
    options,
    cmd_completion};
