/* The FX desk: quotes, rates and terms of pairs. */
#include <stdlib.h>

#include "actors/base/check.h"
#include "broker/wire/desk.h"
#include "clients/c/client.h"

_Static_assert((int)TELLER_SELL == (int)QUOTE_SELL && (int)TELLER_BUY == (int)QUOTE_BUY &&
                   (int)TELLER_QUOTE_EXPIRED == (int)QUOTE_EXPIRED,
               "as in the ledger");
_Static_assert((int)TELLER_RATES_MAX == (int)LEDGER_RATES_MAX &&
                   (int)TELLER_PAIRS_MAX == (int)LEDGER_PAIRS_MAX,
               "as in the ledger");

/* ---- quotes ----------------------------------------------------------------------------------- */

static enum err ask_quote(struct teller *self, struct waiting *w, struct teller_quote *out,
                          struct teller_answer *answer)
{
    struct ledger_quote_view view;
    enum err err = waiting_answer(self, w, answer);
    if (err != ERR_OK || answer->code != CODE_OK)
        return err;
    if (!wire_quote_reply_read(&w->reply, &view))
        return client_answer_malformed(answer);
    *out = (struct teller_quote){.id = view.id,
                                 .state = (enum teller_quote_state)view.state,
                                 .side = (enum teller_quote_side)view.side,
                                 .sell = view.sell,
                                 .buy = view.buy,
                                 .sell_amount = view.sell_amount,
                                 .buy_amount = view.buy_amount,
                                 .rate = view.rate,
                                 .mid = view.mid,
                                 .spread = view.spread,
                                 .residue = view.residue,
                                 .expires_us = view.expires_us};
    memcpy(out->account, view.account, view.account_length);
    return ERR_OK;
}

enum err teller_quote(struct teller *self, const struct teller_quote_command *command,
                      struct teller_quote *out, struct teller_answer *answer)
{
    struct waiting w;
    const struct ledger_quote_command wire = {.id = command->id,
                                              .account = command->account,
                                              .sell = command->sell,
                                              .buy = command->buy,
                                              .side = (uint8_t)command->side,
                                              .amount = command->amount};
    waiting_begin_anywhere(self, &w, OPERATION_QUOTE);
    wire_quote_body_write(&self->writer, &wire);
    return ask_quote(self, &w, out, answer);
}

enum err teller_quote_show(struct teller *self, struct str account, const struct uuid *quote,
                           struct teller_quote *out, struct teller_answer *answer)
{
    struct waiting w;
    waiting_begin_anywhere(self, &w, OPERATION_QUOTE_SHOW);
    wire_quote_show_body_write(&self->writer, account, quote);
    return ask_quote(self, &w, out, answer);
}

/* ---- rates and terms ---------------------------------------------------------------------------- */

enum err teller_rate_set(struct teller *self, const struct teller_rate *rate, struct str operator_name,
                         struct teller_answer *answer)
{
    struct waiting w;
    struct ledger_rate wire = {.base = rate->base,
                               .counter = rate->counter,
                               .source_length = (uint8_t)strlen(rate->source),
                               .units = rate->units,
                               .rate = rate->rate,
                               .as_of_us = rate->as_of_us,
                               .age_limit_us = rate->age_limit_us};
    memcpy(wire.source, rate->source, wire.source_length);
    waiting_begin_anywhere(self, &w, OPERATION_RATE_SET);
    wire_rate_set_body_write(&self->writer, &wire, operator_name);
    return waiting_answer(self, &w, answer);
}

enum err teller_pair_set(struct teller *self, const struct teller_pair *pair, struct str operator_name,
                         struct teller_answer *answer)
{
    struct waiting w;
    const struct ledger_pair wire = {pair->base, pair->counter, pair->spread_ppm, pair->valid_us};
    waiting_begin_anywhere(self, &w, OPERATION_PAIR_SET);
    wire_pair_set_body_write(&self->writer, &wire, operator_name);
    return waiting_answer(self, &w, answer);
}

static void desk_of(const struct wire_desk *desk, struct teller_rate *rates, struct teller_pair *pairs)
{
    for (size_t i = 0; i < desk->rate_count; i++) {
        const struct ledger_rate *rate = &desk->rates[i];
        rates[i] = (struct teller_rate){.base = rate->base,
                                        .counter = rate->counter,
                                        .rate = rate->rate,
                                        .units = rate->units,
                                        .as_of_us = rate->as_of_us,
                                        .age_limit_us = rate->age_limit_us,
                                        .is_stale = desk->is_stale[i]};
        memcpy(rates[i].source, rate->source, rate->source_length);
    }
    for (size_t i = 0; i < desk->pair_count; i++)
        pairs[i] = (struct teller_pair){desk->pairs[i].one, desk->pairs[i].other, desk->pairs[i].spread_ppm,
                                        desk->pairs[i].valid_us};
}

enum err teller_desk(struct teller *self, struct teller_rate *rates, size_t *rate_count,
                     struct teller_pair *pairs, size_t *pair_count, struct teller_answer *answer)
{
    struct waiting w;
    waiting_begin_anywhere(self, &w, OPERATION_RATE_DESK);
    mp_write_nil(&self->writer);
    *rate_count = *pair_count = 0;
    enum err err = waiting_answer(self, &w, answer);
    if (err != ERR_OK || answer->code != CODE_OK)
        return err;
    struct wire_desk *desk = malloc(sizeof *desk);
    if (desk == NULL)
        return ERR_NO_MEMORY;
    bool is_read = wire_desk_reply_read(&w.reply, desk);
    if (is_read) {
        desk_of(desk, rates, pairs);
        *rate_count = desk->rate_count;
        *pair_count = desk->pair_count;
    }
    free(desk);
    return is_read ? ERR_OK : client_answer_malformed(answer);
}
