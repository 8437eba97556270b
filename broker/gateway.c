/* The gateway's thread: the server is run by its loop, beside the mailbox and the question socket, so nothing in it is locked.
 *
 *     peer      a connection and its deadline
 *     exchange  a request on it, until its answer is out. While it waits, its connection is suspended and the peer knows it
 *     post      its callback, while the bank actor has it (callback_post.h): it may outlive the exchange
 */
#include "broker/gateway.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actors/bank/shell/callback_post.h"
#include "actors/base/check.h"
#include "actors/base/handover.h"
#include "actors/ledger/shell/mailbox.h"
#include "broker/gateway_http.h"
#include "broker/gateway_metrics.h"

enum {
    PEM_MAX = 64 * 1024,
    BACKLOG = 512,
    LINES_MAX = 10,
    LINES_MS = 10000,
    FLUSH_ROUNDS = 4,
    ACCEPTS_MAX = 64,
    ACCEPT_PAUSE_MS = 100
};

#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct exchange;

struct peer {
    struct peer *next, *previous;
    int fd;
    int64_t due_ms;
    struct exchange *waiting; /* NULL: it is not suspended */
};

struct exchange {
    struct gateway_head head;
    struct peer *peer;
    struct MHD_Connection *connection;
    char *body;
    size_t length;
    struct callback_post *post;   /* lent */
    uint64_t question;            /* asked; 0: none */
    struct gateway_answer answer; /* status 0: it is not known yet */
    char *text;                   /* the answer's body, where it has to be kept */
};

struct actor {
    struct gateway_options options;
    struct MHD_Daemon *daemon;
    int events_fd;     /* the daemon's epoll */
    int listen_fd;     /* -1: no more */
    int64_t accept_ms; /* not before: there were no descriptors */
    uint32_t peer_count;
    char *certificate, *key;
    void *inbox, *bank;
    struct gateway_metrics metrics;
    zsock_t *pipe;
    struct peer peers; /* the head of a ring */
    int64_t next_ms;   /* no deadline is earlier */
    uint32_t lent;     /* posts */
    bool is_ending;    /* no new connection, and no new post */
    int64_t end_ms;    /* at the latest */
    int64_t lines_ms;  /* the log's window began */
    uint32_t lines;    /* in it */
};

static int64_t now_ms(void)
{
    return zclock_mono();
}

/* ---- deadlines ------------------------------------------------------------------------------------ */

static void set_due(struct actor *self, struct peer *peer, int64_t after_ms)
{
    peer->due_ms = now_ms() + after_ms;
    if (peer->due_ms < self->next_ms)
        self->next_ms = peer->due_ms;
}

/* Its connection is suspended until then. */
static void wait_for_answer(struct actor *self, struct exchange *exchange)
{
    exchange->peer->waiting = exchange;
    set_due(self, exchange->peer, self->options.answer_ms);
    MHD_suspend_connection(exchange->connection);
}

/* The answer is known: the server asks for it again, and then it is sent. */
static void end_waiting(struct actor *self, struct exchange *exchange)
{
    if (exchange->post != NULL)
        exchange->post->owner = NULL;
    exchange->post = NULL;
    exchange->question = 0;
    exchange->peer->waiting = NULL;
    set_due(self, exchange->peer, self->options.request_ms);
    MHD_resume_connection(exchange->connection);
}

static struct gateway_answer answer_later(unsigned status, const char *text)
{
    return (struct gateway_answer){
        .status = status, .text = text, .detail = MHD_HTTP_HEADER_RETRY_AFTER, .detail_value = "5"};
}

static void expire(struct actor *self, int64_t at_ms)
{
    if (at_ms < self->next_ms)
        return;
    self->next_ms = INT64_MAX;
    for (struct peer *peer = self->peers.next; peer != &self->peers; peer = peer->next) {
        if (peer->due_ms <= at_ms && peer->waiting != NULL) {
            peer->waiting->answer = answer_later(503, "there was no answer in time");
            end_waiting(self, peer->waiting);
        } else if (peer->due_ms <= at_ms) {
            (void)shutdown(peer->fd, SHUT_RDWR); /* the server sees its end, and closes it */
            set_due(self, peer, self->options.request_ms);
        } else if (peer->due_ms < self->next_ms) {
            self->next_ms = peer->due_ms;
        }
    }
}

