/* Verbs of `assay net` and `assay submit`: one row each. Operands begin with the verb's own name.
 */
#ifndef ASSAY_CLI_NET_H
#define ASSAY_CLI_NET_H

#include "cli/command.h"
#include "submit/verbs.h"

struct assay_json;
struct assay_bytes;

struct assay_net_verb {
    const char *name, *operands; /* "DB APPLICATION" */
    size_t count_min, count_max; /* operands after the verb */
    enum assay_status (*run)(const struct assay_args *args, struct assay_error *err);
};

/* Find args->operands[0] in a table that a NULL name ends, count its operands, run it. */
ASSAY_MUST_CHECK enum assay_status assay_net_dispatch(const char *command,
                                                      const struct assay_net_verb *verbs,
                                                      const struct assay_args *args,
                                                      struct assay_error *err);

/* --task and --round as numbers; EUSAGE. Without --round the task's present one. */
ASSAY_MUST_CHECK enum assay_status assay_net_round(const struct assay_args *args,
                                                   const struct assay_network *network,
                                                   uint64_t *task, uint32_t *round,
                                                   struct assay_error *err);
/* The secret key of --key. */
ASSAY_MUST_CHECK enum assay_status assay_net_key(struct assay_secret_key **out,
                                                 const struct assay_args *args,
                                                 struct assay_error *err);
/* Tell what was sent, as text ("what: …") or as JSON. */
ASSAY_MUST_CHECK enum assay_status assay_net_tell(const struct assay_args *args, const char *what,
                                                  const struct assay_sent *sent,
                                                  struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status
assay_net_write_file(const char *path, const struct assay_bytes *text, struct assay_error *err);

/* net_task.c, net_show.c */
enum assay_status assay_net_open(const struct assay_args *args, struct assay_error *err);
enum assay_status assay_net_beacon(const struct assay_args *args, struct assay_error *err);
enum assay_status assay_net_assignment(const struct assay_args *args, struct assay_error *err);
enum assay_status assay_net_settle(const struct assay_args *args, struct assay_error *err);
enum assay_status assay_net_show(const struct assay_args *args, struct assay_error *err);
enum assay_status assay_net_leaderboard(const struct assay_args *args, struct assay_error *err);

#endif
