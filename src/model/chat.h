/* Chat templates. They are Jinja programs; assay runs none, it recognises those whose effect it
 * knows. */
#ifndef ASSAY_MODEL_CHAT_H
#define ASSAY_MODEL_CHAT_H

#include "assay/model.h"
#include "model/chat_family.h"
#include "model/gguf.h"
#include "model/vocab.h"

struct assay_arena;

enum { ASSAY_TEMPLATE_BYTES_MAX = 1 << 18 };

struct assay_chat_template {
    const struct assay_vocab *vocab;
    struct assay_gguf_text text;            /* data NULL: the file has none */
    const struct assay_chat_family *family; /* whose effect it has; NULL: not recognised */
    const char *default_system;             /* "" where the template has none */
    bool takes_system;                      /* a message of the user's */
    const char *refusal;                    /* why it is not recognised, or not used as it is */
};

/* A template that is absent or not recognised is no error here, only when it is used. The
 * vocabulary must outlive it. */
ASSAY_MUST_CHECK enum assay_status assay_chat_read(struct assay_chat_template *out,
                                                   const struct assay_gguf *gguf,
                                                   const struct assay_vocab *vocab,
                                                   struct assay_arena *arena,
                                                   struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_chat_append(const struct assay_chat_template *chat,
                                                     enum assay_chat choice,
                                                     const struct assay_chat_talk *talk,
                                                     struct assay_bytes *out,
                                                     struct assay_error *err);

#endif
