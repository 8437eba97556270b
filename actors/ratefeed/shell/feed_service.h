/* The rate feed without its thread: the core, the store behind it, and the operations that clients ask for.
 *
 * Everything that the core wants stored is durable before anybody hears of it. A store that is full changes nothing: the core
 * is loaded again, and the sheet or the decision was not taken. After an error whose outcome is unknown the service is
 * stopped: it answers BUSY, and the next start reads what the disk says. */
#ifndef TELLER_RATEFEED_SERVICE_H
#define TELLER_RATEFEED_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/ratefeed/ratefeed.h"
#include "broker/wire/request.h"
#include "store/rates.h"

struct feed_service {
    struct ratefeed *feed;
    struct rates *rates; /* the caller's */
    struct mp_writer writer;
    bool is_stopped;
    void *context;
    void (*say)(void *context, bool is_error, const char *text); /* for the log */
};

/* say and context are set. ERR_NO_MEMORY, ERR_RANGE (more pairs or waiting rates than there may be), or the store's. */
enum err feed_service_open(struct feed_service *self, const struct ratefeed_source_config *configs,
                           uint32_t count, struct rates *rates, const struct mem *mem) MUST_USE;
void feed_service_close(struct feed_service *self);

/* What a sheet was good for. */
struct feed_taken {
    uint32_t accepted, history, unchanged, to_review;
};

/* A sheet, whose rows are in order of days. It is all stored, or none of it. For a source that was FETCHING that is its answer, a failure
 * of the store too. */
enum err feed_service_sheet(struct feed_service *self, uint32_t source, const struct published_rate *rows,
                            size_t count, int64_t now_us, struct feed_taken *taken) MUST_USE;

/* Works one request of rate.* or metrics: its reply is set. */
void feed_service_work(struct feed_service *self, struct request *request, int64_t now_us);

#endif
