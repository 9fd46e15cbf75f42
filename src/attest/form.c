/* Members of our JSON, written and read. */
#include "attest/form.h"

#include "base/bytes.h"
#include "base/text.h"
#include "crypto/base64.h"
#include "crypto/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct assay_json *assay_form_new_number(uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return assay_json_new_text(text);
}

struct assay_json *assay_form_new_digest(const struct assay_digest *digest)
{
    char hex[ASSAY_DIGEST_HEX];
    return assay_json_new_text(assay_digest_hex(digest, hex));
}

struct assay_json *assay_form_new_base64(const void *data, size_t size)
{
    struct assay_bytes text = {0};
    struct assay_json *json = NULL;
    if (assay_base64_encode(&text, data, size, NULL) == ASSAY_OK) {
        json = assay_json_new_text((const char *)text.data);
    }
    assay_bytes_fini(&text);
    return json;
}

enum assay_status assay_form_text(const char **out, struct assay_form form, const char *name,
                                  size_t bytes_max, struct assay_error *err)
{
    const struct assay_json *member = form.object ? assay_json_member(form.object, name) : NULL;
    if (!member) return assay_fail(err, ASSAY_EFORMAT, "%s%s is missing", form.where, name);
    const char *text = assay_json_text(member);
    if (!text) {
        return assay_fail(err, ASSAY_EFORMAT, "%s%s is %s; it must be a text", form.where, name,
                          assay_json_type_name(assay_json_type(member)));
    }
    if (strlen(text) > bytes_max) {
        return assay_fail(err, ASSAY_EVALUE, "%s%s is longer than %zu bytes", form.where, name,
                          bytes_max);
    }
    if (assay_text_has_control(text)) {
        return assay_fail(err, ASSAY_EVALUE, "%s%s holds a control character", form.where, name);
    }
    *out = text;
    return ASSAY_OK;
}

enum assay_status assay_form_digest(struct assay_digest *out, struct assay_form form,
                                    const char *name, struct assay_error *err)
{
    const char *text;
    enum assay_status status = assay_form_text(&text, form, name, SIZE_MAX, err);
    if (status || assay_digest_parse(text, out)) return status;
    return assay_fail(err, ASSAY_EFORMAT, "%s%s is \"%.80s\"; it must be 64 hex digits", form.where,
                      name, text);
}

/* No sign, no leading zero. */
enum assay_status assay_form_number(uint64_t *out, struct assay_form form, const char *name,
                                    struct assay_error *err)
{
    const char *text;
    enum assay_status status = assay_form_text(&text, form, name, SIZE_MAX, err);
    if (status) return status;
    if ((text[0] == '0' && text[1] != '\0') || !assay_text_unsigned(text, UINT64_MAX, out)) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "%s%s is \"%.80s\"; it must be a whole number in decimal digits",
                          form.where, name, text);
    }
    return ASSAY_OK;
}

enum assay_status assay_form_base64(const uint8_t **out, size_t *size, struct assay_arena *arena,
                                    struct assay_form form, const char *name,
                                    struct assay_error *err)
{
    const char *text;
    struct assay_bytes bytes = {0};
    enum assay_status status = assay_form_text(&text, form, name, SIZE_MAX, err);
    if (status) return status;
    status = assay_base64_decode(&bytes, text, strlen(text), err);
    status = assay_while(err, status, "%s%s", form.where, name);
    if (!status) {
        *size = bytes.size;
        *out = (const uint8_t *)assay_arena_text(arena, (const char *)bytes.data, bytes.size);
        if (!*out) status = assay_fail(err, ASSAY_EMEMORY, "no memory for %s%s", form.where, name);
    }
    assay_bytes_fini(&bytes);
    return status;
}
