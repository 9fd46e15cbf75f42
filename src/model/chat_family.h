/* The families of chat templates that assay knows: what each makes of the messages of a talk,
 * and by which forms a template of it is recognised. */
#ifndef ASSAY_MODEL_CHAT_FAMILY_H
#define ASSAY_MODEL_CHAT_FAMILY_H

#include "assay/spec.h"

enum { ASSAY_CHAT_MARKS_MAX = 4, ASSAY_CHAT_FORMS_MAX = 4 };

struct assay_chat_family {
    enum assay_chat choice; /* its name is that of the choice */
    /* Control tokens that its texts are made of. */
    const char *marks[ASSAY_CHAT_MARKS_MAX];
    /* Reduced forms (chat_reduce.h) that are all in such a template; `also` is another form of the
     * first, or NULL. */
    const char *forms[ASSAY_CHAT_FORMS_MAX], *also;
    const char *not_form; /* one that is in none; or NULL */

    const char *begin; /* in front of all; the template then says bos_token, else it does not */
    const char *system_open, *system_close; /* around a message of its own; NULL: it stands at the
                                               head of the user's, and an empty line behind it */
    const char *user_open, *user_close, *answer;
    const char *answer_close;       /* of an earlier turn; NULL: templates of the family differ */
    bool system_always;             /* also when it is empty */
    bool trims_system, trims_turns; /* of white space at both ends */
    const char *system_form;        /* where a template takes a system message; NULL: always */
};

/* In the order in which a template is compared. */
extern const struct assay_chat_family assay_chat_families[];
extern const size_t assay_chat_family_count;

#endif
