/* A journal's bytes as events, and what comes to the stream's socket. Whatever the bytes: an event that is read can be
 * written, and what is written is whole. */
#include "actors/base/check.h"
#include "actors/publisher/shell/event_write.h"
#include "actors/publisher/shell/stream_socket.h"
#include "tests/fuzz/input.h"

static bool find(void *context, uint32_t account, struct str *name, currency_index *currency)
{
    (void)context;
    *name = STR_LITERAL("alice");
    *currency = 1;
    return account % 2 == 0;
}

static void check_event(const struct event *event)
{
    struct mp_writer w = {0};
    event_write_msgpack(&w, event);
    struct mp_reader r = mp_reader_of(w.data, w.length);
    CHECK(mp_skip(&r, 1) && mp_at_end(&r));
    mp_writer_reset(&w);
    event_write_json(&w, event);
    CHECK(w.data[0] == '{' && w.data[w.length - 1] == '}');
    mp_writer_release(&w);
}

static void check_message(const uint8_t *data, size_t size)
{
    struct stream_message message;
    stream_message_read(data, size, 2, &message);
    if (message.kind == STREAM_SUBSCRIBE)
        CHECK(message.name[0] != '\0' && message.credit <= PUBLISHER_CREDIT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct event_names names = {NULL, find};
    size_t at = 0, length;
    uint32_t account;
    check_message(data, size);
    for (;;) {
        struct event event;
        enum event_result result = event_read(data + at, size - at, &names, &event, &length, &account);
        if (result == EVENT_READ)
            check_event(&event);
        if (result == EVENT_SHORT || length == 0)
            return 0;
        CHECK(length <= size - at);
        at += length;
    }
}
