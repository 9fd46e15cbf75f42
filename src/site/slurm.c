/* What Slurm is asked: its own programs, one query each, and their answers checked. */
#include "assay/site.h"

#include "base/text.h"
#include "site/command.h"

#include <stdio.h>
#include <string.h>

enum { NAMES_MAX = 256 };

static const char *said(const struct assay_command_result *result)
{
    return result->errors.size ? (const char *)result->errors.data
                               : (const char *)result->output.data;
}

/* --- partitions */

/* Cut a list of lines into names, in place. */
static void split_lines(char *text, const char *names[NAMES_MAX + 1])
{
    size_t count = 0;
    for (char *at = text; at && *at && count < NAMES_MAX;) {
        char *end = strchr(at, '\n');
        if (end) *end++ = 0;
        names[count++] = at;
        at = end;
    }
    names[count] = NULL;
}

static enum assay_status no_partition(const char *name, struct assay_error *err)
{
    static const char *const list[] = {"sinfo", "--noheader", "--format=%R", NULL};
    struct assay_command_result result = {{0}, {0}, 0};
    const char *names[NAMES_MAX + 1] = {NULL};
    char known[512] = "";
    size_t used = 0;
    enum assay_status status = assay_command_run(&result, list, NULL, err);
    if (!status) {
        split_lines((char *)result.output.data, names);
        const char *nearest = assay_text_nearest(name, names);
        for (size_t i = 0; names[i] && used < sizeof known; i++) {
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                     names[i]);
        }
        status = assay_fail(err, ASSAY_ENOTFOUND,
                            "partition \"%s\" does not exist here%s%s%s; there is %s", name,
                            nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                            nearest ? "\"?" : "", known[0] ? known : "none");
    }
    assay_command_fini(&result);
    return status;
}

/* The value of " KEY=" up to the next space; its length, 0 without one. */
static size_t field(const char *text, const char *key, const char **value)
{
    size_t length = strlen(key);
    for (const char *at = text; (at = strstr(at, key)) != NULL; at += length) {
        if (at != text && at[-1] != ' ') continue;
        if (at[length] != '=') continue;
        *value = at + length + 1;
        return strcspn(*value, " \n");
    }
    return 0;
}

enum assay_status assay_slurm_parse_partition(struct assay_partition_facts *out, const char *text,
                                              struct assay_error *err)
{
    const char *nodes = "", *state = "";
    char digits[16] = "";
    uint64_t count = 0;
    size_t nodes_length = field(text, "TotalNodes", &nodes);
    size_t state_length = field(text, "State", &state);
    if (nodes_length > 0 && nodes_length < sizeof digits) memcpy(digits, nodes, nodes_length);
    if (!assay_text_unsigned(digits, UINT32_MAX, &count) || state_length == 0) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "scontrol shows a partition without TotalNodes or State: \"%.200s\"",
                          text);
    }
    *out = (struct assay_partition_facts){.nodes = (uint32_t)count,
                                          .up = state_length == 2 && !memcmp(state, "UP", 2)};
    return ASSAY_OK;
}

/* "4000", "4000+": the least of all lines. */
static void read_memory(const char *text, uint32_t *out)
{
    for (const char *at = text; *at;) {
        char digits[16] = "";
        uint64_t value;
        size_t line = strcspn(at, "\n"), length = strspn(at, "0123456789");
        if (length < sizeof digits) memcpy(digits, at, length);
        if (assay_text_unsigned(digits, UINT32_MAX, &value) && value > 1 &&
            (*out == 0 || value < *out)) {
            *out = (uint32_t)value;
        }
        at += line + (at[line] != 0);
    }
}

static enum assay_status look_up_memory(struct assay_partition_facts *facts, const char *name,
                                        struct assay_error *err)
{
    const char *const command[] = {"sinfo", "--noheader", "--format=%m", "--partition", name, NULL};
    struct assay_command_result result = {{0}, {0}, 0};
    enum assay_status status = assay_command_run(&result, command, NULL, err);
    if (!status && result.exit_code == 0) {
        read_memory((const char *)result.output.data, &facts->memory_mib);
    }
    assay_command_fini(&result);
    return status;
}

