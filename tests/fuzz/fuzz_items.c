/* Fuzz target: JSON lines of a benchmark, and judging an output against what was read. */
#include "assay/benchmark.h"
#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct assay_spec spec = {.prompt = "{question}", .extract = "^\\s*(.+)"};
    struct assay_benchmark *benchmark;
    struct assay_bytes answer = {0};
    struct assay_judgement judgement;
    struct assay_span text = {(const char *)data, size};
    if (assay_benchmark_parse(&benchmark, "items", (const char *)data, size, &spec, NULL)) return 0;
    if (assay_benchmark_judge(benchmark, 0, text, ASSAY_FINISH_END, &answer, &judgement, NULL)) {
        assay_bytes_clear(&answer);
    }
    assay_bytes_fini(&answer);
    assay_benchmark_close(benchmark);
    return 0;
}
