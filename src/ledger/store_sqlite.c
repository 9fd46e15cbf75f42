/* The chain's file: SQLite in WAL mode, synchronous=FULL. The only file that sees <sqlite3.h>.
 * Schema 1: meta (one row), block, tx, state. */
#include "ledger/store.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "ledger/tx.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "asay": application_id of the file. */
#define APPLICATION_ID "1634951545"

static const char schema[] =
    "PRAGMA application_id=" APPLICATION_ID ";"
    "PRAGMA user_version=1;"
    "CREATE TABLE meta(one INTEGER PRIMARY KEY CHECK(one=1), chain TEXT NOT NULL,"
    " height INTEGER NOT NULL, app_hash BLOB NOT NULL);"
    "CREATE TABLE block(height INTEGER PRIMARY KEY, app_hash BLOB NOT NULL);"
    "CREATE TABLE tx(height INTEGER NOT NULL, position INTEGER NOT NULL, id BLOB NOT NULL UNIQUE,"
    " bytes BLOB NOT NULL, PRIMARY KEY(height, position)) WITHOUT ROWID;"
    "CREATE TABLE state(key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;";

#define STATEMENT_LIST(X)                                                                          \
    X(PUT, "INSERT INTO state(key,value) VALUES(?1,?2) ON CONFLICT(key) DO UPDATE SET value=?2")   \
    X(REMOVE, "DELETE FROM state WHERE key=?1")                                                    \
    X(BLOCK, "INSERT INTO block(height,app_hash) VALUES(?1,?2)")                                   \
    X(TX, "INSERT INTO tx(height,position,id,bytes) VALUES(?1,0,?2,?3)")                           \
    X(META, "UPDATE meta SET height=?1,app_hash=?2 WHERE one=1")                                   \
    X(READ_META, "SELECT chain,height,app_hash FROM meta WHERE one=1")                             \
    X(READ_STATE, "SELECT key,value FROM state ORDER BY key")                                      \
    X(READ_BLOCKS, "SELECT block.height,block.app_hash,tx.bytes FROM block LEFT JOIN tx"           \
                   " ON tx.height=block.height ORDER BY block.height,tx.position")                 \
    X(FIND_TX, "SELECT height,bytes FROM tx WHERE id=?1")

enum statement {
#define ASSAY_ROW(name, sql) STATEMENT_##name,
    STATEMENT_LIST(ASSAY_ROW)
#undef ASSAY_ROW
        STATEMENT_COUNT
};

static const char *const statement_sql[] = {
#define ASSAY_ROW(name, sql) sql,
    STATEMENT_LIST(ASSAY_ROW)
#undef ASSAY_ROW
};

struct assay_ledger_store {
    sqlite3 *file;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    struct assay_ledger *ledger;
    struct assay_digest app_hash; /* of the last block written, where `hashed` */
    bool hashed;
};

/* What SQLite says, as one of our statuses. */
static enum assay_status fail_sqlite(sqlite3 *file, const char *what, struct assay_error *err)
{
    int code = file ? sqlite3_errcode(file) & 0xff : SQLITE_NOMEM;
    const char *text = file ? sqlite3_errmsg(file) : "no memory";
    switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return assay_fail(err, ASSAY_EIO, "%s: another process writes to this ledger", what);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* no such table or column */
        return assay_fail(err, ASSAY_EFORMAT, "%s: damaged, or no ledger (%s)", what, text);
    case SQLITE_FULL:
        return assay_fail(err, ASSAY_ESPACE, "%s: %s", what, text);
    case SQLITE_NOMEM:
        return assay_fail(err, ASSAY_EMEMORY, "%s: %s", what, text);
    default:
        return assay_fail(err, ASSAY_EIO, "%s: %s", what, text);
    }
}

static enum assay_status run_sql(sqlite3 *file, const char *sql, const char *what,
                                 struct assay_error *err)
{
    return sqlite3_exec(file, sql, NULL, NULL, NULL) == SQLITE_OK ? ASSAY_OK
                                                                  : fail_sqlite(file, what, err);
}

/* The prepared statement, ready to be bound. */
static enum assay_status prepare(struct assay_ledger_store *store, enum statement which,
                                 sqlite3_stmt **out, struct assay_error *err)
{
    sqlite3_stmt **statement = &store->statements[which];
    if (!*statement &&
        sqlite3_prepare_v2(store->file, statement_sql[which], -1, statement, NULL) != SQLITE_OK) {
        return fail_sqlite(store->file, "ledger file", err);
    }
    sqlite3_reset(*statement);
    *out = *statement;
    return ASSAY_OK;
}