enum assay_status assay_slurm_check_partition(struct assay_partition_facts *out,
                                              const struct assay_partition *partition,
                                              struct assay_error *err)
{
    const char *const command[] = {"scontrol",  "--oneliner",    "show",
                                   "partition", partition->name, NULL};
    struct assay_command_result result = {{0}, {0}, 0};
    struct assay_partition_facts facts;
    enum assay_status status = assay_command_run(&result, command, NULL, err);
    if (!status && result.exit_code != 0) {
        status = strstr(said(&result), "not found")
                     ? no_partition(partition->name, err)
                     : assay_fail(err, ASSAY_EIO, "scontrol: %.600s", said(&result));
    } else if (!status) {
        status = assay_slurm_parse_partition(&facts, (const char *)result.output.data, err);
    }
    assay_command_fini(&result);
    if (!status) status = look_up_memory(&facts, partition->name, err);
    if (status) return status;
    if (!facts.up) {
        return assay_fail(err, ASSAY_EVALUE, "partition \"%s\" is not up", partition->name);
    }
    if (facts.nodes < partition->nodes) {
        return assay_fail(err, ASSAY_EVALUE, "partition \"%s\" has %u nodes, nodes is %u",
                          partition->name, facts.nodes, partition->nodes);
    }
    *out = facts;
    return ASSAY_OK;
}

/* --- jobs */

enum assay_status assay_slurm_test(struct assay_bytes *answer, const char *script,
                                   struct assay_error *err)
{
    static const char *const command[] = {"sbatch", "--test-only", NULL};
    struct assay_command_result result = {{0}, {0}, 0};
    enum assay_status status = assay_command_run(&result, command, script, err);
    if (!status && result.exit_code != 0) {
        status = assay_fail(err, ASSAY_EFAILED, "%.900s", said(&result));
    } else if (!status) {
        status = assay_bytes_format(answer, err, "%s", said(&result));
    }
    assay_command_fini(&result);
    return status;
}

static bool is_job(const char *text)
{
    size_t length = strspn(text, "0123456789");
    return length > 0 && length < 20 && text[length] == '\0';
}

enum assay_status assay_slurm_submit(char job[32], const char *script_path, struct assay_error *err)
{
    const char *const command[] = {"sbatch", "--parsable", script_path, NULL};
    struct assay_command_result result = {{0}, {0}, 0};
    enum assay_status status = assay_command_run(&result, command, NULL, err);
    if (!status && result.exit_code != 0) {
        status = assay_fail(err, ASSAY_EFAILED, "%.900s", said(&result));
    } else if (!status) {
        char *text = (char *)result.output.data;
        text[strcspn(text, ";")] = 0; /* JOB;CLUSTER */
        status = is_job(text)
                     ? ASSAY_OK
                     : assay_fail(err, ASSAY_EFORMAT,
                                  "sbatch answers \"%.100s\" where a number was expected", text);
        if (!status) snprintf(job, 32, "%s", text);
    }
    assay_command_fini(&result);
    return status;
}

enum assay_status assay_slurm_cancel(const char *job, struct assay_error *err)
{
    const char *const command[] = {"scancel", job, NULL};
    struct assay_command_result result = {{0}, {0}, 0};
    enum assay_status status = assay_command_run(&result, command, NULL, err);
    if (!status && result.exit_code != 0) {
        status = assay_fail(err, ASSAY_EFAILED, "%.900s", said(&result));
    }
    assay_command_fini(&result);
    return status;
}

/* --- states */

static bool has_ended(const char *state)
{
    static const char *const ended[] = {"COMPLETED", "FAILED",        "CANCELLED", "TIMEOUT",
                                        "DEADLINE",  "OUT_OF_MEMORY", "BOOT_FAIL", "NODE_FAIL"};
    for (size_t i = 0; i < sizeof ended / sizeof ended[0]; i++) {
        if (strncmp(state, ended[i], strlen(ended[i])) == 0) return true;
    }
    return false;
}

