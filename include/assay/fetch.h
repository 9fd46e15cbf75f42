/* Inputs by name: a catalogue says where models and data are had and what their digests are, a
 * store keeps them by digest (FORMAT.md 26). For login nodes: nothing is fetched where a job runs.
 */
#ifndef ASSAY_FETCH_H
#define ASSAY_FETCH_H

#include "assay/digest.h"
#include "assay/status.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ASSAY_CATALOGUE_BYTES_MAX = 1 << 20, ASSAY_CATALOGUE_ENTRIES_MAX = 256 };

enum assay_source { ASSAY_SOURCE_PACKAGE, ASSAY_SOURCE_URL, ASSAY_SOURCE_FILE };
const char *assay_source_name(enum assay_source source); /* "package" */

/* A file that may be fetched; its bytes are those of its pieces, in order. */
struct assay_catalogue_entry {
    const char *name; /* [A-Za-z0-9._+-], in the store */
    struct assay_digest sha256;
    uint64_t bytes; /* 0: not told */
    const char *licence;
    enum assay_source source;
    const char *const *pieces; /* piece_count: "NAME==VERSION", "https://…", or a path */
    size_t piece_count;
    const char *const *members; /* paths inside the packages: piece_count; packages only */
};
struct assay_catalogue {
    const char *path; /* as opened; relative paths of entries are beside it */
    const struct assay_catalogue_entry *entries;
    size_t entry_count;
};
/* Errors: "PATH:LINE:COLUMN: …" with the nearest key. Everything is copied. */
ASSAY_MUST_CHECK enum assay_status assay_catalogue_parse(struct assay_catalogue **out,
                                                         const char *text, size_t size,
                                                         const char *path, struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_catalogue_open(struct assay_catalogue **out,
                                                        const char *path, struct assay_error *err);
void assay_catalogue_close(struct assay_catalogue *catalogue); /* NULL is fine */
/* NULL where there is none. */
const struct assay_catalogue_entry *assay_catalogue_find(const struct assay_catalogue *catalogue,
                                                         const char *name);
const struct assay_catalogue_entry *
assay_catalogue_find_digest(const struct assay_catalogue *catalogue,
                            const struct assay_digest *digest);
/* ENOTFOUND with the nearest name. */
ASSAY_MUST_CHECK enum assay_status assay_catalogue_need(const struct assay_catalogue_entry **out,
                                                        const struct assay_catalogue *catalogue,
                                                        const char *name, struct assay_error *err);
/* Whether a store may have such a name. */
bool assay_store_may_name(const char *name);
/* Whether it is an address that is fetched: http:// or https://. */
bool assay_source_is_url(const char *text);

/* --- a store */
#define ASSAY_STORED_LIST(X)                                                                       \
    X(MISSING, "missing") X(PARTIAL, "partial") X(HERE, "here") X(DAMAGED, "damaged")
enum assay_stored {
#define ASSAY_STORED_ROW(name, text) ASSAY_STORED_##name,
    ASSAY_STORED_LIST(ASSAY_STORED_ROW)
#undef ASSAY_STORED_ROW
};
const char *assay_stored_name(enum assay_stored stored);

/* How an entry is in the store: by its size (where the catalogue tells it), with `digest` by its
 * bytes. */
ASSAY_MUST_CHECK enum assay_status assay_store_look(enum assay_stored *out, const char *store,
                                                    const struct assay_catalogue_entry *entry,
                                                    bool digest, struct assay_error *err);

struct assay_fetch_options {
    const volatile sig_atomic_t *stop; /* not 0: end soon with EINTERRUPTED. May be NULL */
    bool digest;                       /* what is there is read and checked, fetched if damaged */
    /* May be NULL. `done` of entry->bytes; `what` is done, "downloading …". */
    void (*progress)(void *context, const struct assay_catalogue_entry *entry, uint64_t done,
                     const char *what);
    void *context;
};
/* Bring an entry into the store, or find that it is there (*fetched tells). `beside`: a file whose
 * folder relative paths mean. Several may do so at once: one fetches, the others wait. What is not
 * whole is never under its digest or its name. Errors: EMISMATCH quotes both digests; ESPACE leaves
 * nothing; after EINTERRUPTED or a broken connection the next call goes on with what came by URL.
 */
ASSAY_MUST_CHECK enum assay_status assay_fetch(const char *store, const char *beside,
                                               const struct assay_catalogue_entry *entry,
                                               const struct assay_fetch_options *options,
                                               bool *fetched, struct assay_error *err);

/* Every name and every object of a store, names first, each sorted. */
struct assay_store_item {
    const char *name; /* of a link; of an object its digest in hex */
    struct assay_digest sha256;
    uint64_t bytes;
    bool is_link, is_there; /* of a link: whether its object is */
};
struct assay_store_items {
    struct assay_store_item *items;
    size_t count;
};
/* ENOTFOUND when there is no such folder. Release with assay_store_items_fini. */
ASSAY_MUST_CHECK enum assay_status assay_store_list(struct assay_store_items *out,
                                                    const char *store, struct assay_error *err);
void assay_store_items_fini(struct assay_store_items *items);

#endif