/* Run a statement that gives no row. */
static enum assay_status step_done(struct assay_ledger_store *store, sqlite3_stmt *statement,
                                   struct assay_error *err)
{
    int code = sqlite3_step(statement);
    enum assay_status status =
        code == SQLITE_DONE ? ASSAY_OK : fail_sqlite(store->file, "ledger file", err);
    sqlite3_reset(statement);
    return status;
}

void assay_ledger_store_close(struct assay_ledger_store *store)
{
    if (!store) return;
    for (size_t i = 0; i < STATEMENT_COUNT; i++) sqlite3_finalize(store->statements[i]);
    assay_ledger_destroy(store->ledger);
    sqlite3_close(store->file);
    free(store);
}

const struct assay_ledger *assay_ledger_store_ledger(const struct assay_ledger_store *store)
{
    return store->ledger;
}

/* --- writing */

static enum assay_status write_change(struct assay_ledger_store *store,
                                      const struct assay_state_key *key, struct assay_error *err)
{
    sqlite3_stmt *statement;
    const struct assay_map_entry *entry = assay_map_find(&store->ledger->map, key);
    enum assay_status status =
        prepare(store, entry ? STATEMENT_PUT : STATEMENT_REMOVE, &statement, err);
    if (status) return status;
    sqlite3_bind_blob(statement, 1, key->bytes, (int)key->size, SQLITE_TRANSIENT);
    if (entry) {
        /* A NULL pointer would bind NULL; an empty value has bytes of its own. */
        sqlite3_bind_blob(statement, 2, entry->value.data, (int)entry->value.size,
                          SQLITE_TRANSIENT);
    }
    return step_done(store, statement, err);
}

static enum assay_status write_height(struct assay_ledger_store *store, enum statement which,
                                      uint64_t height, const struct assay_digest *app_hash,
                                      struct assay_error *err)
{
    sqlite3_stmt *statement;
    enum assay_status status = prepare(store, which, &statement, err);
    if (status) return status;
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)height);
    sqlite3_bind_blob(statement, 2, app_hash->bytes, ASSAY_DIGEST_BYTES, SQLITE_TRANSIENT);
    return step_done(store, statement, err);
}

static enum assay_status write_tx(struct assay_ledger_store *store, uint64_t height,
                                  const uint8_t *tx, size_t size, struct assay_error *err)
{
    sqlite3_stmt *statement;
    struct assay_digest id = assay_tx_id(tx, size);
    enum assay_status status = prepare(store, STATEMENT_TX, &statement, err);
    if (status) return status;
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)height);
    sqlite3_bind_blob(statement, 2, id.bytes, ASSAY_DIGEST_BYTES, SQLITE_TRANSIENT);
    sqlite3_bind_blob(statement, 3, tx, (int)size, SQLITE_TRANSIENT);
    return step_done(store, statement, err);
}

/* The open block, into the open SQL transaction. */
static enum assay_status write_block(struct assay_ledger_store *store, struct assay_error *err)
{
    struct assay_map *map = &store->ledger->map;
    enum assay_status status = ASSAY_OK;
    if (map->change_count > 0 || !store->hashed) {
        store->app_hash = assay_ledger_app_hash(store->ledger);
        store->hashed = true;
    }
    struct assay_digest app_hash = store->app_hash;
    for (size_t i = 0; i < map->change_count && !status; i++) {
        status = write_change(store, &map->changes[i].key, err);
    }
    uint64_t height = store->ledger->block;
    if (!status) status = write_height(store, STATEMENT_BLOCK, height, &app_hash, err);
    if (!status) status = write_height(store, STATEMENT_META, height, &app_hash, err);
    return status;
}

static void roll_back(struct assay_ledger_store *store)
{
    if (!sqlite3_get_autocommit(store->file)) {
        sqlite3_exec(store->file, "ROLLBACK", NULL, NULL, NULL);
    }
}

