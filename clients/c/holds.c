/* Looking at holds. */
#include <stdlib.h>

#include "broker/wire/holds.h"
#include "clients/c/client.h"

static void copy_text(char *out, const char *text, size_t length)
{
    memcpy(out, text, length);
    out[length] = '\0';
}

static enum teller_hold_state state_of(enum code ended)
{
    if (ended == CODE_OK)
        return TELLER_HOLD_OPEN;
    if (ended == CODE_HOLD_CAPTURED)
        return TELLER_HOLD_CAPTURED;
    return ended == CODE_HOLD_RELEASED ? TELLER_HOLD_RELEASED : TELLER_HOLD_EXPIRED;
}

static void hold_of(const struct wire_hold *read, struct teller_hold *out)
{
    const struct ledger_hold_view *view = &read->view;
    *out = (struct teller_hold){.id = view->id,
                                .state = state_of(view->ended),
                                .currency = read->currency,
                                .amount = view->amount,
                                .held = view->held,
                                .opened_us = view->opened_us,
                                .expires_us = view->expires_us};
    copy_text(out->account, read->account.data, read->account.length);
    copy_text(out->memo, view->memo, view->memo_length);
    copy_text(out->reference, view->reference, view->reference_length);
}

enum err teller_hold_show(struct teller *self, struct str account, const struct uuid *hold,
                          struct teller_hold *out, struct teller_answer *answer)
{
    struct waiting w;
    struct wire_hold read;
    waiting_begin_anywhere(self, &w, OPERATION_HOLD_SHOW);
    wire_hold_show_body_write(&self->writer, account, hold);
    enum err err = waiting_answer(self, &w, answer);
    if (err != ERR_OK || answer->code != CODE_OK)
        return err;
    if (!wire_hold_reply_read(&w.reply, &read))
        return client_answer_malformed(answer);
    hold_of(&read, out);
    return ERR_OK;
}

enum err teller_hold_list(struct teller *self, const struct teller_holds_query *query,
                          struct teller_hold *holds, size_t *count, struct str *cursor,
                          struct teller_answer *answer)
{
    struct waiting w;
    const struct wire_holds_query wire = {query->account, query->limit, query->cursor};
    waiting_begin_anywhere(self, &w, OPERATION_HOLD_LIST);
    wire_holds_body_write(&self->writer, &wire);
    *count = 0;
    *cursor = (struct str){0};
    enum err err = waiting_answer(self, &w, answer);
    if (err != ERR_OK || answer->code != CODE_OK)
        return err;
    struct wire_hold *read = malloc(query->limit * sizeof *read);
    if (read == NULL)
        return ERR_NO_MEMORY;
    bool is_read = wire_holds_reply_read(&w.reply, read, query->limit, count, cursor);
    for (size_t i = 0; is_read && i < *count; i++)
        hold_of(&read[i], &holds[i]);
    free(read);
    return is_read ? ERR_OK : client_answer_malformed(answer);
}
