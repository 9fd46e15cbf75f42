/* What grading costs: processor time of all processes for a folder's programs, beyond that of a
 * pool that grades none.
 *
 *   grade_cost [FORM] FILE…      FORM: namespaces, landlock; otherwise what this kernel has
 *
 * The first line of a file says where behind it the tests begin, and which name they take from the
 * program: "812 add". The verdicts are printed as counts. */
#include "assay/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct spent {
    double own, others;
};

static double seconds(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void must(enum assay_status status, const struct assay_error *err)
{
    if (!status) return;
    fprintf(stderr, "grade_cost: %s\n", err->text);
    exit(1);
}

static void submit(struct assay_sandbox *sandbox, const char *path)
{
    static char text[1 << 16];
    char entry[128];
    struct assay_error err;
    size_t test_at = 0;
    FILE *file = fopen(path, "rb");
    if (!file || fscanf(file, "%zu %127s", &test_at, entry) != 2 || fgetc(file) != '\n') {
        fprintf(stderr, "grade_cost: %s: no program\n", path);
        exit(1);
    }
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    struct assay_sandbox_program program = {
        .text = text, .size = size, .test_at = test_at, .entry = entry};
    must(assay_sandbox_submit(sandbox, &program, &err), &err);
}

static struct spent grade(const struct assay_sandbox_options *options, char **paths, int count,
                          unsigned *verdicts)
{
    struct assay_sandbox *sandbox;
    struct assay_error err;
    double own = seconds(RUSAGE_SELF), others = seconds(RUSAGE_CHILDREN);
    must(assay_sandbox_open(&sandbox, options, &err), &err);
    for (int i = 0; i < count; i++) submit(sandbox, paths[i]);
    for (int i = 0; i < count; i++) {
        struct assay_sandbox_result result;
        bool taken;
        must(assay_sandbox_take(sandbox, -1, &result, &taken, &err), &err);
        verdicts[result.verdict]++;
    }
    assay_sandbox_close(sandbox);
    return (struct spent){seconds(RUSAGE_SELF) - own, seconds(RUSAGE_CHILDREN) - others};
}

int main(int argc, char **argv)
{
    struct assay_sandbox_options options = {.workers = 1};
    unsigned verdicts[ASSAY_SANDBOX_VERDICT_COUNT] = {0};
    int first = 1;
    if (argc > 1 && strcmp(argv[1], "namespaces") == 0) options.form = ASSAY_SANDBOX_NAMESPACES;
    if (argc > 1 && strcmp(argv[1], "landlock") == 0) options.form = ASSAY_SANDBOX_LANDLOCK;
    if (options.form != ASSAY_SANDBOX_AUTO) first++;
    if (first >= argc) {
        fprintf(stderr, "usage: grade_cost [namespaces|landlock] FILE…\n");
        return 2;
    }
    int count = argc - first;
    struct spent start = grade(&options, NULL, 0, verdicts);
    struct spent all = grade(&options, argv + first, count, verdicts);
    double own = all.own - start.own, others = all.others - start.others;
    printf("%d programs:", count);
    for (int v = 0; v < ASSAY_SANDBOX_VERDICT_COUNT; v++) {
        if (verdicts[v]) {
            printf(" %u %s", verdicts[v],
                   assay_sandbox_verdict_word((enum assay_sandbox_verdict)v));
        }
    }
    printf("\nprocessor time a program: %.2f ms (%.2f here, %.2f in the interpreter and its "
           "children); a pool's start %.0f ms\n",
           (own + others) / count * 1e3, own / count * 1e3, others / count * 1e3,
           (start.own + start.others) * 1e3);
    return 0;
}
