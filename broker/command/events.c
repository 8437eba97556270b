/* teller events: a stream as lines of JSON. It subscribes as docs/EVENTS.md says, and again from where it is when it has
 * heard nothing for a while: the server may have been started anew. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "broker/command.h"
#include "broker/command/answer.h"
#include "broker/options.h"

enum {
    PARTITIONS_MAX = 64,
    CREDIT = 4096,
    SILENCE_MS = 12000, /* more than two heartbeats */
    PAUSE_MS = 100,
    ANSWER_MS = 2000, /* of a subscription, before it is asked for again */
    NAME_CAPACITY = 33,
};

struct follow {
    const char *endpoint, *name, *from;
    bool is_endless;
    int64_t timeout_ms;
    void *context, *socket;
    uint32_t partitions; /* 0: not known yet */
    uint64_t cursors[PARTITIONS_MAX];
    struct mp_writer writer;
    struct emit out;
    char own_name[NAME_CAPACITY];
};

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "teller events: %s%s\n", what, why);
    return EXIT_CODE_ERROR;
}

/* ---- to the server ------------------------------------------------------------------------------- */

static bool connect_socket(struct follow *self)
{
    int none = 0;
    if (self->socket != NULL)
        zmq_close(self->socket);
    self->socket = zmq_socket(self->context, ZMQ_DEALER);
    return self->socket != NULL && zmq_setsockopt(self->socket, ZMQ_LINGER, &none, sizeof none) == 0 &&
           zmq_connect(self->socket, self->endpoint) == 0;
}

static bool send_message(struct follow *self)
{
    return !self->writer.failed && zmq_send(self->socket, self->writer.data, self->writer.length, 0) >= 0;
}

/* How many partitions there are is not known at first: then nothing but "from now on" can be said, without credit, and the
 * answer tells. */
static bool subscribe(struct follow *self)
{
    struct mp_writer *w = &self->writer;
    mp_writer_reset(w);
    mp_write_array(w, 5);
    mp_write_text(w, "subscribe");
    mp_write_uint(w, 1);
    mp_write_text(w, self->name != NULL ? self->name : self->own_name);
    if (self->partitions == 0) {
        mp_write_nil(w);
    } else {
        mp_write_array(w, self->partitions);
        for (uint32_t p = 0; p < self->partitions; p++)
            mp_write_uint(w, self->cursors[p]);
    }
    mp_write_uint(w, self->partitions == 0 ? 0 : CREDIT);
    return send_message(self);
}

static bool give_credit(struct follow *self, uint32_t count)
{
    struct mp_writer *w = &self->writer;
    mp_writer_reset(w);
    mp_write_array(w, 2);
    mp_write_text(w, "credit");
    mp_write_uint(w, count);
    return send_message(self);
}

/* ---- from the server ----------------------------------------------------------------------------- */

static bool read_cursors(struct mp_reader *r, uint64_t *cursors, uint32_t *count)
{
    if (!mp_read_array(r, count) || *count < 1 || *count > PARTITIONS_MAX)
        return false;
    for (uint32_t p = 0; p < *count; p++) {
        if (!mp_read_uint(r, &cursors[p]))
            return false;
    }
    return true;
}

/* The first one tells how many partitions there are; from then on the cursors are ours. */
static bool take_subscribed(struct follow *self, struct mp_reader *r)
{
    uint64_t version, cursors[PARTITIONS_MAX];
    uint32_t count;
    if (!mp_read_uint(r, &version) || !read_cursors(r, cursors, &count))
        return false;
    if (self->partitions != 0)
        return count == self->partitions;
    self->partitions = count;
    bool is_start = strcmp(self->from, "start") == 0;
    for (uint32_t p = 0; p < count; p++)
        self->cursors[p] = is_start ? 0 : cursors[p];
    return subscribe(self);
}

/* Events that have been printed already are passed over. */
static bool print_event(struct follow *self, uint64_t partition, struct mp_reader *r)
{
    struct mp_reader position;
    uint64_t at;
    if (!answer_find(r, "position", &position) || !mp_read_uint(&position, &at))
        return false;
    if (at < self->cursors[partition])
        return mp_skip(r, MP_DEPTH_MAX);
    bool is_read = answer_json(r, &self->out, NULL);
    emit_line(&self->out);
    return is_read;
}

static bool take_events(struct follow *self, struct mp_reader *r)
{
    uint64_t partition, next;
    uint32_t count;
    if (!mp_read_uint(r, &partition) || partition >= self->partitions || !mp_read_uint(r, &next) ||
        !mp_read_array(r, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!print_event(self, partition, r))
            return false;
    }
    fflush(stdout);
    if (next > self->cursors[partition])
        self->cursors[partition] = next;
    return give_credit(self, count);
}

enum turn { TURN_ON, TURN_END, TURN_AGAIN, TURN_FAILED };

