/* forced MODEL BACKEND: the logits of given tokens, for pass_check.py. Reads LE32 token ids until
 * the end of its input; writes vocab f32 for each, in native order.
 * forced --make ARCHITECTURE PATH: a tiny model of that architecture, all of it F32. */
#include "assay/backend.h"
#include "assay/session.h"
#include "base/bytes.h"
#include "base/file.h"
#include "harness/gguf_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS_MAX = 4096 };

static enum assay_status make(const char *architecture, const char *path, struct assay_error *err)
{
    const struct assay_test_gguf_options options = {.architecture = architecture,
                                                    .layers = 7,
                                                    .head_dim = 24,
                                                    .heads = 6,
                                                    .kv_heads = 2,
                                                    .width = 96,
                                                    .seed = 3,
                                                    .rope_base = 50000.0f};
    struct assay_bytes bytes = {0};
    enum assay_status status = assay_test_gguf(&bytes, &options, err);
    FILE *file = status ? NULL : fopen(path, "wb");
    if (!status && (!file || fwrite(bytes.data, 1, bytes.size, file) != bytes.size)) {
        status = assay_fail(err, ASSAY_EIO, "%s: cannot write", path);
    }
    if (file && fclose(file) != 0) status = assay_fail(err, ASSAY_EIO, "%s: cannot write", path);
    assay_bytes_fini(&bytes);
    return status;
}

static enum assay_status force(struct assay_session *session, size_t vocab, struct assay_error *err)
{
    static uint32_t tokens[TOKENS_MAX];
    uint8_t number[4];
    size_t count = 0;
    while (count < TOKENS_MAX && fread(number, sizeof number, 1, stdin) == 1) {
        tokens[count++] = assay_get_le32(number);
    }
    float *logits = calloc(count * vocab + 1, sizeof *logits);
    if (!logits) return assay_fail(err, ASSAY_EMEMORY, "no memory for logits");
    enum assay_status status = assay_session_logits(session, tokens, count, logits, err);
    if (!status && fwrite(logits, vocab * sizeof *logits, count, stdout) != count) {
        status = assay_fail(err, ASSAY_EIO, "output: cannot write");
    }
    free(logits);
    return status;
}

int main(int argc, char **argv)
{
    struct assay_model *model = NULL;
    struct assay_session *session = NULL;
    struct assay_error err = {0};
    enum assay_status status;
    if (argc == 4 && strcmp(argv[1], "--make") == 0) {
        status = make(argv[2], argv[3], &err);
        if (status) fprintf(stderr, "forced: %s\n", err.text);
        return assay_exit_code(status);
    }
    if (argc != 3) {
        fprintf(stderr, "usage: forced MODEL BACKEND, forced --make ARCHITECTURE PATH\n");
        return 2;
    }
    struct assay_session_options options = {.batch = 1, .threads = 2, .prefill_rows = 16};
    status = assay_backend_find(&options.backend, argv[2], &err);
    if (!status) status = assay_model_open(&model, argv[1], &err);
    if (!status) {
        uint32_t context = assay_model_hyper(model)->context;
        options.context = context < TOKENS_MAX ? context : TOKENS_MAX;
        status = assay_session_open(&session, model, &options, &err);
    }
    if (!status) status = force(session, assay_model_hyper(model)->vocab, &err);
    if (status) fprintf(stderr, "forced: %s\n", err.text);
    assay_session_close(session);
    assay_model_close(model);
    return assay_exit_code(status);
}
