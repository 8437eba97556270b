/* Subscribers to events and their dead letters. */
#include "broker/wire/subscribers.h"
#include "clients/c/client.h"

enum err teller_subscriber_add(struct teller *self, const struct teller_subscriber *subscriber,
                               struct teller_answer *answer)
{
    struct waiting w;
    const struct wire_subscriber_command command = {.name = subscriber->name,
                                                    .url = subscriber->url,
                                                    .secret = subscriber->secret,
                                                    .is_from_start = subscriber->is_from_start,
                                                    .is_for_alarms = subscriber->is_for_alarms};
    waiting_begin_anywhere(self, &w, OPERATION_SUBSCRIBER_ADD);
    wire_subscriber_body_write(&self->writer, &command);
    return waiting_answer(self, &w, answer);
}

enum err teller_subscriber_remove(struct teller *self, struct str name, struct teller_answer *answer)
{
    struct waiting w;
    waiting_begin_anywhere(self, &w, OPERATION_SUBSCRIBER_REMOVE);
    wire_subscriber_name_body_write(&self->writer, name);
    return waiting_answer(self, &w, answer);
}

enum err teller_subscriber_list(struct teller *self, struct str *body, struct teller_answer *answer)
{
    struct waiting w;
    waiting_begin_anywhere(self, &w, OPERATION_SUBSCRIBER_LIST);
    mp_write_nil(&self->writer);
    return waiting_body(self, &w, body, answer);
}

enum err teller_letter_list(struct teller *self, struct str name, uint32_t limit, struct str cursor,
                            struct str *body, struct teller_answer *answer)
{
    struct waiting w;
    waiting_begin_anywhere(self, &w, OPERATION_DEADLETTER_LIST);
    wire_letters_body_write(&self->writer, name, limit, cursor);
    return waiting_body(self, &w, body, answer);
}

enum err teller_letter_retry(struct teller *self, uint64_t id, struct str operator_name,
                             struct teller_answer *answer)
{
    struct waiting w;
    waiting_begin_anywhere(self, &w, OPERATION_DEADLETTER_RETRY);
    wire_letter_body_write(&self->writer, &(struct wire_letter_command){id, operator_name, {0}});
    return waiting_answer(self, &w, answer);
}

enum err teller_letter_resolve(struct teller *self, uint64_t id, struct str operator_name, struct str reason,
                               struct teller_answer *answer)
{
    struct waiting w;
    waiting_begin_anywhere(self, &w, OPERATION_DEADLETTER_RESOLVE);
    wire_letter_body_write(&self->writer, &(struct wire_letter_command){id, operator_name, reason});
    return waiting_answer(self, &w, answer);
}
