/* Fuzz target: data files of a benchmark (JSON lines, CSV, gzip by their first bytes) under three
 * definitions, the prompts made of them, and judging an output against what was read. The first
 * byte chooses the definition. */
#include "assay/benchmark.h"
#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct assay_rule rules[] = {{"strict", "^\\s*(.+)", ASSAY_TAKE_FIRST},
                                          {"last", "(-?[0-9]+)", ASSAY_TAKE_LAST}};
static const char *const choices[] = {"choices"};

static struct assay_spec spec_of(unsigned kind)
{
    struct assay_spec spec = {.prompt = "{question}",
                              .option = " {choice}",
                              .opening = "",
                              .example_answer = "",
                              .separator = "\n",
                              .rules = rules,
                              .rule_count = 2};
    if (kind == 0) return spec;
    spec.order = ASSAY_ORDER_HASH;
    spec.definition = (struct assay_definition){
        .text = "",
        .name = "fuzz",
        .kind = ASSAY_KIND_LETTER,
        .fields = {.gold = "answer", .choices = choices, .choice_count = 1},
        .example_count = 2,
        .example_choose = ASSAY_CHOOSE_HASH};
    if (kind == 1) return spec;
    spec.definition.kind = ASSAY_KIND_MATCH;
    spec.definition.fields.choice_count = 0;
    spec.definition.fields.gold = NULL;
    spec.definition.clean = ASSAY_CLEAN_WIKIHOW;
    spec.definition.fields.question = "{question:trim}{topic:capitalise}";
    spec.definition.format = ASSAY_DATA_FORMAT_CSV;
    spec.scorer = ASSAY_SCORER_NUMBER;
    return spec;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    const struct assay_spec spec = spec_of(data[0] % 3);
    const char *text = (const char *)data + 1;
    struct assay_benchmark *benchmark;
    struct assay_judgement judgement = {0};
    struct assay_bytes prompt = {0};
    struct assay_error err;
    struct assay_span output = {text, size - 1};
    if (assay_benchmark_parse(&benchmark, "items", text, size - 1, &spec, &err)) return 0;
    if (assay_benchmark_judge(benchmark, 0, output, ASSAY_FINISH_END, &judgement, &err) ||
        assay_benchmark_prompt(benchmark, 0, &prompt, &err)) {
        assay_bytes_clear(&prompt);
    }
    assay_bytes_fini(&prompt);
    assay_judgement_fini(&judgement);
    assay_benchmark_close(benchmark);
    return 0;
}
