/* Passphrases: from a private file or a terminal without echo, never from an argument. */
#ifndef ASSAY_CLI_PASSPHRASE_H
#define ASSAY_CLI_PASSPHRASE_H

#include "crypto/key_file.h"

/* Into locked memory, which the caller gives back by assay_secret_give. `file` (NULL: the one that
 * ASSAY_PASSPHRASE_FILE names) may end in one line end. Without a file the terminal is asked,
 * twice for a new key. EUSAGE when there is neither. */
ASSAY_MUST_CHECK enum assay_status assay_passphrase_obtain(struct assay_passphrase **out,
                                                           const char *file, const char *prompt,
                                                           bool is_new, struct assay_error *err);

/* No core dumps from here on; the key file at `path`, opened by its passphrase. */
ASSAY_MUST_CHECK enum assay_status assay_key_open(struct assay_secret_key **out, const char *path,
                                                  const char *passphrase_file,
                                                  struct assay_error *err);

#endif
