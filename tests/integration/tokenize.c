/* tokenize MODEL.gguf [special]: the model's tokenizer as a filter, for tokenizer_check.py. Reads
 * documents (LE32 length, bytes) until the end of its input; writes for each LE32 count and LE32
 * ids. With `special`, the texts of control tokens become these tokens. */
#include "assay/model.h"
#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

enum { DOCUMENT_BYTES_MAX = 1 << 26 };

/* *more is false at the end of the input. */
static enum assay_status read_document(struct assay_bytes *document, bool *more,
                                       struct assay_error *err)
{
    uint8_t head[4];
    size_t got = fread(head, 1, sizeof head, stdin);
    *more = got != 0;
    if (got == 0) return ASSAY_OK;
    size_t size = got == sizeof head ? assay_get_le32(head) : DOCUMENT_BYTES_MAX + 1u;
    if (size > DOCUMENT_BYTES_MAX) return assay_fail(err, ASSAY_EFORMAT, "input: bad length");
    assay_bytes_clear(document);
    enum assay_status status = assay_bytes_reserve(document, size + 1, err);
    if (status) return status;
    document->size = fread(document->data, 1, size, stdin);
    if (document->size != size) return assay_fail(err, ASSAY_EFORMAT, "input: truncated");
    return ASSAY_OK;
}

static enum assay_status write_tokens(const struct assay_bytes *tokens, struct assay_error *err)
{
    uint8_t number[4];
    size_t count = tokens->size / sizeof(uint32_t);
    assay_put_le32(number, (uint32_t)count);
    bool ok = fwrite(number, sizeof number, 1, stdout) == 1;
    for (size_t i = 0; ok && i < count; i++) {
        uint32_t token;
        memcpy(&token, tokens->data + i * sizeof token, sizeof token);
        assay_put_le32(number, token);
        ok = fwrite(number, sizeof number, 1, stdout) == 1;
    }
    return ok ? ASSAY_OK : assay_fail(err, ASSAY_EIO, "output: cannot write");
}

static enum assay_status filter(const struct assay_model *model, bool special,
                                struct assay_error *err)
{
    struct assay_bytes document = {0}, tokens = {0};
    bool more = true;
    enum assay_status status = ASSAY_OK;
    while (!status) {
        status = read_document(&document, &more, err);
        if (status || !more) break;
        assay_bytes_clear(&tokens);
        status = assay_tokenizer_encode(assay_model_tokenizer(model), (const char *)document.data,
                                        document.size, special, &tokens, err);
        if (!status) status = write_tokens(&tokens, err);
    }
    assay_bytes_fini(&tokens);
    assay_bytes_fini(&document);
    return status;
}

int main(int argc, char **argv)
{
    struct assay_model *model = NULL;
    struct assay_error err = {0};
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s MODEL.gguf [special]\n", argv[0]);
        return 2;
    }
    enum assay_status status = assay_model_open(&model, argv[1], &err);
    if (!status) status = filter(model, argc == 3, &err);
    if (!status && fflush(stdout) != 0) {
        status = assay_fail(&err, ASSAY_EIO, "output: cannot write");
    }
    if (status) fprintf(stderr, "%s: %s\n", argv[0], err.text);
    assay_model_close(model);
    return assay_exit_code(status);
}
