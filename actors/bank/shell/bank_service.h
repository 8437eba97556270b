/* The bank adapter without its thread: the core (bank.h), the store behind it, and the operations that clients ask for.
 *
 *     bank_service_mail / _reply / _callback / _work      any number of times, then
 *     bank_service_turn                                   what they have led to is made durable, and leaves
 *
 * Nothing leaves before it is durable: a request to a bank, a report to a ledger, the answer to a callback. A store without room
 * changes nothing: the unit is kept, and tried again each second; requests that waited so for more than 10 seconds do not leave as they are, but are
 * written anew. After an error whose outcome is unknown the
 * service is stopped: it sends nothing more and answers BUSY, and the next start reads what the disk says.
 *
 * Lines for the log hold no secret, token or account number: what a bank says is masked (bank_mask). */
#ifndef TELLER_BANK_SERVICE_H
#define TELLER_BANK_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/bank/bank.h"
#include "actors/bank/shell/callback_post.h"
#include "actors/base/bank_mail.h"
#include "broker/wire/request.h"
#include "store/outbox.h"

struct bank_service_ports {
    void *context;
    /* A request leaves; what is not ERR_OK was not sent. The request is borrowed. */
    enum err (*request)(void *context, const struct bank_request *request);
    /* Reports leave for a ledger, which frees them; those that nobody takes are told again. */
    void (*reports)(void *context, uint32_t partition, struct bank_reports *reports);
    /* The answer to the callback of that token. */
    void (*answer)(void *context, void *token, bool is_kept);
    /* For the log. */
    void (*say)(void *context, bool is_error, const char *text);
};

enum { BANK_SAID_MAX = 4096 };

struct bank_service {
    struct bank_service_ports ports; /* set by the caller */
    struct bank *bank;
    struct outbox *outbox;  /* the caller's */
    struct bank_unit *unit; /* waits for room; NULL: none */
    int64_t taken_us;       /* when it was made */
    int64_t retry_us;       /* when it is tried again */
    struct mp_writer writer;
    uint8_t circuits[BANK_BANKS_MAX]; /* as they were last told */
    void *lent[CALLBACK_POSTS_MAX];   /* tokens of callbacks without an answer yet */
    uint32_t lent_count;
    uint64_t said
        [BANK_SAID_MAX]; /* reports in the log, by fingerprint: those that are told again are not said again */
    bool is_stopped;
};

/* ERR_NO_MEMORY, ERR_CORRUPT: a row that is none of the core's; or the store's. Close it in any case. */
enum err bank_service_open(struct bank_service *self, const struct bank_config *configs, uint32_t count,
                           uint64_t hash_key, struct outbox *outbox, const struct mem *mem,
                           int64_t now_us) MUST_USE;
void bank_service_close(struct bank_service *self);

/* Calls and acks of a ledger; the mail stays the caller's. A stopped service looks at nothing. */
void bank_service_mail(struct bank_service *self, const struct bank_mail *mail, int64_t now_us);
void bank_service_reply(struct bank_service *self, uint64_t request, const struct rail_reply *reply,
                        int64_t now_us);
/* token: its answer comes by the port `answer`, once: maybe at once, at the latest when the service stops or is closed. At most
 * CALLBACK_POSTS_MAX are without an answer. */
void bank_service_callback(struct bank_service *self, const char *bank, const struct rail_notice *notice,
                           void *token, int64_t now_us);

/* What is due, and a bounded number of units. true: there is more to do at once. */
bool bank_service_turn(struct bank_service *self, int64_t now_us);
/* When the next turn is due; INT64_MAX: never. */
int64_t bank_service_due_us(const struct bank_service *self);

/* Works one request of bank.* or metrics: its reply is set. */
void bank_service_work(struct bank_service *self, struct request *request);

/* text as it may stand in a log: of each run of 6 or more digits, and of each that hyphens keep apart, the first two and the last
 * two. */
void bank_mask(const char *text, char *out, size_t capacity);

#endif