enum assay_status assay_ledger_store_submit(struct assay_ledger_store *store, const uint8_t *tx,
                                            size_t size, enum assay_code *code,
                                            struct assay_error *err)
{
    struct assay_ledger *ledger = store->ledger;
    enum assay_code result = ASSAY_CODE_OK;
    assay_ledger_begin(ledger, ledger->height + 1);
    enum assay_status status = assay_ledger_apply(ledger, tx, size, &result, err);
    bool applied = !status && !result;
    if (applied) status = assay_ledger_end(ledger, err);
    if (applied && !status) status = run_sql(store->file, "BEGIN IMMEDIATE", "ledger file", err);
    if (applied && !status) status = write_tx(store, ledger->block, tx, size, err);
    if (applied && !status) status = write_block(store, err);
    if (applied && !status) status = run_sql(store->file, "COMMIT", "ledger file", err);
    if (applied && !status) {
        assay_ledger_commit(ledger);
    } else {
        roll_back(store);
        assay_ledger_abandon(ledger);
        store->hashed = false;
    }
    if (!status) *code = result;
    return status;
}

/* Empty blocks: written as they are made, committed together. On failure the ledger in memory is
 * ahead of the file, so that the store can only be closed. */
enum assay_status assay_ledger_store_advance(struct assay_ledger_store *store, uint64_t count,
                                             struct assay_error *err)
{
    struct assay_ledger *ledger = store->ledger;
    enum assay_status status = run_sql(store->file, "BEGIN IMMEDIATE", "ledger file", err);
    for (uint64_t i = 0; i < count && !status; i++) {
        assay_ledger_begin(ledger, ledger->height + 1);
        status = assay_ledger_end(ledger, err);
        if (!status) status = write_block(store, err);
        if (status) {
            assay_ledger_abandon(ledger);
        } else {
            assay_ledger_commit(ledger);
        }
    }
    if (!status) status = run_sql(store->file, "COMMIT", "ledger file", err);
    if (status) roll_back(store);
    return status;
}

/* --- creating */

static enum assay_status write_genesis(struct assay_ledger_store *store, struct assay_error *err)
{
    struct assay_map *map = &store->ledger->map;
    struct assay_digest app_hash = assay_ledger_app_hash(store->ledger);
    sqlite3_stmt *statement = NULL;
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; i < map->count && !status; i++) {
        status = write_change(store, &map->entries[i]->key, err);
    }
    if (!status) status = write_height(store, STATEMENT_BLOCK, 0, &app_hash, err);
    if (!status && sqlite3_prepare_v2(store->file, "INSERT INTO meta VALUES(1,?1,0,?2)", -1,
                                      &statement, NULL) != SQLITE_OK) {
        status = fail_sqlite(store->file, "ledger file", err);
    }
    if (!status) {
        sqlite3_bind_text(statement, 1, store->ledger->genesis.chain, -1, SQLITE_TRANSIENT);
        sqlite3_bind_blob(statement, 2, app_hash.bytes, ASSAY_DIGEST_BYTES, SQLITE_TRANSIENT);
        status = step_done(store, statement, err);
    }
    sqlite3_finalize(statement);
    return status;
}

