/* assay attest: sign a results file, or open one of its records. */
#include "cli/command.h"

#include "attest/attest.h"
#include "attest/signing.h"
#include "attest/verify.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/output.h"
#include "cli/passphrase.h"
#include "cli/report.h"
#include "crypto/digest.h"
#include "crypto/public_key.h"
#include "crypto/secret.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum assay_status sign_here(void *context, const uint8_t *pae, size_t size,
                                   struct assay_public_key *key, struct assay_signature *signature,
                                   struct assay_error *err)
{
    const struct assay_signing *signing = context;
    *key = assay_secret_key_public(signing->key);
    return assay_signing_sign(signature, signing, pae, size, err);
}

static enum assay_status sign_there(void *context, const uint8_t *pae, size_t size,
                                    struct assay_public_key *key, struct assay_signature *signature,
                                    struct assay_error *err)
{
    return assay_signer_ask(signature, key, context, pae, size, err);
}

/* The statement comes first: no key is opened before there is something to sign; but one that is
 * not there is told before the file is read. */
static enum assay_status seal_by_key(struct assay_bytes *out, const struct assay_bytes *statement,
                                     const struct assay_args *args, struct assay_public_key *public,
                                     struct assay_error *err)
{
    struct assay_bytes log_path = {0};
    struct assay_secret_key *key = NULL;
    enum assay_status status = assay_bytes_format(&log_path, err, "%s.log", args->key);
    if (!status) status = assay_key_open(&key, args->key, args->passphrase_file, err);
    if (!status) {
        struct assay_signing signing = {key, (const char *)log_path.data};
        const struct assay_attest_signer signer = {sign_here, &signing};
        status = assay_attest_seal(out, statement, &signer, public, err);
    }
    assay_secret_key_destroy(key);
    assay_bytes_fini(&log_path);
    return status;
}

static enum assay_status seal_by_signer(struct assay_bytes *out,
                                        const struct assay_bytes *statement, const char *socket,
                                        struct assay_public_key *public, struct assay_error *err)
{
    const struct assay_attest_signer signer = {sign_there, (void *)(uintptr_t)socket};
    return assay_attest_seal(out, statement, &signer, public, err);
}

/* All three of --chain, --task, --round, or none. */
static enum assay_status get_round(struct assay_attest_round *out, const struct assay_args *args,
                                   struct assay_error *err)
{
    *out = (struct assay_attest_round){args->chain, args->task, 0};
    if (!args->chain && !args->task && !args->round) return ASSAY_OK;
    if (!args->chain || !args->task || !args->round) {
        return assay_fail(err, ASSAY_EUSAGE,
                          "--chain, --task and --round come together: they name a network's round");
    }
    if (assay_text_unsigned(args->round, UINT64_MAX, &out->round)) return ASSAY_OK;
    return assay_fail(err, ASSAY_EUSAGE, "--round is \"%.40s\": it must be a number", args->round);
}

static enum assay_status report(const char *output, const struct assay_public_key *public,
                                bool json, struct assay_error *err)
{
    char hex[ASSAY_DIGEST_HEX];
    struct assay_digest id = assay_public_key_id(public), digest;
    enum assay_status status = assay_sha256_file(&digest, output, err);
    if (status) return status;
    if (!json) {
        printf("signed by keyid  %s\n", assay_digest_hex(&id, hex));
        printf("envelope         %s\n", output);
        return ASSAY_OK;
    }
    struct assay_json *object = assay_json_new_object();
    bool ok = object && assay_json_set(object, "envelope", assay_json_new_text(output)) &&
              assay_json_set(object, "keyid", assay_json_new_text(assay_digest_hex(&id, hex))) &&
              assay_json_set(object, "sha256", assay_json_new_text(assay_digest_hex(&digest, hex)));
    if (ok) return assay_report_emit(object, err);
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the report");
}

static enum assay_status attest(const struct assay_args *args, const char *output,
                                struct assay_error *err)
{
    struct assay_bytes statement = {0}, envelope = {0};
    struct assay_attest_round round;
    struct assay_public_key public;
    enum assay_status status = get_round(&round, args, err);
    if (!status && !args->key == !args->signer) {
        status = assay_fail(err, ASSAY_EUSAGE,
                            "attest: who signs? one of --key FILE and --signer SOCKET");
    }
    if (!status && args->key && !assay_file_exists(args->key)) {
        status = assay_fail_errno(err, ENOENT, "%s", args->key);
    }
    if (!status)
        status = assay_attest_statement(&statement, args->operands[0], args->data, &round, err);
    if (!status) {
        status = args->key ? seal_by_key(&envelope, &statement, args, &public, err)
                           : seal_by_signer(&envelope, &statement, args->signer, &public, err);
    }
    if (!status) status = assay_file_write(output, envelope.data, envelope.size, err);
    if (!status) status = report(output, &public, args->json, err);
    assay_bytes_fini(&envelope);
    assay_bytes_fini(&statement);
    return status;
}

