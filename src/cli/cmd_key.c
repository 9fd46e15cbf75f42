/* assay key: make a key, show its public half, serve signatures from it. */
#include "cli/command.h"

#include "attest/signing.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/passphrase.h"
#include "cli/report.h"
#include "crypto/digest.h"
#include "crypto/public_key.h"
#include "crypto/secret.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* The index of a word in a table of names, NULL giving `missing`. */
static enum assay_status choose(unsigned *out, const char *option, const char *word,
                                const char *const *names, unsigned missing, struct assay_error *err)
{
    *out = missing;
    if (!word) return ASSAY_OK;
    for (unsigned i = 0; names[i]; i++) {
        if (strcmp(names[i], word) == 0) {
            *out = i;
            return ASSAY_OK;
        }
    }
    const char *nearest = assay_text_nearest(word, names);
    return assay_fail(err, ASSAY_EUSAGE, "--%s is \"%.40s\"%s%s%s; see `assay key --help`", option,
                      word, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                      nearest ? "\"?" : "");
}

static enum assay_status emit_key(const char *path, const struct assay_public_key *key,
                                  struct assay_error *err)
{
    static const enum assay_key_format formats[] = {ASSAY_KEY_FORMAT_KEYID, ASSAY_KEY_FORMAT_HEX,
                                                    ASSAY_KEY_FORMAT_PEM,
                                                    ASSAY_KEY_FORMAT_MINISIGN};
    struct assay_json *object = assay_json_new_object();
    struct assay_bytes text = {0};
    bool ok = object && assay_json_set(object, "file", assay_json_new_text(path));
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0] && ok && !status; i++) {
        assay_bytes_clear(&text);
        status = assay_public_key_write(&text, key, formats[i], err);
        if (status) break;
        bool one_line = formats[i] == ASSAY_KEY_FORMAT_KEYID || formats[i] == ASSAY_KEY_FORMAT_HEX;
        if (one_line) text.data[text.size - 1] = '\0';
        ok = assay_json_set(object, assay_key_format_names[formats[i]],
                            assay_json_new_text((const char *)text.data));
    }
    assay_bytes_fini(&text);
    if (!status && !ok) status = assay_fail(err, ASSAY_EMEMORY, "no memory for the key");
    if (!status) return assay_report_emit(object, err);
    assay_json_destroy(object);
    return status;
}

/* --- generate --- */

static enum assay_status refuse_existing(const char *path, struct assay_error *err)
{
    if (!assay_file_exists(path)) return ASSAY_OK;
    return assay_fail(err, ASSAY_EVALUE, "%s: exists already, and is never overwritten", path);
}

static enum assay_status write_public(const char *path, const struct assay_public_key *key,
                                      struct assay_error *err)
{
    struct assay_bytes text = {0};
    enum assay_status status = assay_public_key_write(&text, key, ASSAY_KEY_FORMAT_PEM, err);
    if (!status) status = assay_file_write(path, text.data, text.size, err);
    assay_bytes_fini(&text);
    return status;
}

static enum assay_status make_key(const char *path, const char *public_path,
                                  const struct assay_args *args, enum assay_key_cost cost,
                                  struct assay_public_key *public, struct assay_error *err)
{
    struct assay_passphrase *passphrase = NULL;
    struct assay_secret_key *key = NULL;
    struct assay_sealed_key sealed;
    enum assay_status status = assay_secret_forbid_dumps(err);
    if (status) return status;
    status = assay_passphrase_obtain(&passphrase, args->passphrase_file,
                                     "passphrase of the new key", true, err);
    if (!status) status = assay_secret_key_generate(&key, err);
    if (!status) status = assay_key_seal(&sealed, key, passphrase, cost, err);
    if (!status) status = assay_key_file_create(path, &sealed, err);
    if (!status) *public = assay_secret_key_public(key);
    if (!status) status = write_public(public_path, public, err);
    assay_secret_key_destroy(key);
    assay_secret_give(passphrase);
    return status;
}

static enum assay_status generate(const struct assay_args *args, struct assay_error *err)
{
    const char *path = args->operands[1];
    struct assay_bytes public_path = {0};
    struct assay_public_key public;
    char hex[ASSAY_DIGEST_HEX];
    unsigned cost;
    enum assay_status status =
        choose(&cost, "cost", args->cost, assay_key_cost_names, ASSAY_KEY_COST_MODERATE, err);
    if (!status) status = assay_bytes_format(&public_path, err, "%s.pub", path);
    if (status) goto done;
    const char *pub = (const char *)public_path.data;
    status = refuse_existing(path, err);
    if (!status) status = refuse_existing(pub, err);
    if (!status) status = make_key(path, pub, args, (enum assay_key_cost)cost, &public, err);
    if (status) goto done;
    if (args->json) {
        status = emit_key(path, &public, err);
        goto done;
    }
    struct assay_digest id = assay_public_key_id(&public);
    printf("secret key  %s (keep it, and its passphrase)\npublic key  %s (give it to everybody)\n"
           "keyid       %s\n",
           path, pub, assay_digest_hex(&id, hex));
done:
    assay_bytes_fini(&public_path);
    return status;
}

