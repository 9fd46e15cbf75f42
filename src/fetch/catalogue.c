/* The catalogue: YAML by a table of keys, with the reader of specs. */
#include "assay/fetch.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "spec/keys.h"
#include "spec/read.h"
#include "spec/tree.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 128, PIECES_MAX = 128 };

/* As it is written. */
struct row {
    const char *name, *licence;
    struct assay_digest sha256;
    bool has_sha256;
    uint64_t bytes;
    const char *const *packages, *const *members, *const *urls, *const *files;
    size_t package_count, member_count, url_count, file_count;
};
struct sheet {
    const struct row *rows;
    size_t row_count;
};

#define IN_ROW(member) offsetof(struct row, member)

static const struct spec_key row_keys[] = {
    {"name", SPEC_WORD, .required = true, .at = IN_ROW(name), .max = NAME_MAX_BYTES,
     .help = "the file's, as specs name it"},
    {"sha256", SPEC_SHA256, .required = true, .at = IN_ROW(sha256), .also_at = IN_ROW(has_sha256),
     .help = "of the whole file"},
    {"bytes", SPEC_SEED, .at = IN_ROW(bytes), .min = 1, .max = UINT64_C(1) << 50,
     .help = "its size"},
    {"licence", SPEC_TEXT, .at = IN_ROW(licence), .max = 256, .fallback = "", .help = "for people"},
    {"package", SPEC_SOME, .each = "a package", .at = IN_ROW(packages),
     .also_at = IN_ROW(package_count), .max = PIECES_MAX,
     .help = "NAME==VERSION of Python packages, fetched with pip as it is set up here"},
    {"member", SPEC_SOME, .each = "a member", .at = IN_ROW(members),
     .also_at = IN_ROW(member_count), .max = PIECES_MAX, .help = "the path inside each package"},
    {"url", SPEC_SOME, .each = "a URL", .at = IN_ROW(urls), .also_at = IN_ROW(url_count),
     .max = PIECES_MAX, .help = "http or https, fetched with curl"},
    {"file", SPEC_SOME, .each = "a path", .at = IN_ROW(files), .also_at = IN_ROW(file_count),
     .max = PIECES_MAX, .help = "a path, relative to the catalogue"},
    {0}};

static const struct spec_key sheet_keys[] = {
    {"catalogue", SPEC_VERSION, .required = true, .min = 1, .max = 1,
     .help = "the version of this format; it must be the first key"},
    {"entries", SPEC_RECORDS, .required = true, .each = "an entry",
     .record_bytes = sizeof(struct row), .at = offsetof(struct sheet, rows),
     .also_at = offsetof(struct sheet, row_count), .max = ASSAY_CATALOGUE_ENTRIES_MAX,
     .keys = row_keys, .help = "the files"},
    {0}};

struct owner {
    struct assay_catalogue catalogue; /* first: a catalogue is cast to its owner */
    struct assay_arena arena;
};

const char *assay_source_name(enum assay_source source)
{
    static const char *const names[] = {"package", "url", "file"};
    return names[source];
}

static bool consists_of(const char *text, const char *marks)
{
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
    if (length == 0) return false; /* no option, no hidden file, no parent */
    for (; text[length]; length++) {
        char mark = text[length];
        bool plain = (mark >= 'A' && mark <= 'Z') || (mark >= 'a' && mark <= 'z') ||
                     (mark >= '0' && mark <= '9');
        if (!plain && !strchr(marks, mark)) return false;
    }
    return true;
}

bool assay_store_may_name(const char *name)
{
    return strlen(name) <= NAME_MAX_BYTES && consists_of(name, "._+-") &&
           strcmp(name, "sha256") != 0 && strcmp(name, "incoming") != 0;
}

bool assay_source_is_url(const char *text)
{
    size_t scheme = strncmp(text, "https://", 8) == 0  ? 8
                    : strncmp(text, "http://", 7) == 0 ? 7
                                                       : 0;
    return scheme && text[scheme] && !assay_text_has_control(text) && !strchr(text, ' ');
}