static enum turn take_error(struct mp_reader *r)
{
    struct str code, field, message;
    if (!mp_read_str(r, &code) || (!mp_read_nil(r) && !mp_read_str(r, &field)) || !mp_read_str(r, &message))
        return TURN_FAILED;
    if (str_equal(code, STR_LITERAL("BUSY")) || str_equal(code, STR_LITERAL("NOT_FOUND"))) {
        zmq_poll(NULL, 0, PAUSE_MS);
        return TURN_AGAIN; /* it has just started */
    }
    fprintf(stderr, "teller events: %.*s: %.*s\n", (int)code.length, code.data, (int)message.length,
            message.data);
    return TURN_END;
}

static enum turn take(struct follow *self, const void *bytes, size_t length)
{
    struct mp_reader r = mp_reader_of(bytes, length);
    struct mp_reader check = r;
    uint32_t count;
    struct str word;
    if (!mp_skip(&check, MP_DEPTH_MAX) || !mp_read_array(&r, &count) || !mp_read_str(&r, &word))
        return TURN_FAILED;
    if (str_equal(word, STR_LITERAL("subscribed")))
        return take_subscribed(self, &r) ? TURN_ON : TURN_FAILED;
    if (str_equal(word, STR_LITERAL("events")))
        return take_events(self, &r) ? TURN_ON : TURN_FAILED;
    if (str_equal(word, STR_LITERAL("error")))
        return take_error(&r);
    return self->is_endless ? TURN_ON : TURN_END; /* a heartbeat: there was nothing for a while */
}

/* ---- the loop -------------------------------------------------------------------------------------- */

static enum turn receive(struct follow *self, int64_t silence_ms)
{
    zmq_pollitem_t item = {.socket = self->socket, .events = ZMQ_POLLIN};
    zmq_msg_t message;
    if (zmq_poll(&item, 1, (long)silence_ms) <= 0)
        return TURN_AGAIN;
    zmq_msg_init(&message);
    enum turn turn = TURN_AGAIN;
    if (zmq_msg_recv(&message, self->socket, ZMQ_DONTWAIT) >= 0)
        turn = take(self, zmq_msg_data(&message), zmq_msg_size(&message));
    zmq_msg_close(&message);
    return turn;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int follow(struct follow *self)
{
    bool is_heard = false;
    int64_t give_up_ms = now_ms() + self->timeout_ms;
    enum turn turn = TURN_AGAIN;
    while (turn == TURN_ON || turn == TURN_AGAIN) {
        if (turn == TURN_AGAIN && !is_heard && now_ms() >= give_up_ms)
            return fail("no answer from ", self->endpoint);
        if (turn == TURN_AGAIN && (!connect_socket(self) || !subscribe(self)))
            return fail("cannot subscribe: ", zmq_strerror(errno));
        turn = receive(self, is_heard ? SILENCE_MS : ANSWER_MS);
        is_heard = is_heard || turn == TURN_ON;
        if (ferror(stdout))
            return fail("cannot write: ", strerror(errno));
    }
    return turn == TURN_END ? EXIT_CODE_OK : fail("the server's message is malformed", "");
}

int command_events(int argc, char **argv)
{
    struct follow self = {.from = "now", .timeout_ms = 10000, .out = emit_to(stdout)};
    const struct option_row rows[] = {
        {.name = "events",
         .type = OPTION_TEXT,
         .out = &self.endpoint,
         .value = "ENDPOINT",
         .help = "the stream, as teller serve --events has it",
         .required = true},
        {.name = "follow",
         .type = OPTION_FLAG,
         .out = &self.is_endless,
         .help = "go on waiting for new events"},
        {.name = "from",
         .type = OPTION_TEXT,
         .out = &self.from,
         .value = "start|now",
         .help = "where to begin (now)"},
        {.name = "name",
         .type = OPTION_TEXT,
         .out = &self.name,
         .value = "NAME",
         .help = "of the subscriber; a newer one of a name ends the older (a name of its own)"},
        {.name = "timeout",
         .type = OPTION_DURATION,
         .out = &self.timeout_ms,
         .value = "TIME",
         .help = "how long to wait for the first answer (10s)",
         .minimum = 1,
         .maximum = 3600000},
    };
    const struct manual manual = {
        .usage = "teller events --events ENDPOINT [options]",
        .summary = "Prints events as lines of JSON, in order by partition. Without --follow it ends when "
                   "there has been\n"
                   "nothing new for some seconds.\n"
                   "Exit codes: 0 done, 1 error, 2 usage.",
        .examples = "  teller events --events tcp://127.0.0.1:7701 --follow --from start",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
    };
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (strcmp(self.from, "start") != 0 && strcmp(self.from, "now") != 0) {
        fprintf(stderr, "teller events: --from is start or now, not '%s'\n", self.from);
        return EXIT_CODE_USAGE;
    }
    snprintf(self.own_name, sizeof self.own_name, "teller-events-%ld", (long)getpid());
    self.context = zmq_ctx_new();
    int code = self.context != NULL ? follow(&self) : fail("no memory", "");
    if (self.socket != NULL)
        zmq_close(self.socket);
    if (self.context != NULL)
        zmq_ctx_term(self.context);
    mp_writer_release(&self.writer);
    return code;
}
