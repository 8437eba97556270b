/* Published rates and their sources. */
#include "broker/wire/rates.h"
#include "clients/c/client.h"

typedef void write_body(struct mp_writer *w, const struct wire_rate_body *body);

static enum err query(struct teller *self, enum wire_operation operation, write_body *write,
                      const struct teller_rate_query *query, struct str *body, struct teller_answer *answer)
{
    struct waiting w;
    const struct wire_rate_body asked = {.source = query->source,
                                         .base = query->base,
                                         .counter = query->counter,
                                         .date = query->date,
                                         .to = query->to,
                                         .cursor = query->cursor,
                                         .limit = query->limit};
    waiting_begin_anywhere(self, &w, operation);
    write(&self->writer, &asked);
    return waiting_body(self, &w, body, answer);
}

enum err teller_rate_latest(struct teller *self, const struct teller_rate_query *asked, struct str *body,
                            struct teller_answer *answer)
{
    return query(self, OPERATION_RATE_LATEST, wire_rate_latest_body_write, asked, body, answer);
}

enum err teller_rate_asof(struct teller *self, const struct teller_rate_query *asked, struct str *body,
                          struct teller_answer *answer)
{
    return query(self, OPERATION_RATE_ASOF, wire_rate_asof_body_write, asked, body, answer);
}

enum err teller_rate_range(struct teller *self, const struct teller_rate_query *asked, struct str *body,
                           struct teller_answer *answer)
{
    return query(self, OPERATION_RATE_RANGE, wire_rate_range_body_write, asked, body, answer);
}

static enum err ask_all(struct teller *self, enum wire_operation operation, struct str *body,
                        struct teller_answer *answer)
{
    struct waiting w;
    waiting_begin_anywhere(self, &w, operation);
    mp_write_nil(&self->writer);
    return waiting_body(self, &w, body, answer);
}

enum err teller_rate_review(struct teller *self, struct str *body, struct teller_answer *answer)
{
    return ask_all(self, OPERATION_RATE_REVIEW, body, answer);
}

enum err teller_rate_sources(struct teller *self, struct str *body, struct teller_answer *answer)
{
    return ask_all(self, OPERATION_RATE_SOURCES, body, answer);
}

enum err teller_rate_decide(struct teller *self, uint64_t id, bool accepts, struct str operator_name,
                            struct str *body, struct teller_answer *answer)
{
    struct waiting w;
    waiting_begin(self, &w, accepts ? OPERATION_RATE_ACCEPT : OPERATION_RATE_REJECT, WIRE_PARTITION_ANY, 0);
    wire_rate_decision_body_write(&self->writer, &(struct wire_rate_decision){id, operator_name});
    return waiting_body(self, &w, body, answer);
}