/* NAME==VERSION, and nothing that pip would take for an option or an address. */
static bool is_package(const char *text)
{
    const char *equals = strstr(text, "==");
    return equals && equals > text && equals[2] && equals[2] != '=' && consists_of(text, "._+-=!");
}

static bool is_piece(enum assay_source source, const char *text)
{
    if (source == ASSAY_SOURCE_PACKAGE) return is_package(text);
    if (source == ASSAY_SOURCE_URL) return assay_source_is_url(text);
    return text[0] != '\0';
}

static enum assay_status check_pieces(const struct assay_catalogue_entry *entry,
                                      const struct spec_node *node,
                                      const struct spec_report *report)
{
    static const char *const must[] = {"NAME==VERSION", "an address with http:// or https://",
                                       "a path"};
    char quoted[160];
    for (size_t i = 0; i < entry->piece_count; i++) {
        const char *piece = entry->pieces[i];
        if (is_piece(entry->source, piece)) continue;
        return assay_spec_fail(report, ASSAY_EVALUE, node->mark, "%s has %s: it must be %s",
                               assay_source_name(entry->source),
                               assay_text_quote(quoted, sizeof quoted, piece, strlen(piece)),
                               must[entry->source]);
    }
    return ASSAY_OK;
}

/* From the row at `node`. */
static enum assay_status make_entry(struct assay_catalogue_entry *out, const struct row *row,
                                    const struct spec_node *node, const struct spec_report *report)
{
    size_t counts[] = {row->package_count, row->url_count, row->file_count};
    unsigned sources = 0;
    for (size_t i = 0; i < 3; i++) sources += counts[i] > 0;
    if (!assay_store_may_name(row->name)) {
        return assay_spec_fail(report, ASSAY_EVALUE, assay_spec_tree_find(node, "name")->mark,
                               "name is \"%s\": a name in a store has letters, digits and ._+-, "
                               "begins with a letter or digit, and is neither sha256 nor incoming",
                               row->name);
    }
    if (sources != 1) {
        return assay_spec_fail(report, ASSAY_EFORMAT, node->mark,
                               "entry \"%s\" has %u of package, url, file: it must have one",
                               row->name, sources);
    }
    if (row->member_count != row->package_count) {
        return assay_spec_fail(report, ASSAY_EFORMAT, node->mark,
                               "entry \"%s\" has package: %zu, member: %zu: each package needs its "
                               "member",
                               row->name, row->package_count, row->member_count);
    }
    *out = (struct assay_catalogue_entry){.name = row->name,
                                          .sha256 = row->sha256,
                                          .bytes = row->bytes,
                                          .licence = row->licence,
                                          .members = row->members};
    if (row->package_count) {
        out->source = ASSAY_SOURCE_PACKAGE;
        out->pieces = row->packages;
        out->piece_count = row->package_count;
    } else if (row->url_count) {
        out->source = ASSAY_SOURCE_URL;
        out->pieces = row->urls;
        out->piece_count = row->url_count;
    } else {
        out->source = ASSAY_SOURCE_FILE;
        out->pieces = row->files;
        out->piece_count = row->file_count;
    }
    return check_pieces(out, assay_spec_tree_find(node, assay_source_name(out->source)), report);
}

static enum assay_status make_entries(struct owner *owner, const struct spec_node *root,
                                      const struct spec_report *report)
{
    const struct spec_reader reader = {.arena = &owner->arena, .report = report};
    struct sheet sheet = {0};
    enum assay_status status =
        assay_spec_read_root(&reader, "the catalogue", sheet_keys, root, &sheet);
    if (status) return status;
    struct assay_catalogue_entry *entries =
        assay_arena_take(&owner->arena, sheet.row_count, sizeof *entries);
    if (!entries) return assay_spec_fail_memory(report);
    const struct spec_node *node = assay_spec_tree_find(root, "entries")->first;
    for (size_t i = 0; i < sheet.row_count && !status; i++, node = node->next) {
        status = make_entry(&entries[i], &sheet.rows[i], node, report);
    }
    owner->catalogue.entries = entries;
    owner->catalogue.entry_count = sheet.row_count;
    return status;
}

