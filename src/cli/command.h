/* A command is one row: name, options, help and the function that does it. Help, parsing and shell
 * completion are all made from the rows, so that none of them can disagree. */
#ifndef ASSAY_CLI_COMMAND_H
#define ASSAY_CLI_COMMAND_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ASSAY_OPERANDS_MAX = 64 };

/* A number whose absence means something else than 0. */
struct assay_number {
    uint64_t value;
    bool given;
};

/* What the options of all commands can set; each command lists those that it takes. */
struct assay_args {
    bool help, json, quiet, dry_run, xml;
    const char *output, *model_dir, *cache, *backend, *sequences, *assignment;
    const char *key, *passphrase_file, *cost, *format; /* key, attest, verify */
    const char *socket, *signer, *chain, *task, *round, *open, *results, *record;
    const char *admin, *site, *organisation, *country, *arch, *engine, *solo,
        *receipt; /* net, submit */
    uint64_t quorum, blocks, window, pool, replicas, sites_min, sites_max;
    uint64_t batch, threads, prefill_rows, prompt_tokens, decode_tokens, ranks, part_records;
    struct assay_number bootstrap, seed;
    const char *envelope, *spec, *leaf, *benchmark_dir; /* audit */
    const char *benchmark, *extract, *scorer, *export;  /* grade */
    const char *data;         /* of an encrypted benchmark: grade, attest, verify, audit */
    const char *item, *model; /* inspect */
    bool all, shared_prompt, check, wait;
    uint64_t samples;
    const char *end_file, *scratch, *calibration; /* run, slurm */
    const char *interpreter, *modules, *form;     /* sandbox */
    const char *catalogue, *from, *sha256;        /* fetch */
    bool list, verify;
    uint64_t cpu_ms, wall_ms, memory_mb, workers;
    const char *operands[ASSAY_OPERANDS_MAX];
    size_t operand_count;
};

enum assay_option_kind {
    ASSAY_OPTION_FLAG,
    ASSAY_OPTION_TEXT,
    ASSAY_OPTION_NUMBER,      /* uint64_t, 0 if absent */
    ASSAY_OPTION_GIVEN_NUMBER /* struct assay_number */
};

struct assay_option {
    const char *name;     /* without the dashes; NULL ends a table */
    const char *argument; /* "FILE", or NULL for a flag */
    const char *help;
    enum assay_option_kind kind;
    size_t offset; /* in struct assay_args */
    uint64_t min, max;
};

#define ASSAY_OPTION_DATA                                                                          \
    {                                                                                              \
        "data", "FILE",                                                                            \
            "the benchmark's data, where it is encrypted: what the outputs are read with",         \
            ASSAY_OPTION_TEXT, offsetof(struct assay_args, data), 0, 0                             \
    }

#define ASSAY_OPTION_COMMON                                                                        \
    {"json",                                                                                       \
     NULL,                                                                                         \
     "print one JSON value on standard output",                                                    \
     ASSAY_OPTION_FLAG,                                                                            \
     offsetof(struct assay_args, json),                                                            \
     0,                                                                                            \
     0},                                                                                           \
        {"quiet",                                                                                  \
         NULL,                                                                                     \
         "print nothing but errors and the result",                                                \
         ASSAY_OPTION_FLAG,                                                                        \
         offsetof(struct assay_args, quiet),                                                       \
         0,                                                                                        \
         0},                                                                                       \
    {                                                                                              \
        "help", NULL, "show this text", ASSAY_OPTION_FLAG, offsetof(struct assay_args, help), 0, 0 \
    }

/* A row for an option with a text of its own, into the member `field`. */
#define ASSAY_OPTION_WORD(name, argument, help, field)                                             \
    {                                                                                              \
        name, argument, help, ASSAY_OPTION_TEXT, offsetof(struct assay_args, field), 0, 0          \
    }
#define ASSAY_OPTION_END                                                                           \
    {                                                                                              \
        NULL, NULL, NULL, ASSAY_OPTION_FLAG, 0, 0, 0                                               \
    }

struct assay_command {
    const char *name;
    const char *operands; /* "SPEC", for the usage line */
    size_t operands_min, operands_max;
    const char *summary; /* one line */
    const char *details; /* what a newcomer needs to use it, with an example */
    const struct assay_option *options;
    enum assay_status (*run)(const struct assay_args *args, struct assay_error *err);
};

extern const struct assay_command assay_cmd_run, assay_cmd_report, assay_cmd_inspect,
    assay_cmd_bench, assay_cmd_grade, assay_cmd_perplexity, assay_cmd_topo, assay_cmd_completion;
extern const struct assay_command assay_cmd_key, assay_cmd_attest, assay_cmd_verify,
    assay_cmd_audit;
extern const struct assay_command assay_cmd_submit, assay_cmd_net, assay_cmd_slurm,
    assay_cmd_sandbox, assay_cmd_fetch;

/* Every command, in the order of `assay --help`; NULL ends. */
extern const struct assay_command *const assay_commands[];

/* Parse what follows the command's name. EUSAGE quotes the first offence; what else the line says
 * is in `args` all the same. `args` borrows from argv. */
ASSAY_MUST_CHECK enum assay_status assay_args_parse(struct assay_args *args,
                                                    const struct assay_command *command,
                                                    const char *const *argv, size_t count,
                                                    struct assay_error *err);
void assay_args_help(const struct assay_command *command); /* to standard output */

#endif