/* What Slurm's programs write where there is nothing. */
static void clear_nothing(char *text)
{
    static const char *const nothing[] = {"None", "(null)", "Unknown", "None assigned", "N/A"};
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
        if (strcmp(text, nothing[i]) == 0) text[0] = 0;
    }
}

enum assay_status assay_slurm_parse_state(struct assay_slurm_state *out, const char *line,
                                          struct assay_error *err)
{
    struct assay_slurm_state state = {.source = ""};
    char restarts[16] = "";
    const struct {
        char *to;
        size_t size;
    } fields[] = {{state.state, sizeof state.state},
                  {state.reason, sizeof state.reason},
                  {state.start, sizeof state.start},
                  {state.nodes, sizeof state.nodes},
                  {restarts, sizeof restarts}};
    uint64_t number;
    const char *at = line;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        size_t length = strcspn(at, "|\n");
        size_t kept = length < fields[i].size ? length : fields[i].size - 1;
        memcpy(fields[i].to, at, kept);
        at += length;
        if (*at == '|') at++;
    }
    if (!state.state[0] || assay_text_has_control(state.state) ||
        !assay_text_unsigned(restarts[0] ? restarts : "0", UINT32_MAX, &number)) {
        char quoted[240];
        return assay_fail(err, ASSAY_EFORMAT, "%s is no state of a job",
                          assay_text_quote(quoted, sizeof quoted, line, strcspn(line, "\n")));
    }
    clear_nothing(state.reason);
    clear_nothing(state.start);
    clear_nothing(state.nodes);
    state.restarts = (uint32_t)number;
    state.ended = has_ended(state.state);
    *out = state;
    return ASSAY_OK;
}

enum assay_status assay_slurm_parse_account(struct assay_slurm_state *out, const char *text,
                                            const char *job, struct assay_error *err)
{
    struct assay_slurm_state state = {.source = ""};
    size_t length = strlen(job);
    uint32_t runs = 0;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        /* Of a heterogeneous job there are rows of all components. */
        if (strncmp(line, job, length) != 0 || line[length] != '|') continue;
        enum assay_status status = assay_slurm_parse_state(&state, line + length + 1, err);
        if (status) return status;
        runs++;
    }
    if (runs > 0) state.restarts = runs - 1;
    *out = state;
    return ASSAY_OK;
}

/* An empty answer, or a program that is not there or has no database, says nothing. */
static enum assay_status ask(struct assay_slurm_state *out, const char *const *command,
                             const char *job, struct assay_error *err)
{
    struct assay_command_result result = {{0}, {0}, 0};
    enum assay_status status = assay_command_run(&result, command, NULL, err);
    const char *text = (const char *)result.output.data;
    if (status == ASSAY_EMACHINE)
        status = ASSAY_OK;
    else if (!status && result.exit_code == 0 && result.output.size > 1) {
        status = job ? assay_slurm_parse_account(out, text, job, err)
                     : assay_slurm_parse_state(out, text, err);
        status = assay_while(err, status, "%s", command[0]);
        if (!status && out->state[0]) out->source = command[0];
    }
    assay_command_fini(&result);
    return status;
}

enum assay_status assay_slurm_query(struct assay_slurm_state *out, const char *job,
                                    struct assay_error *err)
{
    /* A row for each run: older Slurms have no column that counts them. */
    const char *const sacct[] = {"sacct",
                                 "--noheader",
                                 "--parsable2",
                                 "--allocations",
                                 "--duplicates",
                                 "--jobs",
                                 job,
                                 "--format=JobIDRaw,State,Reason,Start,NodeList",
                                 NULL};
    const char *const squeue[] = {
        "squeue", "--noheader", "--states", "all",
        "--jobs", job,          "--Format", "State:|,Reason:|,StartTime:|,NodeList:|,RestartCnt:|",
        NULL};
    struct assay_slurm_state state = {.source = ""};
    if (!is_job(job)) return assay_fail(err, ASSAY_EFORMAT, "\"%.40s\" is no job's number", job);
    enum assay_status status = ask(&state, sacct, job, err);
    if (!status && !state.state[0]) status = ask(&state, squeue, NULL, err);
    if (!status) *out = state;
    return status;
}