enum assay_status assay_catalogue_parse(struct assay_catalogue **out, const char *text, size_t size,
                                        const char *path, struct assay_error *err)
{
    const struct spec_report report = {.path = path, .err = err};
    struct assay_arena scratch = {0};
    const struct spec_node *root = NULL;
    if (size > ASSAY_CATALOGUE_BYTES_MAX) {
        return assay_spec_fail(&report, ASSAY_EVALUE, (struct spec_mark){0},
                               "the catalogue has %zu bytes: at most %d", size,
                               ASSAY_CATALOGUE_BYTES_MAX);
    }
    struct owner *owner = calloc(1, sizeof *owner);
    if (!owner) return assay_spec_fail_memory(&report);
    owner->catalogue.path =
        assay_arena_text(&owner->arena, path ? path : "", path ? strlen(path) : 0);
    enum assay_status status = owner->catalogue.path ? ASSAY_OK : assay_spec_fail_memory(&report);
    if (!status) status = assay_spec_tree(&root, &scratch, size ? text : "", size, &report);
    if (!status) status = make_entries(owner, root, &report);
    assay_arena_fini(&scratch);
    if (status) {
        assay_catalogue_close(&owner->catalogue);
        return status;
    }
    *out = &owner->catalogue;
    return ASSAY_OK;
}

enum assay_status assay_catalogue_open(struct assay_catalogue **out, const char *path,
                                       struct assay_error *err)
{
    struct assay_bytes bytes = {0};
    enum assay_status status = assay_file_read(path, ASSAY_CATALOGUE_BYTES_MAX, &bytes, err);
    if (!status) {
        status = assay_catalogue_parse(out, bytes.data ? (const char *)bytes.data : "", bytes.size,
                                       path, err);
    }
    assay_bytes_fini(&bytes);
    return status;
}

void assay_catalogue_close(struct assay_catalogue *catalogue)
{
    if (!catalogue) return;
    struct owner *owner = (struct owner *)(void *)catalogue;
    assay_arena_fini(&owner->arena);
    free(owner);
}

const struct assay_catalogue_entry *assay_catalogue_find(const struct assay_catalogue *catalogue,
                                                         const char *name)
{
    for (size_t i = 0; i < catalogue->entry_count; i++) {
        if (strcmp(catalogue->entries[i].name, name) == 0) return &catalogue->entries[i];
    }
    return NULL;
}

const struct assay_catalogue_entry *
assay_catalogue_find_digest(const struct assay_catalogue *catalogue,
                            const struct assay_digest *digest)
{
    for (size_t i = 0; i < catalogue->entry_count; i++) {
        if (assay_digest_equal(&catalogue->entries[i].sha256, digest))
            return &catalogue->entries[i];
    }
    return NULL;
}

enum assay_status assay_catalogue_need(const struct assay_catalogue_entry **out,
                                       const struct assay_catalogue *catalogue, const char *name,
                                       struct assay_error *err)
{
    const char *names[ASSAY_CATALOGUE_ENTRIES_MAX + 1] = {NULL};
    *out = assay_catalogue_find(catalogue, name);
    if (*out) return ASSAY_OK;
    for (size_t i = 0; i < catalogue->entry_count; i++) names[i] = catalogue->entries[i].name;
    const char *nearest = assay_text_nearest(name, names);
    return assay_fail(err, ASSAY_ENOTFOUND, "%s has no entry \"%.128s\"%s%s%s", catalogue->path,
                      name, nearest ? "; did you mean " : "", nearest ? nearest : "",
                      nearest ? "?" : "");
}
