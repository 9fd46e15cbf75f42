/* assay inspect: look into a model or a results file. */
#include "cli/command.h"

#include "assay/model.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/inspect.h"
#include "cli/report.h"
#include "crypto/digest.h"

#include <stdio.h>
#include <string.h>

/* Matrices and vectors of a model by storage type. */
struct census {
    size_t tensors[ASSAY_DTYPE_COUNT];
    size_t bytes[ASSAY_DTYPE_COUNT];
    size_t parameters;
};

static void count_tensor(struct census *census, const struct assay_tensor *tensor)
{
    census->tensors[tensor->dtype]++;
    census->bytes[tensor->dtype] += tensor->rows * tensor->row_bytes;
    census->parameters += tensor->rows * tensor->columns;
}

static struct census take_census(const struct assay_model *model)
{
    struct census census = {0};
    const struct assay_model_tensors *tensors = assay_model_tensors(model);
    count_tensor(&census, &tensors->embedding);
    count_tensor(&census, &tensors->output_norm);
    if (tensors->output.data != tensors->embedding.data) count_tensor(&census, &tensors->output);
    for (uint32_t i = 0; i < assay_model_hyper(model)->layers; i++) {
        const struct assay_layer_tensors *layer = &tensors->layers[i];
        const struct assay_tensor *const all[] = {&layer->attn_norm, &layer->q,  &layer->k,
                                                  &layer->v,         &layer->o,  &layer->ffn_norm,
                                                  &layer->gate,      &layer->up, &layer->down};
        for (size_t t = 0; t < sizeof all / sizeof all[0]; t++) count_tensor(&census, all[t]);
    }
    return census;
}

static void print_model(const char *path, const struct assay_model *model,
                        const struct assay_digest *digest)
{
    char hex[ASSAY_DIGEST_HEX];
    const struct assay_hyper *hyper = assay_model_hyper(model);
    struct census census = take_census(model);
    printf("model       %s\nname        %s\narchitecture %s, %.1f M parameters\n", path,
           hyper->name, hyper->architecture, (double)census.parameters * 1e-6);
    printf("layers      %u of width %u, feed-forward %u\n", hyper->layers, hyper->width,
           hyper->ffn_width);
    printf("heads       %u (%u for keys and values) of dimension %u\n", hyper->heads,
           hyper->kv_heads, hyper->head_dim);
    printf("vocabulary  %u tokens, context %u\n", hyper->vocab, hyper->context);
    for (unsigned d = 0; d < ASSAY_DTYPE_COUNT; d++) {
        if (census.tensors[d]) {
            printf("%-11s %zu tensors, %.1f MB\n", assay_dtype_name((enum assay_dtype)d),
                   census.tensors[d], (double)census.bytes[d] * 1e-6);
        }
    }
    printf("sha256      %s\n", assay_digest_hex(digest, hex));
}

static enum assay_status emit_model(const char *path, const struct assay_model *model,
                                    const struct assay_digest *digest, struct assay_error *err)
{
    const struct assay_hyper *hyper = assay_model_hyper(model);
    struct census census = take_census(model);
    char hex[ASSAY_DIGEST_HEX];
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"parameters", census.parameters}, {"layers", hyper->layers}, {"width", hyper->width},
        {"ffn_width", hyper->ffn_width},   {"heads", hyper->heads},   {"kv_heads", hyper->kv_heads},
        {"head_dim", hyper->head_dim},     {"vocab", hyper->vocab},   {"context", hyper->context}};
    struct assay_json *object = assay_json_new_object(), *types = assay_json_new_object();
    bool ok = object && types && assay_json_set(object, "model", assay_json_new_text(path)) &&
              assay_json_set(object, "name", assay_json_new_text(hyper->name)) &&
              assay_json_set(object, "architecture", assay_json_new_text(hyper->architecture)) &&
              assay_json_set(object, "sha256", assay_json_new_text(assay_digest_hex(digest, hex)));
    for (size_t i = 0; ok && i < sizeof numbers / sizeof numbers[0]; i++) {
        ok = assay_json_set(object, numbers[i].name,
                            assay_json_new_integer((int64_t)numbers[i].value));
    }
    for (unsigned d = 0; ok && d < ASSAY_DTYPE_COUNT; d++) {
        if (census.tensors[d] == 0) continue;
        ok = assay_json_set(types, assay_dtype_name((enum assay_dtype)d),
                            assay_json_new_integer((int64_t)census.tensors[d]));
    }
    ok = ok && assay_json_set(object, "tensors", types);
    if (ok) return assay_report_emit(object, err);
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the description");
}

static enum assay_status inspect_model(const char *path, bool json, struct assay_error *err)
{
    struct assay_model *model = NULL;
    struct assay_digest digest;
    enum assay_status status = assay_model_open(&model, path, err);
    if (!status) status = assay_sha256_file(&digest, path, err);
    if (!status && json) status = emit_model(path, model, &digest, err);
    if (!status && !json) print_model(path, model, &digest);
    assay_model_close(model);
    return status;
}

static enum assay_status cmd_inspect(const struct assay_args *args, struct assay_error *err)
{
    static const uint8_t hdf5[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    const char *path = args->operands[0];
    struct assay_mapping mapping;
    if (assay_inspect_is_benchmark(path)) return assay_inspect_benchmark(args, err);
    enum assay_status status = assay_file_map(&mapping, path, err);
    if (status) return status;
    bool results = mapping.size >= sizeof hdf5 && memcmp(mapping.data, hdf5, sizeof hdf5) == 0;
    bool model = mapping.size >= 4 && memcmp(mapping.data, "GGUF", 4) == 0;
    assay_file_unmap(&mapping);
    const char *option = args->item ? "item" : args->model ? "model" : NULL;
    if ((results || model) && option) {
        return assay_fail(err, ASSAY_EUSAGE, "--%s is of a benchmark, but %s is a %s", option, path,
                          results ? "results file" : "model");
    }
    if (results) return assay_report_file(path, args->json, err);
    if (model) return inspect_model(path, args->json, err);
    return assay_fail(err, ASSAY_EFORMAT,
                      "%s: neither a GGUF model nor an HDF5 results file by its first bytes, nor a "
                      "benchmark or spec by its name (.yaml)",
                      path);
}

static const struct assay_option options[] = {
    ASSAY_OPTION_WORD("item", "ID", "of a benchmark: the item to show, by id or position from 0",
                      item),
    ASSAY_OPTION_WORD("model", "FILE", "of a benchmark: prompts and token counts as for this model",
                      model),
    ASSAY_OPTION_COMMON, ASSAY_OPTION_END};

const struct assay_command assay_cmd_inspect = {
    "inspect",
    "FILE",
    1,
    1,
    "look into a model, a results file, a benchmark or a spec",
    "A results file is checked in full: the records digest is computed again from its columns and\n"
    "compared with the one stored in it.\n\n"
    "  assay inspect quickstart.h5 --json | jq -r .records_digest\n"
    "  assay inspect smollm2-135m-instruct-q4_1.gguf\n\n"
    "Of a benchmark's definition, or of a spec, it shows an item as a model gets it: the prompt "
    "with\n"
    "its solved examples, the order of the options, what is accepted, the rules that find the\n"
    "answer, and which keys of the definition the spec overrides. All data are read and "
    "checked.\n\n"
    "  assay inspect jobs/benchmarks/gsm8k.yaml --item gsm8k-00007 --model MODEL\n\n"
    "jobs/benchmarks/template.yaml explains every key of a definition.\n",
    options,
    cmd_inspect};
