/* assay verify: check a bundle, or one record's inclusion, offline. */
#include "cli/command.h"

#include "base/json.h"
#include "cli/checks.h"
#include "cli/report.h"
#include "crypto/public_key.h"
#include "crypto/secret.h"

/* Also of a failure: what held before it, and what did not. */
static enum assay_status emit_checks(const struct assay_checks *checks, const char *failure,
                                     struct assay_error *err)
{
    struct assay_json *object = assay_json_new_object();
    bool ok = object && assay_json_set(object, "checks", assay_checks_json(checks)) &&
              assay_json_set(object, "verified", assay_json_new_boolean(!failure)) &&
              assay_json_set(object, "failure",
                             failure ? assay_json_new_text(failure) : assay_json_new_null());
    if (ok) return assay_report_emit(object, err);
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the report");
}

static enum assay_status cmd_verify(const struct assay_args *args, struct assay_error *err)
{
    struct assay_public_key key;
    struct assay_checks checks = {.count = 0};
    struct assay_verification what = {.envelope_path =
                                          args->operand_count > 0 ? args->operands[0] : NULL,
                                      .results_path = args->results,
                                      .record_path = args->record,
                                      .data_path = args->data};
    if (!what.envelope_path && (!what.record_path || what.results_path || args->key)) {
        return assay_fail(err, ASSAY_EUSAGE,
                          "verify: ENVELOPE is missing (only an opened record, --record FILE, may "
                          "stand alone)");
    }
    if (what.envelope_path && !args->key) {
        return assay_fail(err, ASSAY_EUSAGE,
                          "verify: --key PUB is missing: a signature says nothing without the key "
                          "of the one you trust");
    }
    enum assay_status status = assay_secret_forbid_dumps(err); /* it may read the salt key */
    if (!status && args->key) status = assay_public_key_read(&key, args->key, err);
    if (status) return status;
    if (args->key) what.key = &key;
    status = assay_verify(&checks, &what, err);
    if (!args->json) {
        assay_checks_print(&checks);
        return status;
    }
    struct assay_error emitting = {ASSAY_OK, ""};
    enum assay_status emitted = emit_checks(&checks, status ? err->text : NULL, &emitting);
    if (!status && emitted) *err = emitting;
    return status ? status : emitted;
}

static const struct assay_option options[] = {
    ASSAY_OPTION_WORD("key", "PUB", "whose signature it must be: a public key file, or its hex",
                      key),
    ASSAY_OPTION_WORD("results", "FILE", "also check that the statement is about this results file",
                      results),
    ASSAY_OPTION_WORD("record", "FILE", "also check an opened record", record),
    ASSAY_OPTION_DATA,
    ASSAY_OPTION_COMMON,
    ASSAY_OPTION_END};

const struct assay_command assay_cmd_verify = {
    "verify",
    "[ENVELOPE]",
    0,
    1,
    "check a signed bundle, or one record's inclusion, offline",
    "  assay verify quickstart.h5.dsse.json --key site.key.pub --results quickstart.h5\n"
    "  assay verify quickstart.h5.dsse.json --key site.key.pub --record record-17.json\n"
    "  assay verify --record record-17.json\n\n"
    "Each line says what was checked, or what a check would have needed. The Merkle root can be\n"
    "computed again only by the owner, whose salt key lies beside the results file; a stranger "
    "checks\n"
    "it by opened records.\n",
    options,
    cmd_verify};
