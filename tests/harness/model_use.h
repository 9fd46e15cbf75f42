/* Whatever a model's callers may do with it, once it was parsed. */
#ifndef ASSAY_TESTS_MODEL_USE_H
#define ASSAY_TESTS_MODEL_USE_H

#include "base/assert.h"
#include "base/bytes.h"
#include "model/finite.h"
#include "model/model_parse.h"

#include <string.h>

/* Look at all of its tensors, through its tokenizer and its template. A refusal has a text. */
static inline void model_use(const struct assay_model *model)
{
    static const char text[] = "<|im_start|> the hello 12 \xff \xc3\xa9";
    const struct assay_chat_talk talk = {.user = "x"};
    const struct assay_model_tensors *t = assay_model_tensors(model);
    const struct assay_layer_tensors *last = &t->layers[assay_model_hyper(model)->layers - 1];
    const struct assay_tensor *some[] = {&t->embedding, &t->output,  &t->output_norm,
                                         &t->layers->q, &last->down, &last->ffn_norm};
    struct assay_bytes out = {0};
    struct assay_error err;
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        err.text[0] = '\0';
        ASSAY_ASSERT(assay_tensor_check_finite(some[i], &err) == ASSAY_OK || err.text[0] != '\0');
    }
    ASSAY_ASSERT(assay_tokenizer_encode(assay_model_tokenizer(model), text, sizeof text - 1, true,
                                        &out, &err) == ASSAY_OK);
    for (size_t i = 0; i < out.size; i += sizeof(uint32_t)) {
        const char *piece;
        size_t size;
        uint32_t token;
        memcpy(&token, out.data + i, sizeof token);
        assay_tokenizer_piece(assay_model_tokenizer(model), token, true, &piece, &size);
    }
    err.text[0] = '\0';
    ASSAY_ASSERT(assay_chat_render(model, ASSAY_CHAT_MODEL, &talk, &out, &err) == ASSAY_OK ||
                 err.text[0] != '\0');
    assay_bytes_fini(&out);
}

#endif
