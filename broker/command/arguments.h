/* Arguments of commands, checked before anything is sent. Each says what is wrong and returns false. */
#ifndef TELLER_COMMAND_ARGUMENTS_H
#define TELLER_COMMAND_ARGUMENTS_H

#include "broker/command/session.h"

bool argument_account(const struct session *session, const char *text, struct str *out);
bool argument_currency(const struct session *session, const char *text, currency_index *out);
/* what: for the message. */
bool argument_amount(const struct session *session, const char *what, const char *text,
                     currency_index currency, bool is_signed, int64_t *out);
/* text NULL: a new id. */
/* NULL: 0, no rate. */
bool argument_rate(const struct session *session, const char *text, int64_t *out);
bool argument_id(const struct session *session, const char *text, struct uuid *out);
/* text NULL: *has is false, *out untouched. */
bool argument_time(const struct session *session, const char *what, const char *text, bool *has,
                   int64_t *out);

/* text NULL: an empty string. */
struct str argument_text(const char *text);

#endif
