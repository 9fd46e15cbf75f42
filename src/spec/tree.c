/* YAML text → tree, from libyaml's events: they are the only layer of it that still knows where a
 * key stood and what was an anchor or a tag. The only file that sees <yaml.h>. */
#include "spec/tree.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/text.h"

#include <string.h>
#include <yaml.h>

struct builder {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    struct assay_arena *arena;
    const char *text;
    size_t size;
    const struct spec_report *report;
};

static enum assay_status check_bytes(const struct builder *b);
static enum assay_status build_document(struct builder *b, struct spec_node **out);

enum assay_status assay_spec_tree(const struct spec_node **out, struct assay_arena *arena,
                                  const char *text, size_t size, const struct spec_report *report)
{
    struct builder b = {.arena = arena, .text = text, .size = size, .report = report};
    enum assay_status status = check_bytes(&b);
    if (status) return status;
    if (!yaml_parser_initialize(&b.parser)) return assay_spec_fail_memory(report);
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, size);

    struct spec_node *root = NULL;
    status = build_document(&b, &root);
    yaml_event_delete(&b.event);
    yaml_parser_delete(&b.parser);
    if (!status) *out = root;
    return status;
}

const struct spec_node *assay_spec_tree_find(const struct spec_node *mapping, const char *key)
{
    for (const struct spec_node *child = mapping->first; child; child = child->next)
        if (strcmp(child->key, key) == 0) return child;
    return NULL;
}

/* --- places and libyaml's own errors --- */

static struct spec_mark mark_of(yaml_mark_t mark)
{
    return (struct spec_mark){mark.line + 1, mark.column + 1};
}

static struct spec_mark mark_at(const struct builder *b, size_t offset)
{
    struct spec_mark mark = {1, 1};
    for (size_t i = 0; i < offset && i < b->size; i++) {
        if (b->text[i] == '\n')
            mark = (struct spec_mark){mark.line + 1, 1};
        else if (((unsigned char)b->text[i] & 0xc0) != 0x80)
            mark.column++;
    }
    return mark;
}

/* libyaml would take UTF-16 for what it is and a NUL for the end of the text. */
static enum assay_status check_bytes(const struct builder *b)
{
    const char *nul = memchr(b->text, 0, b->size);
    if (nul)
        return assay_spec_fail(b->report, ASSAY_EFORMAT, mark_at(b, (size_t)(nul - b->text)),
                               "a NUL byte");
    size_t valid = assay_text_utf8_prefix(b->text, b->size);
    if (valid < b->size)
        return assay_spec_fail(b->report, ASSAY_EFORMAT, mark_at(b, valid),
                               "the byte 0x%02x is not UTF-8", (unsigned char)b->text[valid]);
    return ASSAY_OK;
}

static enum assay_status fail_yaml(const struct builder *b)
{
    const yaml_parser_t *parser = &b->parser;
    if (parser->error == YAML_MEMORY_ERROR) return assay_spec_fail_memory(b->report);
    struct spec_mark mark = parser->error == YAML_READER_ERROR ? mark_at(b, parser->problem_offset)
                                                               : mark_of(parser->problem_mark);
    if (!parser->context)
        return assay_spec_fail(b->report, ASSAY_EFORMAT, mark, "not YAML: %s", parser->problem);
    return assay_spec_fail(b->report, ASSAY_EFORMAT, mark, "not YAML: %s %s from line %zu",
                           parser->problem, parser->context, parser->context_mark.line + 1);
}

/* --- the document --- */

static enum assay_status build_node(struct builder *b, size_t depth, struct spec_node **out);

static enum assay_status advance(struct builder *b)
{
    yaml_event_delete(&b->event);
    return yaml_parser_parse(&b->parser, &b->event) ? ASSAY_OK : fail_yaml(b);
}

static enum assay_status fail_here(const struct builder *b, enum assay_status code,
                                   const char *message)
{
    return assay_spec_fail(b->report, code, mark_of(b->event.start_mark), "%s", message);
}

static enum assay_status build_document(struct builder *b, struct spec_node **out)
{
    enum assay_status status = advance(b);
    if (!status) status = advance(b);
    if (status) return status;
    if (b->event.type != YAML_DOCUMENT_START_EVENT)
        return assay_spec_fail(b->report, ASSAY_EFORMAT, (struct spec_mark){1, 1},
                               "the file is empty");
    if (b->event.data.document_start.tag_directives.start !=
        b->event.data.document_start.tag_directives.end)
        return fail_here(b, ASSAY_EUNSUPPORTED, "a %TAG directive: tags are not taken");