/* --- show --- */

/* A key file tells its public key without the passphrase. */
static enum assay_status read_public(struct assay_public_key *out, const char *path,
                                     struct assay_error *err)
{
    static const char magic[] = "ASSAYKEY";
    struct assay_bytes bytes = {0};
    struct assay_sealed_key sealed;
    bool secret = assay_file_read(path, 4096, &bytes, NULL) == ASSAY_OK &&
                  bytes.size >= sizeof magic - 1 &&
                  memcmp(bytes.data, magic, sizeof magic - 1) == 0;
    assay_bytes_fini(&bytes);
    if (!secret) return assay_public_key_read(out, path, err);
    enum assay_status status = assay_key_file_read(&sealed, path, err);
    if (!status) *out = sealed.public;
    return status;
}

static enum assay_status show(const struct assay_args *args, struct assay_error *err)
{
    const char *path = args->operands[1];
    struct assay_public_key key;
    unsigned format;
    enum assay_status status =
        choose(&format, "format", args->format, assay_key_format_names, ASSAY_KEY_FORMAT_PEM, err);
    if (!status) status = read_public(&key, path, err);
    if (status) return status;
    if (args->json) return emit_key(path, &key, err);
    struct assay_bytes text = {0};
    status = assay_public_key_write(&text, &key, (enum assay_key_format)format, err);
    if (!status) printf("%s", (const char *)text.data);
    assay_bytes_fini(&text);
    return status;
}

/* --- serve --- */

static volatile sig_atomic_t stop_requested;

static void request_stop(int number)
{
    (void)number;
    stop_requested = 1;
}

static void tell(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "assay: %s\n", line);
}

static enum assay_status serve(const struct assay_args *args, struct assay_error *err)
{
    const char *path = args->operands[1];
    struct assay_secret_key *key = NULL;
    struct assay_bytes log_path = {0};
    if (!args->socket) {
        return assay_fail(err, ASSAY_EUSAGE, "key serve: --socket PATH is missing");
    }
    enum assay_status status = assay_key_open(&key, path, args->passphrase_file, err);
    if (!status) status = assay_bytes_format(&log_path, err, "%s.log", path);
    if (!status) {
        struct sigaction action = {0};
        action.sa_handler = request_stop;
        sigemptyset(&action.sa_mask);
        sigaction(SIGTERM, &action, NULL);
        sigaction(SIGINT, &action, NULL);
        const struct assay_signer signer = {.signing = {key, (const char *)log_path.data},
                                            .socket_path = args->socket,
                                            .stop = &stop_requested,
                                            .told = args->quiet ? NULL : tell};
        if (!args->quiet) fprintf(stderr, "assay: signing at %s until stopped\n", args->socket);
        status = assay_signer_serve(&signer, err);
    }
    assay_secret_key_destroy(key);
    assay_bytes_fini(&log_path);
    return status;
}

static enum assay_status cmd_key(const struct assay_args *args, struct assay_error *err)
{
    static const char *const verbs[] = {"generate", "show", "serve", NULL};
    static enum assay_status (*const does[])(const struct assay_args *,
                                             struct assay_error *) = {generate, show, serve};
    const char *verb = args->operands[0];
    for (size_t i = 0; verbs[i]; i++) {
        if (strcmp(verb, verbs[i]) == 0) return does[i](args, err);
    }
    const char *nearest = assay_text_nearest(verb, verbs);
    return assay_fail(err, ASSAY_EUSAGE, "key: \"%.40s\" is none of generate, show, serve%s%s%s",
                      verb, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                      nearest ? "\"?" : "");
}

static const struct assay_option options[] = {
    ASSAY_OPTION_WORD("passphrase-file", "FILE", "read the passphrase there (mode 0600)",
                      passphrase_file),
    ASSAY_OPTION_WORD("cost", "COST", "generate: Argon2id, low, moderate (default) or high", cost),
    ASSAY_OPTION_WORD("format", "FORM", "show: pem (default), hex, minisign or keyid", format),
    ASSAY_OPTION_WORD("socket", "PATH", "serve: where to listen", socket),
    ASSAY_OPTION_COMMON,
    ASSAY_OPTION_END};

const struct assay_command assay_cmd_key = {
    "key",
    "VERB FILE",
    2,
    2,
    "make a signing key, show its public half, or sign for others behind a socket",
    "  assay key generate site.key            site.key (sealed by a passphrase) and site.key.pub\n"
    "  assay key show site.key --format hex   the public key; also of site.key.pub\n"
    "  assay key serve site.key --socket /run/user/1000/assay.sock\n\n"
    "The passphrase comes from --passphrase-file, from the file that ASSAY_PASSPHRASE_FILE names, "
    "or\n"
    "from the terminal; never from an argument. Costs: low 8 MiB, moderate 256 MiB, high 1 GiB. A\n"
    "signer answers programs of its own user only, signs nothing but statements of results, and "
    "never\n"
    "two roots for one round: what it signed is in FILE.log. TERM stops it.\n",
    options,
    cmd_key};