/* With --open, --output is the opened record's; the envelope is the one beside the results. */
static enum assay_status open_record(const struct assay_args *args, const char *envelope,
                                     struct assay_error *err)
{
    struct assay_bytes opened = {0};
    uint64_t index;
    if (!assay_text_unsigned(args->open, UINT64_MAX, &index)) {
        return assay_fail(err, ASSAY_EUSAGE, "--open is \"%.40s\": it must be a sample's number",
                          args->open);
    }
    if (!args->output) {
        return assay_fail(err, ASSAY_EUSAGE, "attest --open: --output FILE is missing");
    }
    enum assay_status status =
        assay_attest_open(&opened, args->operands[0], args->data, envelope, index, err);
    if (!status) status = assay_file_write(args->output, opened.data, opened.size, err);
    if (!status && !args->quiet) {
        fprintf(stderr, "assay: %s holds record %" PRIu64 " and its proof\n", args->output, index);
    }
    assay_bytes_fini(&opened);
    return status;
}

/* The salt key and the envelope that opened records belong to could not be made again. */
static enum assay_status check_output(const struct assay_args *args, const char *envelope,
                                      struct assay_error *err)
{
    struct assay_bytes salt = {0};
    enum assay_status status = assay_attest_salt_path(&salt, args->operands[0], err);
    if (!status) {
        const char *const read[] = {
            args->operands[0],     args->key,  (const char *)salt.data,
            args->passphrase_file, args->data, args->open ? envelope : NULL};
        status =
            assay_output_apart("--output", args->output, read, sizeof read / sizeof read[0], err);
    }
    assay_bytes_fini(&salt);
    return status;
}

/* Opening signs nothing. */
static enum assay_status check_open(const struct assay_args *args, struct assay_error *err)
{
    const struct {
        const char *name, *given;
    } others[] = {{"key", args->key},     {"signer", args->signer},
                  {"chain", args->chain}, {"task", args->task},
                  {"round", args->round}, {"passphrase-file", args->passphrase_file}};
    for (size_t i = 0; args->open && i < sizeof others / sizeof others[0]; i++) {
        if (!others[i].given) continue;
        return assay_fail(err, ASSAY_EUSAGE, "--open signs nothing: --%s does not go with it",
                          others[i].name);
    }
    return ASSAY_OK;
}

static enum assay_status cmd_attest(const struct assay_args *args, struct assay_error *err)
{
    struct assay_bytes beside = {0};
    enum assay_status status = assay_secret_forbid_dumps(err); /* the salt key is one, too */
    if (!status) status = check_open(args, err);
    if (!status) status = assay_attest_envelope_path(&beside, args->operands[0], err);
    if (!status) status = check_output(args, (const char *)beside.data, err);
    if (!status) {
        const char *envelope = (const char *)beside.data;
        status = args->open ? open_record(args, envelope, err)
                            : attest(args, args->output ? args->output : envelope, err);
    }
    assay_bytes_fini(&beside);
    return status;
}

static const struct assay_option options[] = {
    ASSAY_OPTION_WORD("key", "FILE", "sign with this key file", key),
    ASSAY_OPTION_WORD("passphrase-file", "FILE", "read its passphrase there (mode 0600)",
                      passphrase_file),
    ASSAY_OPTION_WORD("signer", "SOCKET", "or let `assay key serve` sign", signer),
    ASSAY_OPTION_WORD("chain", "NAME", "the network …", chain),
    ASSAY_OPTION_WORD("task", "NAME", "… its task …", task),
    ASSAY_OPTION_WORD("round", "NUMBER", "… and round; results of an assignment know theirs",
                      round),
    ASSAY_OPTION_WORD("output", "FILE", "write there (RESULTS.dsse.json)", output),
    ASSAY_OPTION_DATA,
    ASSAY_OPTION_WORD("open", "INDEX", "open this record under the envelope beside RESULTS", open),
    ASSAY_OPTION_COMMON,
    ASSAY_OPTION_END};

const struct assay_command assay_cmd_attest = {
    "attest",
    "RESULTS",
    1,
    1,
    "sign a results file; or open one record of a signed one",
    "  assay attest quickstart.h5 --key site.key\n"
    "  assay attest quickstart.h5 --open 17 --output record-17.json\n\n"
    "Signing is a step of its own, after the run: the ranks of a run never see a key. The signed "
    "root\n"
    "is over salted records, so that single ones can be opened and nobody guesses the others; the\n"
    "salt key is RESULTS.salt (mode 0600). Keep it, and never give it away.\n",
    options,
    cmd_attest};
