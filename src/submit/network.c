/* What every network shares. */
#include "submit/network.h"

#include "base/bytes.h"

void assay_network_close(struct assay_network *network)
{
    if (network->ops) network->ops->close(network->self);
    *network = (struct assay_network){0};
}

enum assay_status assay_network_get(const struct assay_network *network,
                                    const struct assay_state_key *key, void *out,
                                    struct assay_bytes *bytes, const char *what,
                                    struct assay_error *err)
{
    bool found = false;
    const struct assay_table_row *table = assay_table_find(key->bytes[0]);
    assay_bytes_clear(bytes);
    enum assay_status status = network->ops->read(network->self, key, &found, bytes, err);
    if (status) return status;
    if (!found) return assay_fail(err, ASSAY_ENOTFOUND, "%s: not on this chain", what);
    if (!table || !assay_layout_decode(table->layout, out, bytes->data, bytes->size)) {
        return assay_fail(err, ASSAY_EFORMAT, "%s: the network's answer is malformed", what);
    }
    return ASSAY_OK;
}