static enum assay_status open_file(struct assay_ledger_store *store, const char *path, int flags,
                                   struct assay_error *err)
{
    if (sqlite3_open_v2(path, &store->file, flags, NULL) != SQLITE_OK) {
        return fail_sqlite(store->file, path, err);
    }
    sqlite3_extended_result_codes(store->file, 1);
    sqlite3_busy_timeout(store->file, 2000);
    if (flags & SQLITE_OPEN_READONLY) return ASSAY_OK;
    return run_sql(store->file, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", path, err);
}

enum assay_status assay_ledger_store_create(const char *path, const struct assay_state_genesis *of,
                                            struct assay_error *err)
{
    if (assay_file_exists(path)) {
        return assay_fail(err, ASSAY_EVALUE, "%s: there is a file already", path);
    }
    struct assay_ledger_store *store = calloc(1, sizeof *store);
    if (!store) return assay_fail(err, ASSAY_EMEMORY, "no memory for a ledger");
    enum assay_status status = assay_ledger_create(&store->ledger, of, err);
    if (!status) status = open_file(store, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (!status) status = run_sql(store->file, "BEGIN IMMEDIATE", path, err);
    if (!status) status = run_sql(store->file, schema, path, err);
    if (!status) status = write_genesis(store, err);
    if (!status) status = run_sql(store->file, "COMMIT", path, err);
    if (status && store->file) unlink(path); /* it was not there before */
    assay_ledger_store_close(store);
    return status;
}

/* --- opening */

static enum assay_status read_number(struct assay_ledger_store *store, const char *sql,
                                     const char *path, int64_t *out, struct assay_error *err)
{
    sqlite3_stmt *statement = NULL;
    enum assay_status status = ASSAY_OK;
    if (sqlite3_prepare_v2(store->file, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        status = fail_sqlite(store->file, path, err);
    } else {
        *out = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return status;
}

static enum assay_status check_schema(struct assay_ledger_store *store, const char *path,
                                      struct assay_error *err)
{
    int64_t application = 0, version = 0;
    enum assay_status status = read_number(store, "PRAGMA application_id", path, &application, err);
    if (!status) status = read_number(store, "PRAGMA user_version", path, &version, err);
    if (status) return status;
    if (application != 1634951545) {
        return assay_fail(err, ASSAY_EFORMAT, "%s: no ledger of assay", path);
    }
    if (version != ASSAY_LEDGER_SCHEMA) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "%s: schema %lld; this program knows %d", path,
                          (long long)version, ASSAY_LEDGER_SCHEMA);
    }
    return ASSAY_OK;
}

static enum assay_status load_state(struct assay_ledger_store *store, struct assay_error *err)
{
    sqlite3_stmt *rows;
    enum assay_status status = prepare(store, STATEMENT_READ_STATE, &rows, err);
    int code = SQLITE_DONE;
    while (!status && (code = sqlite3_step(rows)) == SQLITE_ROW) {
        status = assay_ledger_load(
            store->ledger, sqlite3_column_blob(rows, 0), (size_t)sqlite3_column_bytes(rows, 0),
            sqlite3_column_blob(rows, 1), (size_t)sqlite3_column_bytes(rows, 1), err);
    }
    if (!status && code != SQLITE_DONE) status = fail_sqlite(store->file, "ledger file", err);
    if (!status) sqlite3_reset(rows);
    return status;
}

/* Height, chain and app hash of the meta row must be those of the state. */
static enum assay_status check_meta(struct assay_ledger_store *store, const char *chain,
                                    struct assay_error *err)
{
    sqlite3_stmt *row;
    enum assay_status status = prepare(store, STATEMENT_READ_META, &row, err);
    if (status) return status;
    if (sqlite3_step(row) != SQLITE_ROW || sqlite3_column_bytes(row, 2) != ASSAY_DIGEST_BYTES ||
        sqlite3_column_int64(row, 1) < 0) {
        status = assay_fail(err, ASSAY_EFORMAT, "damaged: it has no height and app hash");
    }
    if (!status) {
        uint64_t height = (uint64_t)sqlite3_column_int64(row, 1);
        status = assay_ledger_loaded(store->ledger, height, err);
    }
    if (!status) {
        struct assay_digest app_hash = assay_ledger_app_hash(store->ledger);
        const char *kept = (const char *)sqlite3_column_text(row, 0);
        if (memcmp(app_hash.bytes, sqlite3_column_blob(row, 2), ASSAY_DIGEST_BYTES) != 0) {
            status = assay_fail(err, ASSAY_EFORMAT,
                                "damaged: the state does not have the app hash of height %llu",
                                (unsigned long long)store->ledger->height);
        } else if (!kept || strcmp(kept, assay_ledger_chain(store->ledger)) != 0) {
            status = assay_fail(err, ASSAY_EFORMAT, "damaged: two chain ids");
        } else if (chain && strcmp(chain, kept) != 0) {
            status =
                assay_fail(err, ASSAY_EMISMATCH, "the chain is \"%s\", not \"%s\"", kept, chain);
        }
    }
    sqlite3_reset(row);
    return status;
}

enum assay_status assay_ledger_store_open(struct assay_ledger_store **out, const char *path,
                                          const char *chain, bool read_only,
                                          struct assay_error *err)
{
    struct assay_ledger_store *store = calloc(1, sizeof *store);
    if (!store) return assay_fail(err, ASSAY_EMEMORY, "no memory for a ledger");
    enum assay_status status = ASSAY_OK;
    if (!assay_file_exists(path)) {
        status = assay_fail(err, ASSAY_ENOTFOUND,
                            "%s: there is no ledger; `assay net init` makes one", path);
    }
    if (!status)
        status =
            open_file(store, path, read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE, err);
    if (!status) status = check_schema(store, path, err);
    /* A writer holds the file for itself from here to its end. */
    if (!status && !read_only) {
        status = run_sql(store->file, "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;",
                         path, err);
    }
    /* One snapshot, whoever writes meanwhile. */
    if (!status) status = run_sql(store->file, "BEGIN", path, err);
    if (!status) status = assay_ledger_create_empty(&store->ledger, err);
    if (!status) status = load_state(store, err);
    if (!status) status = assay_while(err, check_meta(store, chain, err), "%s", path);
    if (!status) status = run_sql(store->file, "COMMIT", path, err);
    if (status) {
        assay_ledger_store_close(store);
    } else {
        *out = store;
    }
    return status;
}

/* --- reading the log */

static enum assay_status replay_block(struct assay_ledger *ledger, sqlite3_stmt *row,
                                      uint64_t *transactions, struct assay_error *err)
{
    uint64_t height = (uint64_t)sqlite3_column_int64(row, 0);
    const uint8_t *tx = sqlite3_column_blob(row, 2);
    enum assay_code code = ASSAY_CODE_OK;
    enum assay_status status = ASSAY_OK;
    if (height != ledger->height + 1) {
        return assay_fail(err, ASSAY_EMISMATCH, "block %llu follows block %llu",
                          (unsigned long long)height, (unsigned long long)ledger->height);
    }
    assay_ledger_begin(ledger, height);
    if (tx) {
        status = assay_ledger_apply(ledger, tx, (size_t)sqlite3_column_bytes(row, 2), &code, err);
        ++*transactions;
    }
    if (!status) status = assay_ledger_end(ledger, err);
    struct assay_digest app_hash = assay_ledger_app_hash(ledger);
    if (!status && code) {
        status = assay_fail(err, ASSAY_EMISMATCH, "block %llu: its transaction is refused: %s",
                            (unsigned long long)height, assay_code_name(code));
    } else if (!status &&
               (sqlite3_column_bytes(row, 1) != ASSAY_DIGEST_BYTES ||
                memcmp(app_hash.bytes, sqlite3_column_blob(row, 1), ASSAY_DIGEST_BYTES) != 0)) {
        status = assay_fail(err, ASSAY_EMISMATCH, "block %llu: another app hash",
                            (unsigned long long)height);
    }
    if (status) {
        assay_ledger_abandon(ledger);
    } else {
        assay_ledger_commit(ledger);
    }
    return status;
}

enum assay_status assay_ledger_store_replay(struct assay_ledger_store *store,
                                            uint64_t *transactions, struct assay_error *err)
{
    struct assay_ledger *ledger = NULL;
    sqlite3_stmt *rows = NULL;
    int code = SQLITE_DONE;
    *transactions = 0;
    enum assay_status status = assay_ledger_create(&ledger, &store->ledger->genesis, err);
    if (!status) status = prepare(store, STATEMENT_READ_BLOCKS, &rows, err);
    while (!status && (code = sqlite3_step(rows)) == SQLITE_ROW) {
        if (sqlite3_column_int64(rows, 0) == 0) continue;
        status = replay_block(ledger, rows, transactions, err);
    }
    if (!status && code != SQLITE_DONE) status = fail_sqlite(store->file, "ledger file", err);
    if (rows) sqlite3_reset(rows);
    if (!status) {
        struct assay_digest kept = assay_ledger_app_hash(store->ledger);
        struct assay_digest found = assay_ledger_app_hash(ledger);
        if (ledger->height != store->ledger->height || !assay_digest_equal(&kept, &found)) {
            status = assay_fail(err, ASSAY_EMISMATCH,
                                "the transactions end in another state than the one kept");
        }
    }
    assay_ledger_destroy(ledger);
    return status;
}

enum assay_status assay_ledger_store_find_tx(struct assay_ledger_store *store,
                                             const struct assay_digest *id, struct assay_bytes *out,
                                             uint64_t *height, struct assay_error *err)
{
    sqlite3_stmt *row;
    char hex[ASSAY_DIGEST_HEX];
    enum assay_status status = prepare(store, STATEMENT_FIND_TX, &row, err);
    if (status) return status;
    sqlite3_bind_blob(row, 1, id->bytes, ASSAY_DIGEST_BYTES, SQLITE_TRANSIENT);
    if (sqlite3_step(row) != SQLITE_ROW) {
        status = assay_fail(err, ASSAY_ENOTFOUND, "no transaction %s", assay_digest_hex(id, hex));
    } else {
        *height = (uint64_t)sqlite3_column_int64(row, 0);
        status = assay_bytes_append(out, sqlite3_column_blob(row, 1),
                                    (size_t)sqlite3_column_bytes(row, 1), err);
    }
    sqlite3_reset(row);
    return status;
}