    status = advance(b);
    if (!status) status = build_node(b, 0, out);
    if (!status) status = advance(b);
    if (status) return status;
    ASSAY_ASSERT(b->event.type == YAML_DOCUMENT_END_EVENT);
    status = advance(b);
    if (!status && b->event.type != YAML_STREAM_END_EVENT)
        status = fail_here(b, ASSAY_EUNSUPPORTED, "a second document: a file holds one");
    return status;
}

static enum assay_status refuse_decoration(const struct builder *b)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (b->event.type) {
    case YAML_ALIAS_EVENT:
        return assay_spec_fail(b->report, ASSAY_EUNSUPPORTED, mark_of(b->event.start_mark),
                               "the alias *%.64s: write the value out",
                               (const char *)b->event.data.alias.anchor);
    case YAML_SCALAR_EVENT:
        anchor = b->event.data.scalar.anchor;
        tag = b->event.data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = b->event.data.sequence_start.anchor;
        tag = b->event.data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = b->event.data.mapping_start.anchor;
        tag = b->event.data.mapping_start.tag;
        break;
    default:
        ASSAY_ASSERT(!"the parser began a node with another event");
    }
    char quoted[96];
    if (anchor)
        return assay_spec_fail(b->report, ASSAY_EUNSUPPORTED, mark_of(b->event.start_mark),
                               "the anchor &%.64s: anchors are not taken", (const char *)anchor);
    if (tag)
        return assay_spec_fail(
            b->report, ASSAY_EUNSUPPORTED, mark_of(b->event.start_mark),
            "the tag %s: tags are not taken",
            assay_text_quote(quoted, sizeof quoted, (const char *)tag, strlen((const char *)tag)));
    return ASSAY_OK;
}

/* --- nodes --- */

/* Each function begins at the first event of what it reads and ends at its last. */

static enum assay_status build_scalar(struct builder *b, struct spec_node *node)
{
    const char *value = (const char *)b->event.data.scalar.value;
    size_t size = b->event.data.scalar.length;
    if (memchr(value, 0, size)) return fail_here(b, ASSAY_EFORMAT, "a NUL character in a text");
    node->kind = SPEC_SCALAR;
    node->plain = b->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = assay_arena_text(b->arena, value, size);
    node->size = size;
    return node->text ? ASSAY_OK : assay_spec_fail_memory(b->report);
}

static enum assay_status build_key(struct builder *b, const struct spec_node *mapping,
                                   struct spec_node *key)
{
    enum assay_status status = refuse_decoration(b);
    if (status) return status;
    if (b->event.type != YAML_SCALAR_EVENT)
        return fail_here(b, ASSAY_EFORMAT, "a key that is a list or a mapping: keys are words");
    key->mark = mark_of(b->event.start_mark);
    status = build_scalar(b, key);
    if (status) return status;
    const struct spec_node *earlier = assay_spec_tree_find(mapping, key->text);
    if (!earlier) return ASSAY_OK;
    char quoted[96];
    return assay_spec_fail(
        b->report, ASSAY_EFORMAT, key->mark, "the key %s stands twice (first on line %zu)",
        assay_text_quote(quoted, sizeof quoted, key->text, key->size), earlier->mark.line);
}

static enum assay_status build_children(struct builder *b, size_t depth, struct spec_node *node)
{
    bool mapping = node->kind == SPEC_MAPPING;
    yaml_event_type_t end = mapping ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    struct spec_node **link = &node->first;
    for (;;) {
        struct spec_node key = {0};
        enum assay_status status = advance(b);
        if (status || b->event.type == end) return status;
        if (node->count == SPEC_CHILDREN_MAX)
            return fail_here(b, ASSAY_EVALUE, "too many entries here: at most 256");
        if (mapping) {
            status = build_key(b, node, &key);
            if (!status) status = advance(b);
            if (status) return status;
        }
        struct spec_node *child = NULL;
        status = build_node(b, depth + 1, &child);
        if (status) return status;
        if (mapping) {
            child->key = key.text;
            child->mark = key.mark;
        }
        *link = child;
        link = &child->next;
        node->count++;
    }
}

static enum assay_status build_node(struct builder *b, size_t depth, struct spec_node **out)
{
    enum assay_status status = refuse_decoration(b);
    if (status) return status;
    if (depth == SPEC_DEPTH_MAX) return fail_here(b, ASSAY_EVALUE, "nested too deeply");
    struct spec_node *node = assay_arena_take(b->arena, 1, sizeof *node);
    if (!node) return assay_spec_fail_memory(b->report);
    node->mark = mark_of(b->event.start_mark);
    *out = node;
    if (b->event.type == YAML_SCALAR_EVENT) return build_scalar(b, node);
    node->kind = b->event.type == YAML_MAPPING_START_EVENT ? SPEC_MAPPING : SPEC_SEQUENCE;
    return build_children(b, depth, node);
}
