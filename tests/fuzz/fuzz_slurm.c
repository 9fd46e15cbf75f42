/* Any bytes as an answer of Slurm, a calibration or a ticket; the first byte says which. */
#include "assay/site.h"
#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

static void check_texts(uint8_t kind, const char *text)
{
    struct assay_error err = {0};
    struct assay_partition_facts facts;
    struct assay_slurm_state state;
    if (kind == 'p' && assay_slurm_parse_partition(&facts, text, &err)) ASSAY_ASSERT(err.text[0]);
    if (kind != 's' && kind != 'a') return;
    if (kind == 'a') {
        if (assay_slurm_parse_account(&state, text, "17", &err)) {
            ASSAY_ASSERT(err.text[0]);
            return;
        }
        ASSAY_ASSERT(memchr(state.state, 0, sizeof state.state));
        ASSAY_ASSERT(state.state[0] || state.restarts == 0);
        return;
    }
    if (assay_slurm_parse_state(&state, text, &err)) {
        ASSAY_ASSERT(err.text[0]);
        return;
    }
    ASSAY_ASSERT(state.state[0] && memchr(state.state, 0, sizeof state.state));
    ASSAY_ASSERT(memchr(state.nodes, 0, sizeof state.nodes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct assay_error err = {0};
    struct assay_calibration calibration;
    struct assay_ticket_file *ticket = NULL;
    if (size == 0) return 0;
    const char *rest = (const char *)data + 1;
    if (data[0] == 'c') {
        if (assay_calibration_parse(&calibration, rest, size - 1, &err)) return 0;
        ASSAY_ASSERT(calibration.prefill_per_s > 0 && calibration.decode_per_s > 0);
        ASSAY_ASSERT(calibration.threads >= 1 && calibration.sequences >= 1);
    } else if (data[0] == 't') {
        if (assay_ticket_parse(&ticket, rest, size - 1, &err)) return 0;
        ASSAY_ASSERT(assay_ticket_of(ticket)->job[0] && assay_ticket_of(ticket)->results);
        assay_ticket_close(ticket);
    } else {
        char *text = malloc(size);
        ASSAY_ASSERT(text);
        memcpy(text, rest, size - 1);
        text[size - 1] = 0;
        check_texts(data[0], text);
        free(text);
    }
    return 0;
}
