/* Regular expressions by PCRE2. Texts come from a language model and patterns from a spec: both are
 * bounded by a match limit and a heap limit. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/regex.h"

#include "base/assert.h"
#include "base/text.h"

#include <pcre2.h>
#include <stdlib.h>

enum { MATCH_LIMIT = 1000000, HEAP_LIMIT_KIB = 64 * 1024 };

struct assay_regex {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
    unsigned groups;
};

static enum assay_status fail_pcre2(struct assay_error *err, int code, const char *what,
                                    size_t offset)
{
    if (code == PCRE2_ERROR_NOMEMORY) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory for a regular expression");
    }
    PCRE2_UCHAR message[160];
    if (pcre2_get_error_message(code, message, sizeof message) == PCRE2_ERROR_BADDATA) {
        return assay_fail(err, ASSAY_EFORMAT, "%s at offset %zu: error %d", what, offset, code);
    }
    return assay_fail(err, ASSAY_EFORMAT, "%s at offset %zu: %s", what, offset,
                      (const char *)message);
}

enum assay_status assay_regex_create(struct assay_regex **out, const char *pattern,
                                     struct assay_error *err)
{
    struct assay_regex *regex = calloc(1, sizeof *regex);
    if (!regex) return fail_pcre2(err, PCRE2_ERROR_NOMEMORY, "", 0);
    enum assay_status status = ASSAY_OK;
    int code = 0;
    PCRE2_SIZE offset = 0;
    uint32_t groups = 0;
    /* \C could end a match inside a character. */
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C;
    regex->code =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &code, &offset, NULL);
    if (!regex->code) {
        status = fail_pcre2(err, code, "pattern", offset);
        goto done;
    }
    regex->data = pcre2_match_data_create_from_pattern(regex->code, NULL);
    regex->context = pcre2_match_context_create(NULL);
    if (!regex->data || !regex->context) {
        status = fail_pcre2(err, PCRE2_ERROR_NOMEMORY, "", 0);
        goto done;
    }
    pcre2_set_match_limit(regex->context, MATCH_LIMIT);
    pcre2_set_heap_limit(regex->context, HEAP_LIMIT_KIB);
    pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    regex->groups = groups;
    *out = regex;
    regex = NULL;
done:
    assay_regex_destroy(regex);
    return status;
}

void assay_regex_destroy(struct assay_regex *regex)
{
    if (!regex) return;
    pcre2_match_context_free(regex->context);
    pcre2_match_data_free(regex->data);
    pcre2_code_free(regex->code);
    free(regex);
}

unsigned assay_regex_groups(const struct assay_regex *regex)
{
    return regex->groups;
}

static struct assay_match match_of(const struct assay_regex *regex)
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(regex->data);
    struct assay_match match = {at[0], at[1], at[1], at[1]};
    if (regex->groups >= 1 && at[2] != PCRE2_UNSET) {
        match.group_start = at[2];
        match.group_end = at[3];
    }
    return match;
}

enum assay_status assay_regex_find(struct assay_regex *regex, const char *text, size_t size,
                                   size_t from, bool *found, struct assay_match *match,
                                   struct assay_error *err)
{
    ASSAY_ASSERT(from <= size);
    size_t valid = assay_text_utf8_prefix(text, size);
    if (valid != size) {
        return assay_fail(err, ASSAY_EFORMAT, "text is not UTF-8 at offset %zu", valid);
    }
    if (from < size && ((unsigned char)text[from] & 0xc0) == 0x80) {
        return assay_fail(err, ASSAY_EFORMAT, "offset %zu lies inside a character", from);
    }
    int code = pcre2_match(regex->code, (PCRE2_SPTR)(size > 0 ? text : ""), size, from,
                           PCRE2_NO_UTF_CHECK, regex->data, regex->context);
    if (code < 0 && code != PCRE2_ERROR_NOMATCH) return fail_pcre2(err, code, "search", from);
    if (code != PCRE2_ERROR_NOMATCH) {
        struct assay_match result = match_of(regex);
        if (result.start > result.end) {
            return assay_fail(err, ASSAY_EFORMAT, "the match starts behind its end (\\K)");
        }
        *match = result;
    }
    *found = code != PCRE2_ERROR_NOMATCH;
    return ASSAY_OK;
}