/* ---- connections ---------------------------------------------------------------------------------- */

static void peer_begin(struct actor *self, struct MHD_Connection *connection, void **state)
{
    struct peer *peer = calloc(1, sizeof *peer);
    CHECK(peer);
    peer->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    peer->previous = self->peers.previous;
    peer->next = &self->peers;
    peer->previous->next = peer->next->previous = peer;
    self->peer_count++;
    set_due(self, peer, self->options.request_ms);
    *state = peer;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode what)
{
    struct actor *self = context;
    struct peer *peer = *state;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        peer_begin(self, connection, state);
        return;
    }
    CHECK(peer->waiting == NULL);
    self->peer_count--;
    peer->previous->next = peer->next;
    peer->next->previous = peer->previous;
    free(peer);
    *state = NULL;
}

/* The server's library would try again at once, and for ever, when there are no descriptors. */
static void accept_some(struct actor *self)
{
    for (uint32_t i = 0; i < ACCEPTS_MAX && self->peer_count + i < GATEWAY_CONNECTIONS_MAX; i++) {
        struct sockaddr_storage address;
        socklen_t length = sizeof address;
        int fd = accept4(self->listen_fd, (struct sockaddr *)&address, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            (void)MHD_add_connection(self->daemon, fd, (struct sockaddr *)&address, length);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            self->accept_ms = now_ms() + ACCEPT_PAUSE_MS;
        if (fd < 0 && errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

static bool may_accept(const struct actor *self, int64_t at_ms)
{
    return self->listen_fd >= 0 && self->peer_count < GATEWAY_CONNECTIONS_MAX && at_ms >= self->accept_ms;
}

/* ---- the log: a line for each refused callback, and never a flood --------------------------------- */

static void address_text(struct MHD_Connection *connection, char out[INET6_ADDRSTRLEN])
{
    const struct sockaddr *address =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    if (getnameinfo(address,
                    address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in),
                    out, INET6_ADDRSTRLEN, NULL, 0, NI_NUMERICHOST) != 0)
        memcpy(out, "?", sizeof "?");
}

static void tell_refused(struct actor *self, const struct exchange *exchange)
{
    char address[INET6_ADDRSTRLEN];
    int64_t at_ms = now_ms();
    if (at_ms - self->lines_ms >= LINES_MS) {
        if (self->lines > LINES_MAX)
            zsys_warning("gateway: %u more callbacks were refused", self->lines - LINES_MAX);
        self->lines_ms = at_ms;
        self->lines = 0;
    }
    if (++self->lines > LINES_MAX)
        return;
    address_text(exchange->connection, address);
    zsys_warning("gateway: a callback of bank %s from %s is refused: %s", exchange->head.bank, address,
                 exchange->answer.text);
}

/* ---- requests ------------------------------------------------------------------------------------- */

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void work_callback(struct actor *self, struct exchange *exchange)
{
    struct callback_post *post = calloc(1, sizeof *post);
    CHECK(post);
    const struct rail_post arrived = {.content_type = exchange->head.content_type,
                                      .timestamp = exchange->head.timestamp,
                                      .signature = exchange->head.signature,
                                      .body = exchange->body != NULL ? exchange->body : "",
                                      .length = exchange->length};
    const struct gateway_banks *banks = &self->options.banks;
    exchange->answer = gateway_answer_of(banks->verify(
        banks->context, exchange->head.bank, exchange->head.door, &arrived, now_us(), &post->notice));
    if (exchange->answer.status != 0)
        tell_refused(self, exchange);
    else if (self->is_ending)
        exchange->answer = answer_later(503, "this node is about to end");
    else if (self->lent == CALLBACK_POSTS_MAX)
        exchange->answer = answer_later(429, "too many callbacks are on their way");
    if (exchange->answer.status != 0) {
        free(post);
        return;
    }
    memcpy(post->bank, exchange->head.bank, sizeof post->bank);
    post->owner = exchange;
    if (!mailbox_send(self->bank, &(struct box){.kind = BOX_CALLBACK, .pointer = post})) {
        exchange->answer = answer_later(503, "it could not be kept"); /* the bank actor has ended */
        free(post);
        return;
    }
    exchange->post = post;
    self->lent++;
}

static void work_question(struct actor *self, struct exchange *exchange)
{
    exchange->question = gateway_metrics_ask(&self->metrics, exchange->head.route == GATEWAY_HEALTH);
    if (exchange->question == 0)
        exchange->answer = answer_later(503, "the node does not answer");
}

/* The request is there whole. */
static enum MHD_Result work(struct actor *self, struct exchange *exchange)
{
    if (exchange->head.route == GATEWAY_CALLBACK)
        work_callback(self, exchange);
    else
        work_question(self, exchange);
    if (exchange->answer.status != 0) {
        set_due(self, exchange->peer, self->options.request_ms);
        return gateway_answer_send(exchange->connection, &exchange->head, &exchange->answer);
    }
    wait_for_answer(self, exchange);
    return MHD_YES;
}

/* MHD_NO cuts the connection. */
static enum MHD_Result take_body(struct exchange *self, const char *data, size_t length)
{
    if (length > self->head.length - self->length)
        return MHD_NO;
    if (self->body == NULL)
        self->body = malloc(self->head.length + 1);
    CHECK(self->body);
    memcpy(self->body + self->length, data, length);
    self->length += length;
    self->body[self->length] = '\0';
    return MHD_YES;
}

static enum MHD_Result begin(struct actor *self, struct MHD_Connection *connection, const char *path,
                             const char *method, void **state)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    CHECK(exchange);
    *state = exchange;
    exchange->connection = connection;
    exchange->peer = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (gateway_head_read(connection, method, path, &self->options.banks, &exchange->head, &exchange->answer))
        return MHD_YES;
    return gateway_answer_send(connection, &exchange->head, &exchange->answer);
}

/* Called with the head, with each piece of the body, with none; and once more when it is resumed. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data, size_t *length,
                                  void **state)
{
    struct actor *self = context;
    struct exchange *exchange = *state;
    (void)version;
    if (exchange == NULL)
        return begin(self, connection, path, method, state);
    if (exchange->answer.status != 0)
        return gateway_answer_send(connection, &exchange->head, &exchange->answer);
    if (*length == 0)
        return work(self, exchange);
    size_t taken = *length;
    *length = 0;
    return take_body(exchange, data, taken);
}

static void on_end(void *context, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode why)
{
    struct actor *self = context;
    struct exchange *exchange = *state;
    (void)connection;
    (void)why;
    if (exchange == NULL)
        return;
    CHECK(exchange->post == NULL && exchange->peer->waiting == NULL);
    set_due(self, exchange->peer, self->options.request_ms);
    free(exchange->body);
    free(exchange->text);
    free(exchange);
    *state = NULL;
}

/* The path as it came: no two paths are the same. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* ---- what comes back ------------------------------------------------------------------------------ */

static void take_post(struct actor *self, struct callback_post *post)
{
    struct exchange *exchange = post->owner;
    self->lent--;
    if (exchange != NULL) {
        exchange->answer = post->is_kept ? (struct gateway_answer){.status = 202}
                                         : answer_later(503, "it could not be kept");
        end_waiting(self, exchange);
    }
    free(post);
}

static void read_inbox(struct actor *self)
{
    struct box box;
    while (mailbox_receive(self->inbox, &box)) {
        CHECK(box.kind == BOX_CALLBACK);
        take_post(self, box.pointer);
    }
}

static struct exchange *exchange_of(struct actor *self, uint64_t question)
{
    for (struct peer *peer = self->peers.next; peer != &self->peers; peer = peer->next) {
        if (peer->waiting != NULL && peer->waiting->question == question)
            return peer->waiting;
    }
    return NULL;
}

static void take_news(struct actor *self, struct exchange *exchange, const struct gateway_news *news)
{
    static const char ok[] = "{\"status\":\"ok\"}\n";
    struct gateway_answer *answer = &exchange->answer;
    if (!news->is_good) {
        *answer = answer_later(503, "not all partitions serve");
    } else if (exchange->head.route == GATEWAY_HEALTH) {
        *answer = (struct gateway_answer){
            .status = 200, .type = "application/json", .body = ok, .length = sizeof ok - 1};
    } else {
        exchange->text = malloc(news->text.length + 1);
        CHECK(exchange->text);
        memcpy(exchange->text, news->text.data, news->text.length);
        *answer = (struct gateway_answer){
            .status = 200, .type = METRICS_TYPE, .body = exchange->text, .length = news->text.length};
    }
    end_waiting(self, exchange);
}

static void read_news(struct actor *self)
{
    struct gateway_news news;
    while (gateway_metrics_next(&self->metrics, &news)) {
        struct exchange *exchange = exchange_of(self, news.number);
        if (exchange != NULL)
            take_news(self, exchange, &news);
    }
}

/* ---- the loop ------------------------------------------------------------------------------------- */

static int wait_ms(const struct actor *self, int64_t at_ms)
{
    MHD_UNSIGNED_LONG_LONG server_ms;
    int64_t until_ms = self->is_ending && self->end_ms < self->next_ms ? self->end_ms : self->next_ms;
    if (self->accept_ms > at_ms && self->accept_ms < until_ms)
        until_ms = self->accept_ms;
    int64_t wait = until_ms - at_ms;
    if (MHD_get_timeout(self->daemon, &server_ms) == MHD_YES && (int64_t)server_ms < wait)
        wait = (int64_t)server_ms;
    return wait > GATEWAY_REQUEST_MS ? GATEWAY_REQUEST_MS : wait < 0 ? 0 : (int)wait;
}

static void read_pipe(struct actor *self)
{
    char *command = zstr_recv(self->pipe);
    if (command == NULL || streq(command, "$TERM")) {
        close(self->listen_fd);
        self->listen_fd = -1;
        self->is_ending = true;
        self->end_ms = now_ms() + self->options.answer_ms;
    }
    zstr_free(&command);
}

static bool is_over(struct actor *self)
{
    if (!self->is_ending || now_ms() >= self->end_ms)
        return self->is_ending;
    bool is_waiting = self->lent > 0;
    for (struct peer *peer = self->peers.next; peer != &self->peers && !is_waiting; peer = peer->next)
        is_waiting = peer->waiting != NULL;
    return !is_waiting;
}

static void run(struct actor *self)
{
    zmq_pollitem_t items[] = {
        {.fd = self->events_fd, .events = ZMQ_POLLIN},
        {.socket = self->inbox, .events = ZMQ_POLLIN},
        {.socket = self->metrics.socket, .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN},
        {.fd = self->listen_fd, .events = ZMQ_POLLIN},
    };
    while (!is_over(self)) {
        int64_t at_ms = now_ms();
        int count = may_accept(self, at_ms) ? 5 : 4;
        int ready = zmq_poll(items, count, wait_ms(self, at_ms));
        if (ready > 0 && count == 5 && items[4].revents != 0)
            accept_some(self);
        if (ready > 0 && (items[3].revents & ZMQ_POLLIN))
            read_pipe(self);
        read_inbox(self);
        read_news(self);
        expire(self, now_ms());
        MHD_run(self->daemon);
    }
}

/* ---- life ----------------------------------------------------------------------------------------- */

/* Whoever still waits is told to come again. */
static void end_all(struct actor *self)
{
    for (struct peer *peer = self->peers.next; peer != &self->peers; peer = peer->next) {
        if (peer->waiting == NULL)
            continue;
        peer->waiting->answer = answer_later(503, "this node is about to end");
        end_waiting(self, peer->waiting);
    }
    for (int i = 0; i < FLUSH_ROUNDS; i++)
        MHD_run(self->daemon);
}

static void wipe(char **text_p)
{
    if (*text_p != NULL)
        explicit_bzero(*text_p, strlen(*text_p));
    free(*text_p);
    *text_p = NULL;
}

static void release(struct actor *self)
{
    if (self->listen_fd >= 0)
        close(self->listen_fd);
    if (self->daemon != NULL)
        MHD_stop_daemon(self->daemon);
    if (self->options.banks.context != NULL)
        self->options.banks.destroy(self->options.banks.context);
    gateway_metrics_release(&self->metrics);
    if (self->inbox != NULL)
        zmq_close(self->inbox);
    if (self->bank != NULL)
        zmq_close(self->bank);
    wipe(&self->certificate);
    wipe(&self->key);
    free(self);
}

static void gateway_main(zsock_t *pipe, void *argument)
{
    struct actor *self = argument;
    handover_take(self);
    self->pipe = pipe;
    check_enter("gateway");
    zsock_signal(pipe, 0);
    run(self);
    end_all(self);
    if (self->lent > 0)
        zsys_warning("gateway: the bank adapter has not answered %u callbacks", self->lent);
    release(self);
}

/* ---- where it listens ----------------------------------------------------------------------------- */

struct place {
    struct sockaddr_storage address;
    socklen_t length;
    bool is_loopback;
};

static bool split(const char *listen, char *host, size_t room, const char **port)
{
    const char *colon = strrchr(listen, ':');
    if (colon == NULL || colon == listen || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
        colon[1] == '\0')
        return false;
    bool is_bracketed = listen[0] == '[' && colon[-1] == ']';
    const char *first = listen + is_bracketed;
    size_t length = (size_t)(colon - first) - is_bracketed;
    if (length < 1 || length >= room || (!is_bracketed && memchr(first, ':', length) != NULL))
        return false;
    memcpy(host, first, length);
    host[length] = '\0';
    *port = colon + 1;
    return true;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

/* Names are not looked up: who listens where must not depend on somebody else's answer. */
static bool read_place(const char *listen, struct place *out)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char host[INET6_ADDRSTRLEN + 16];
    const char *port;
    if (!split(listen, host, sizeof host, &port) || strlen(port) > 5 || atoi(port) > UINT16_MAX)
        return false;
    if (strcmp(host, "localhost") == 0)
        strcpy(host, "127.0.0.1");
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return false;
    memcpy(&out->address, found->ai_addr, found->ai_addrlen);
    out->length = found->ai_addrlen;
    out->is_loopback = is_loopback(found->ai_addr);
    freeaddrinfo(found);
    return true;
}

bool gateway_options_check(const struct gateway_options *options, char why[GATEWAY_WHY_MAX])
{
    struct place place;
    if (!read_place(options->listen, &place)) {
        snprintf(why, GATEWAY_WHY_MAX, "'%.100s' is not HOST:PORT with an address or localhost",
                 options->listen);
        return false;
    }
    if ((options->certificate == NULL) != (options->key == NULL)) {
        snprintf(why, GATEWAY_WHY_MAX, "a certificate and a key go together");
        return false;
    }
    if (options->certificate == NULL && !place.is_loopback) {
        snprintf(why, GATEWAY_WHY_MAX, "%.100s is not loopback: a certificate and a key are needed",
                 options->listen);
        return false;
    }
    return true;
}

/* The socket, and what it is bound to. -1: errno tells. */
static int listen_on(struct place *place)
{
    int on = 1;
    int fd = socket(place->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (struct sockaddr *)&place->address, place->length) == 0 && listen(fd, BACKLOG) == 0 &&
        getsockname(fd, (struct sockaddr *)&place->address, &place->length) == 0)
        return fd;
    int failed = errno;
    close(fd);
    errno = failed;
    return -1;
}

static void write_url(const struct place *place, bool has_tls, char out[GATEWAY_URL_MAX])
{
    char host[INET6_ADDRSTRLEN] = "", port[8] = "";
    bool is_6 = place->address.ss_family == AF_INET6;
    (void)getnameinfo((const struct sockaddr *)&place->address, place->length, host, sizeof host, port,
                      sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(out, GATEWAY_URL_MAX, "%s://%s%s%s:%s", has_tls ? "https" : "http", is_6 ? "[" : "", host,
             is_6 ? "]" : "", port);
}

/* ---- the start ------------------------------------------------------------------------------------ */

/* With a NUL behind it; NULL: why says why. */
static char *read_pem(const char *path, char why[GATEWAY_WHY_MAX])
{
    char *text = calloc(1, PEM_MAX + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(text);
    ssize_t length = fd < 0 ? -1 : read(fd, text, PEM_MAX);
    if (length > 0) {
        close(fd);
        return text;
    }
    snprintf(why, GATEWAY_WHY_MAX, "%.120s cannot be read: %s", path,
             length == 0 ? "it is empty" : strerror(errno));
    if (fd >= 0)
        close(fd);
    free(text);
    return NULL;
}

static struct MHD_Daemon *start_daemon(struct actor *self)
{
    const unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
                           (self->certificate != NULL ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, self->certificate},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, self->key},
                                   {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
                                   {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, self, MHD_OPTION_NOTIFY_COMPLETED, on_end, self,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, self, MHD_OPTION_UNESCAPE_CALLBACK,
                            keep_escapes, self, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)GATEWAY_CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                            (unsigned)GATEWAY_CONNECTIONS_OF_ONE, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)GATEWAY_HEAD_MAX, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY,
                            self->certificate != NULL ? tls : none, MHD_OPTION_END);
}

static bool open_server(struct actor *self, char url[GATEWAY_URL_MAX], char why[GATEWAY_WHY_MAX])
{
    struct place place;
    if (!gateway_options_check(&self->options, why) || !read_place(self->options.listen, &place))
        return false;
    if (self->options.certificate != NULL) {
        self->certificate = read_pem(self->options.certificate, why);
        self->key = self->certificate == NULL ? NULL : read_pem(self->options.key, why);
        if (self->key == NULL)
            return false;
    }
    self->listen_fd = listen_on(&place);
    if (self->listen_fd < 0) {
        snprintf(why, GATEWAY_WHY_MAX, "%.100s: %s", self->options.listen, strerror(errno));
        return false;
    }
    self->daemon = start_daemon(self);
    if (self->daemon == NULL) {
        snprintf(why, GATEWAY_WHY_MAX, "%s",
                 self->certificate != NULL ? "the certificate and the key do not go together, or are no PEM"
                                           : "the server cannot be started");
        return false;
    }
    self->events_fd = MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    write_url(&place, self->certificate != NULL, url);
    return true;
}

static bool open_all(struct actor *self, char url[GATEWAY_URL_MAX], char why[GATEWAY_WHY_MAX])
{
    if (!open_server(self, url, why))
        return false;
    self->inbox = mailbox_bind(self->options.context, CALLBACK_GATEWAY_INBOX, UINT32_MAX);
    self->bank = mailbox_connect(self->options.context, CALLBACK_BANK_INBOX, UINT32_MAX);
    bool is_open = self->inbox != NULL &&
                   gateway_metrics_init(&self->metrics, self->options.context, self->options.endpoint);
    if (!is_open)
        snprintf(why, GATEWAY_WHY_MAX, "its sockets cannot be opened");
    return is_open;
}

zactor_t *gateway_new(const struct gateway_options *options, char url[GATEWAY_URL_MAX],
                      char why[GATEWAY_WHY_MAX])
{
    zactor_t *actor = NULL;
    struct actor *self = calloc(1, sizeof *self);
    CHECK(self);
    self->options = *options;
    self->options.request_ms = options->request_ms > 0 ? options->request_ms : GATEWAY_REQUEST_MS;
    self->options.answer_ms = options->answer_ms > 0 ? options->answer_ms : GATEWAY_ANSWER_MS;
    self->listen_fd = -1;
    self->next_ms = INT64_MAX;
    self->lines_ms = now_ms();
    self->peers.next = self->peers.previous = &self->peers;
    if (open_all(self, url, why)) {
        handover_give(self);
        actor = zactor_new(gateway_main, self);
        if (actor == NULL)
            snprintf(why, GATEWAY_WHY_MAX, "no thread");
    }
    if (actor == NULL)
        release(self);
    return actor;
}
