/* A cell is two: that of the record, which is the same in every run, and that of the circumstances,
 * which is bound to the first. */
#include "store/sealed.h"

#include "crypto/cipher.h"
#include "store/record.h"

#include <stdlib.h>
#include <string.h>

static const char record_label[] = "assay/cell-1/record";
static const char circumstances_label[] = "assay/cell-1/circumstances";

void assay_sealing_fini(struct assay_sealing *sealing)
{
    assay_bytes_fini(&sealing->bound);
    assay_bytes_fini(&sealing->plain);
    assay_bytes_fini(&sealing->cell);
    free(sealing->zeros);
    *sealing = (struct assay_sealing){0};
}

static struct assay_cipher_input input_of(const struct assay_bytes *bytes)
{
    return (struct assay_cipher_input){bytes->data, bytes->size};
}

/* Tokens of the record's number, all 0. */
static const uint32_t *zeros(struct assay_sealing *sealing, size_t count)
{
    if (count < sealing->zero_count) return sealing->zeros;
    uint32_t *made = calloc(count + 1, sizeof *made);
    if (!made) return NULL;
    free(sealing->zeros);
    sealing->zeros = made;
    sealing->zero_count = count + 1;
    return made;
}

static enum assay_status append_u32(struct assay_bytes *out, uint32_t value,
                                    struct assay_error *err)
{
    uint8_t bytes[4];
    assay_put_le32(bytes, value);
    return assay_bytes_append(out, bytes, sizeof bytes, err);
}

static enum assay_status bind_record(struct assay_bytes *bound, const struct assay_record *record,
                                     struct assay_error *err)
{
    assay_bytes_clear(bound);
    enum assay_status status =
        assay_bytes_append(bound, record_label, sizeof record_label - 1, err);
    return status ? status : assay_record_encode(bound, record, err);
}

/* `part`: the record's cell. */
static enum assay_status bind_circumstances(struct assay_bytes *bound,
                                            const struct assay_circumstances *circumstances,
                                            struct assay_span part, struct assay_error *err)
{
    struct assay_circumstances bare = *circumstances;
    bare.sealed = (struct assay_span){"", 0};
    assay_bytes_clear(bound);
    enum assay_status status =
        assay_bytes_append(bound, circumstances_label, sizeof circumstances_label - 1, err);
    if (!status) status = assay_circumstances_encode(bound, &bare, err);
    return status ? status : assay_bytes_append(bound, part.data, part.size, err);
}

static enum assay_status seal_record(struct assay_sealing *sealing,
                                     const struct assay_cipher_key *key,
                                     const struct assay_record *record,
                                     const struct assay_record *public, struct assay_error *err)
{
    enum assay_status status = bind_record(&sealing->bound, public, err);
    assay_bytes_clear(&sealing->plain);
    for (size_t i = 0; i < record->token_count && !status; i++) {
        status = append_u32(&sealing->plain, record->tokens[i], err);
    }
    if (!status) {
        status = assay_bytes_append(&sealing->plain, record->answer.data, record->answer.size, err);
    }
    assay_bytes_clear(&sealing->cell);
    if (!status) {
        status = append_u32(&sealing->cell,
                            (uint32_t)(sealing->plain.size + ASSAY_CELL_EXTRA_BYTES), err);
    }
    if (status) return status;
    return assay_cipher_seal(&sealing->cell, key, input_of(&sealing->bound),
                             input_of(&sealing->plain), err);
}

static enum assay_status seal_circumstances(struct assay_sealing *sealing,
                                            const struct assay_cipher_key *key,
                                            const struct assay_circumstances *from,
                                            const struct assay_circumstances *public,
                                            struct assay_error *err)
{
    const struct assay_span texts[] = {from->text, from->grade.flexible_answer,
                                       from->grade.run_detail};
    const struct assay_span part = assay_sealed_record_part(
        (struct assay_span){(const char *)sealing->cell.data, sealing->cell.size});
    enum assay_status status = bind_circumstances(&sealing->bound, public, part, err);
    assay_bytes_clear(&sealing->plain);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !status; i++) {
        status = append_u32(&sealing->plain, (uint32_t)texts[i].size, err);
        if (!status) {
            status = assay_bytes_append(&sealing->plain, texts[i].data, texts[i].size, err);
        }
    }
    if (status) return status;
    return assay_cipher_seal(&sealing->cell, key, input_of(&sealing->bound),
                             input_of(&sealing->plain), err);
}

