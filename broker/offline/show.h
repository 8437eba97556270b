/* What the offline commands print: times, sums, sizes, a progress bar; and JSON. */
#ifndef TELLER_BROKER_OFFLINE_SHOW_H
#define TELLER_BROKER_OFFLINE_SHOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/ledger/shell/digest.h"
#include "broker/offline/books.h"
#include "broker/offline/fault.h"

enum { SHOW_TIME = 40, SHOW_SUM = 64, SHOW_SIZE = 32, SHOW_HASH = 65 };

/* "2026-11-20T10:15:30Z", with as many decimals as needed up to microseconds, and Z or +hh:mm. */
bool show_time_parse(const char *text, int64_t *time_us);
/* RFC 3339, UTC, six decimals. */
void show_time(int64_t time_us, char out[SHOW_TIME]);

/* Sums of many balances: minor units in decimal major units. */
void show_sum(__int128 minor, uint8_t exponent, char out[SHOW_SUM]);
/* "1.2 GB" */
void show_size(uint64_t bytes, char out[SHOW_SIZE]);
void show_hash(const uint8_t hash[32], char out[SHOW_HASH]);

double show_seconds(int64_t since_us);
int64_t show_now_us(void); /* monotonic */

/* A bar on stderr when that is a terminal; else nothing. */
struct progress {
    const char *label;
    uint64_t total;
    int64_t shown_us;
    bool is_terminal, is_drawn;
};
void progress_begin(struct progress *self, const char *label, uint64_t total);
void progress_at(struct progress *self, uint64_t done);
void progress_end(struct progress *self);

/* The totals of all currencies in use, for people and as JSON. */
void show_totals(const struct books_total totals[256]);
json_t *show_totals_json(const struct books_total totals[256]);

/* "damaged: partition 1, position 7 …" on stderr. */
void show_fault(const char *command, const struct fault *fault, enum err err);
json_t *show_fault_json(const struct fault *fault);

/* Prints and frees. */
void show_json(json_t *json);

#endif
