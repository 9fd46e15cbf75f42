/* Prompt templates, piece by piece: the spec checks them with this walk, the benchmark fills them
 * in with it. */
#include "spec/template.h"

#include "base/text.h"

#include <string.h>

static enum assay_status next_field(const char *template, size_t open, size_t *size,
                                    struct assay_error *err);

/* Places count characters, as an editor does. Only for errors: it walks from the start. */
static size_t character_at(const char *template, size_t offset)
{
    size_t character = 1;
    for (size_t i = 0; i < offset; i++)
        if (((unsigned char)template[i] & 0xc0) != 0x80) character++;
    return character;
}

enum assay_status assay_template_next(const char *template, size_t *position, bool *found,
                                      struct assay_template_piece *piece, struct assay_error *err)
{
    const char *text = template + *position;
    *found = *text != 0;
    if (!*found) return ASSAY_OK;

    size_t literal = strcspn(text, "{}");
    if (literal > 0) {
        *piece = (struct assay_template_piece){false, text, literal};
        *position += literal;
        return ASSAY_OK;
    }
    if (text[0] == text[1]) {
        *piece = (struct assay_template_piece){false, text, 1};
        *position += 2;
        return ASSAY_OK;
    }
    if (*text == '}')
        return assay_fail(err, ASSAY_EFORMAT,
                          "\"}\" at character %zu closes nothing; a literal brace is doubled",
                          character_at(template, *position));

    size_t size = 0;
    enum assay_status status = next_field(template, *position, &size, err);
    if (status) return status;
    *piece = (struct assay_template_piece){true, text + 1, size};
    *position += size + 2;
    return ASSAY_OK;
}

static bool is_field_character(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ':';
}

static enum assay_status next_field(const char *template, size_t open, size_t *size,
                                    struct assay_error *err)
{
    const char *name = template + open + 1;
    size_t length = strcspn(name, "{}");
    if (name[length] != '}')
        return assay_fail(err, ASSAY_EFORMAT,
                          "\"{\" at character %zu is never closed; a literal brace is doubled",
                          character_at(template, open));
    size_t valid = 0;
    while (valid < length && is_field_character(name[valid])) valid++;
    if (length == 0 || valid < length || length > ASSAY_TEMPLATE_FIELD_BYTES_MAX) {
        char quoted[96];
        return assay_fail(err, ASSAY_EFORMAT,
                          "the field %s at character %zu: a field's name has 1 to %d characters "
                          "of A-Z, a-z, 0-9 and _ - . :; a literal brace is doubled",
                          assay_text_quote(quoted, sizeof quoted, name, length),
                          character_at(template, open), ASSAY_TEMPLATE_FIELD_BYTES_MAX);
    }
    *size = length;
    return ASSAY_OK;
}