enum assay_status
assay_sealed_make(struct assay_sealing *sealing, const struct assay_cipher_key *key,
                  const struct assay_record *record,
                  const struct assay_circumstances *circumstances, struct assay_record *record_out,
                  struct assay_circumstances *circumstances_out, struct assay_error *err)
{
    const struct assay_span nothing = {"", 0};
    struct assay_record public = *record;
    struct assay_circumstances rest = *circumstances;
    public.answer = nothing;
    public.tokens = zeros(sealing, record->token_count);
    if (!public.tokens) return assay_fail(err, ASSAY_EMEMORY, "no memory to encrypt a sample");
    rest.text = rest.grade.flexible_answer = rest.grade.run_detail = rest.sealed = nothing;
    enum assay_status status = seal_record(sealing, key, record, &public, err);
    if (!status) status = seal_circumstances(sealing, key, circumstances, &rest, err);
    if (status) return status;
    rest.sealed = (struct assay_span){(const char *)sealing->cell.data, sealing->cell.size};
    *record_out = public;
    *circumstances_out = rest;
    return ASSAY_OK;
}

struct assay_span assay_sealed_record_part(struct assay_span cell)
{
    size_t size = cell.size < 4 ? 0 : assay_get_le32((const uint8_t *)cell.data);
    if (cell.size < 4 || size > cell.size - 4) return (struct assay_span){"", 0};
    return (struct assay_span){cell.data + 4, size};
}

static enum assay_status no_sample(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EFORMAT, "its encrypted cell holds no sample");
}

/* Into the arena, from a buffer that is left. */
static enum assay_status open_part(struct assay_reader *out, struct assay_arena *arena,
                                   const struct assay_cipher_key *key,
                                   const struct assay_bytes *bound, struct assay_span part,
                                   struct assay_error *err)
{
    struct assay_bytes plain = {0};
    enum assay_status status = assay_cipher_open(
        &plain, key, input_of(bound), (struct assay_cipher_input){part.data, part.size}, err);
    const char *kept = NULL;
    if (!status) {
        kept = assay_arena_text(arena, plain.size ? (const char *)plain.data : "", plain.size);
        if (!kept) status = assay_fail(err, ASSAY_EMEMORY, "no memory for an encrypted cell");
    }
    if (!status) *out = (struct assay_reader){.data = (const uint8_t *)kept, .size = plain.size};
    assay_bytes_fini(&plain);
    return status;
}

enum assay_status assay_sealed_open_record(struct assay_arena *arena,
                                           const struct assay_cipher_key *key,
                                           const struct assay_record *record,
                                           struct assay_span part, struct assay_record *out,
                                           struct assay_error *err)
{
    struct assay_bytes bound = {0};
    struct assay_reader plain = {0};
    struct assay_record opened = *record;
    enum assay_status status = bind_record(&bound, record, err);
    if (!status) status = open_part(&plain, arena, key, &bound, part, err);
    assay_bytes_fini(&bound);
    if (status) return status;
    size_t count = record->token_count;
    if (plain.size < 4 * count) return no_sample(err);
    uint32_t *tokens = assay_arena_take(arena, count, sizeof *tokens);
    if (!tokens) return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu tokens", count);
    for (size_t i = 0; i < count; i++) tokens[i] = assay_read_le32(&plain);
    opened.tokens = tokens;
    opened.answer.size = plain.size - plain.position;
    opened.answer.data = (const char *)plain.data + plain.position;
    if (assay_record_fault(&opened)) return no_sample(err);
    *out = opened;
    return ASSAY_OK;
}

static struct assay_span read_text(struct assay_reader *reader)
{
    size_t size = assay_read_le32(reader);
    const uint8_t *data = assay_read_span(reader, size);
    return data ? (struct assay_span){(const char *)data, size} : (struct assay_span){"", 0};
}

enum assay_status assay_sealed_open(struct assay_arena *arena, const struct assay_cipher_key *key,
                                    const struct assay_record *record,
                                    const struct assay_circumstances *circumstances,
                                    struct assay_record *record_out,
                                    struct assay_circumstances *circumstances_out,
                                    struct assay_error *err)
{
    struct assay_bytes bound = {0};
    struct assay_reader plain = {0};
    struct assay_circumstances opened = *circumstances;
    struct assay_span cell = circumstances->sealed, part = assay_sealed_record_part(cell);
    struct assay_record clear;
    enum assay_status status = assay_sealed_open_record(arena, key, record, part, &clear, err);
    if (!status) status = bind_circumstances(&bound, circumstances, part, err);
    if (!status) {
        const struct assay_span rest = {part.data + part.size, cell.size - 4 - part.size};
        status = open_part(&plain, arena, key, &bound, rest, err);
    }
    assay_bytes_fini(&bound);
    if (status) return status;
    opened.text = read_text(&plain);
    opened.grade.flexible_answer = read_text(&plain);
    opened.grade.run_detail = read_text(&plain);
    opened.sealed = (struct assay_span){"", 0};
    if (plain.failed || plain.position != plain.size ||
        opened.text.size > ASSAY_CIRCUMSTANCES_TEXT_BYTES_MAX || assay_grade_fault(&opened.grade)) {
        return no_sample(err);
    }
    *record_out = clear;
    *circumstances_out = opened;
    return ASSAY_OK;
}
