/* Where a request goes: a decision from its header and, if the header names no partition, its body.
 *
 * Pure: no socket, no state but a counter for accounts that have no id yet. docs/WIRE.md has the rules.
 */
#ifndef TELLER_BROKER_ROUTE_H
#define TELLER_BROKER_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "broker/wire/request.h"
#include "broker/wire/split.h"

enum route_kind {
    ROUTE_ONE,     /* to `partition`, untouched */
    ROUTE_SPLIT,   /* a batch or histories of several partitions: see the split */
    ROUTE_ALL,     /* every partition is asked */
    ROUTE_METRICS, /* every partition, and every service that runs */
    ROUTE_SELF,    /* the router answers by itself */
    ROUTE_SERVICE, /* to `service`, if that runs */
    ROUTE_REFUSED, /* code and field say why */
};

/* Actors besides the partitions; each may run or not. */
enum route_service { SERVICE_RATEFEED, SERVICE_PUBLISHER, SERVICE_BANK };

enum { SERVICE_COUNT = SERVICE_BANK + 1 };

struct route {
    enum route_kind kind;
    uint32_t partition;
    enum route_service service;
    enum code code;
    enum field field;
    bool needs_bank; /* only where SERVICE_BANK runs; else it is UNSUPPORTED */
};

struct router_turn {
    uint32_t next; /* partition of the next account that teller names */
};

/* split is filled when the answer is ROUTE_SPLIT, and may be changed otherwise; it is kept from call to call
 * so that its memory is used again. */
struct route route_of(const struct wire_header *header, uint32_t partitions, struct wire_split *split,
                      struct router_turn *turn);

#endif
