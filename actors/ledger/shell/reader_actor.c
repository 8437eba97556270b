#include "actors/ledger/shell/reader_actor.h"

#include <stdlib.h>

#include "actors/base/check.h"
#include "actors/ledger/shell/mailbox.h"
#include "actors/ledger/shell/reader.h"
#include "store/datadir.h"

enum { BURST = 64 };

struct actor {
    struct reader_actor_options options;
    struct reader *reader;
    zsock_t *pipe;
    void *inbox, *router;
};

static void take(struct actor *self, const struct box *box)
{
    if (box->kind == BOX_NAMES) {
        reader_add_names(self->reader, box->pointer);
        return;
    }
    CHECK(box->kind == BOX_READ);
    struct box answered = {.kind = BOX_ANSWERED, .number = self->options.partition};
    answered.pointer = reader_work(self->reader, box->pointer);
    bool sent = mailbox_send(self->router, &answered);
    CHECK(sent);
}

static void run(struct actor *self)
{
    zmq_pollitem_t items[] = {
        {.socket = self->inbox, .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN},
    };
    for (;;) {
        struct box box;
        zmq_poll(items, 2, -1);
        for (int i = 0; i < BURST && mailbox_receive(self->inbox, &box); i++)
            take(self, &box);
        if (items[1].revents & ZMQ_POLLIN) {
            char *command = zstr_recv(self->pipe);
            bool end = !command || streq(command, "$TERM");
            zstr_free(&command);
            if (end)
                return;
        }
    }
}

static void reader_main(zsock_t *pipe, void *argument)
{
    struct actor *self = argument;
    char name[32];
    self->pipe = pipe;
    snprintf(name, sizeof name, "reader %u", self->options.partition);
    check_enter(name);
    self->router = mailbox_connect(self->options.context, "router", UINT32_MAX);
    const struct datadir_meta *meta = datadir_meta(self->options.datadir);
    self->reader = reader_new(meta->hash_key, meta->base_currency);
    zsock_signal(pipe, 0);
    run(self);
    reader_destroy(&self->reader);
    zmq_close(self->inbox);
    zmq_close(self->router);
    free(self);
}

zactor_t *reader_actor_new(const struct reader_actor_options *options)
{
    struct actor *self = calloc(1, sizeof *self);
    CHECK(self);
    self->options = *options;
    self->inbox = mailbox_bind(options->context, "reader", options->partition);
    if (!self->inbox) {
        free(self);
        return NULL;
    }
    return zactor_new(reader_main, self);
}
