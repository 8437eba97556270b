/* Events as bytes: a msgpack map for streams, a JSON object for webhooks. docs/EVENTS.md has the keys. */
#ifndef TELLER_PUBLISHER_EVENT_WRITE_H
#define TELLER_PUBLISHER_EVENT_WRITE_H

#include "actors/publisher/event.h"
#include "broker/wire/msgpack.h"

/* Both write behind what the writer holds; without memory the writer has failed. */
void event_write_msgpack(struct mp_writer *w, const struct event *event);
void event_write_json(struct mp_writer *w, const struct event *event);

#endif
