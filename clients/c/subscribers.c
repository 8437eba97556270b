/* Subscribers to events and their dead letters. */
#include "broker/wire/subscribers.h"
#include "clients/c/client.h"

static void begin(struct teller *self, struct waiting *w, enum wire_operation operation)
{
    waiting_begin(self, w, operation, WIRE_PARTITION_ANY, 0);
}

/* Waits, and reads the answer; body, which may be NULL, receives that of an OK answer. */
static enum err ask(struct teller *self, struct waiting *w, struct str *body, struct teller_answer *answer)
{
    client_answer_set(answer, CODE_UNKNOWN, FIELD_NONE, (struct str){0});
    enum err err = waiting_end(self, w);
    if (err != ERR_OK)
        return err;
    if (!client_answer_read(&w->reply, answer))
        return ERR_INVALID;
    if (body != NULL && answer->code == CODE_OK)
        *body = w->reply.body;
    return ERR_OK;
}

enum err teller_subscriber_add(struct teller *self, const struct teller_subscriber *subscriber,
                               struct teller_answer *answer)
{
    struct waiting w;
    const struct wire_subscriber_command command = {.name = subscriber->name,
                                                    .url = subscriber->url,
                                                    .secret = subscriber->secret,
                                                    .is_from_start = subscriber->is_from_start,
                                                    .is_for_alarms = subscriber->is_for_alarms};
    begin(self, &w, OPERATION_SUBSCRIBER_ADD);
    wire_subscriber_body_write(&self->writer, &command);
    return ask(self, &w, NULL, answer);
}

enum err teller_subscriber_remove(struct teller *self, struct str name, struct teller_answer *answer)
{
    struct waiting w;
    begin(self, &w, OPERATION_SUBSCRIBER_REMOVE);
    wire_subscriber_name_body_write(&self->writer, name);
    return ask(self, &w, NULL, answer);
}

enum err teller_subscriber_list(struct teller *self, struct str *body, struct teller_answer *answer)
{
    struct waiting w;
    begin(self, &w, OPERATION_SUBSCRIBER_LIST);
    mp_write_nil(&self->writer);
    return ask(self, &w, body, answer);
}

enum err teller_letter_list(struct teller *self, struct str name, uint32_t limit, struct str cursor,
                            struct str *body, struct teller_answer *answer)
{
    struct waiting w;
    begin(self, &w, OPERATION_DEADLETTER_LIST);
    wire_letters_body_write(&self->writer, name, limit, cursor);
    return ask(self, &w, body, answer);
}

enum err teller_letter_retry(struct teller *self, uint64_t id, struct str operator_name,
                             struct teller_answer *answer)
{
    struct waiting w;
    begin(self, &w, OPERATION_DEADLETTER_RETRY);
    wire_letter_body_write(&self->writer, &(struct wire_letter_command){id, operator_name, {0}});
    return ask(self, &w, NULL, answer);
}

enum err teller_letter_resolve(struct teller *self, uint64_t id, struct str operator_name, struct str reason,
                               struct teller_answer *answer)
{
    struct waiting w;
    begin(self, &w, OPERATION_DEADLETTER_RESOLVE);
    wire_letter_body_write(&self->writer, &(struct wire_letter_command){id, operator_name, reason});
    return ask(self, &w, NULL, answer);
}
