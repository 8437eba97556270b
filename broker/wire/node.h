/* The node about itself: replies to version and health. */
#ifndef TELLER_WIRE_NODE_H
#define TELLER_WIRE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/ledger/ledger.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"
#include "broker/wire/rows.h"

struct wire_version {
    struct str name;    /* "teller" */
    struct str version; /* of the program */
    uint32_t protocol;
    uint32_t partitions;
};

/* States by partition number. The status on the wire is "ok" when all are PARTITION_SERVING. */
struct wire_health {
    uint32_t partitions;
    enum partition_state states[LEDGER_PARTITIONS_MAX];
};

void wire_version_write(struct mp_writer *w, uint64_t request_id, const struct wire_version *version);
void wire_health_write(struct mp_writer *w, uint64_t request_id, const struct wire_health *health);

/* The client's side: bodies are nil (mp_write_nil). false: malformed. */
bool wire_version_reply_read(const struct wire_reply *reply, struct wire_version *out);
bool wire_health_reply_read(const struct wire_reply *reply, struct wire_health *out);

#endif
