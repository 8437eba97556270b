/* teller serve: runs a node until SIGTERM or SIGINT, or until its storage fails.
 *
 * Signals are blocked in every thread and read from a descriptor, so nothing is ever interrupted. A partition that
 * stops by itself ends the process: what is on disk is the truth, and a restart recovers from it.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "adapters/http/http_client.h"
#include "broker/bank_http.h"
#include "broker/command.h"
#include "broker/node.h"
#include "broker/options.h"
#include "broker/process_limits.h"

enum {
    DRAIN_MS_MAX = 3600000,
    WEBHOOK_RETRY_MS_MAX = 600000,
    PATH_CAPACITY = 4096,
    WHY_CAPACITY = 256,
    REMITTANCE_MS_MAX = 86400000,
    REMITTANCE_TRIES_MAX = 1000000
};

struct serve {
    const char *path;
    const char *port_file;
    const char *feed_file;
    const char *banks_file;
    uint64_t journal_bytes;
    struct node_options node_options;
    struct node *node;
    uint64_t ready; /* a bit for each partition that serves */
    uint64_t all;
    int signals;
    bool is_serving; /* all partitions have been ready */
};

static int fail(int code, const char *what, const char *why)
{
    fprintf(stderr, "teller serve: %s%s\n", what, why);
    return code;
}

/* ---- the process ------------------------------------------------------------------------------ */

/* Messages and commits of some megabytes come and go all the time: keep their memory instead of asking the
 * kernel for fresh pages each time. */
static void keep_freed_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, 64 * 1024 * 1024);
    mallopt(M_TRIM_THRESHOLD, 256 * 1024 * 1024);
}

/* Before any thread starts, so that all of them inherit the mask. A file beyond the limit of its size is an error of the
 * write, not the end of the process. */
static int take_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    zsys_handler_set(NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Whoever waits for the file sees all of it or nothing. */
static bool write_port_file(const struct serve *self)
{
    char name[PATH_CAPACITY];
    int length = snprintf(name, sizeof name, "%s.new", self->port_file);
    if (length < 0 || (size_t)length >= sizeof name) {
        errno = ENAMETOOLONG;
        return false;
    }
    FILE *file = fopen(name, "w");
    if (file == NULL)
        return false;
    bool written = fprintf(file, "%s\n", node_endpoint(self->node)) > 0;
    written = fclose(file) == 0 && written;
    return written && rename(name, self->port_file) == 0;
}

/* ---- serving ---------------------------------------------------------------------------------- */

/* All partitions are ready: say so. */
static int announce(struct serve *self)
{
    uint32_t partitions = datadir_meta(self->node_options.datadir)->partitions;
    self->is_serving = true;
    printf("teller %s serves %u partition%s of %s on %s\n", TELLER_VERSION, partitions,
           partitions == 1 ? "" : "s", self->path, node_endpoint(self->node));
    if (node_events(self->node)[0] != '\0')
        printf("events on %s\n", node_events(self->node));
    if (node_gateway(self->node)[0] != '\0')
        printf("gateway on %s\n", node_gateway(self->node));
    fflush(stdout);
    if (self->port_file != NULL && !write_port_file(self))
        return fail(EXIT_CODE_ERROR, "cannot write the port file: ", strerror(errno));
    return EXIT_CODE_OK;
}

static int partition_stopped(const struct serve *self, uint32_t partition)
{
    bool was_ready = (self->ready & UINT64_C(1) << partition) != 0;
    fprintf(stderr, "teller serve: partition %u %s. %s\n", partition,
            was_ready ? "has stopped after a storage failure" : "could not be recovered",
            was_ready ? "Start again: it recovers from disk." : "Run teller verify on the data directory.");
    return was_ready ? EXIT_CODE_STORAGE : EXIT_CODE_DATA;
}

/* The ledger goes on without it. */
static void tell_service(enum route_service service, enum partition_state state)
{
    static const char *const names[SERVICE_COUNT] = {
        [SERVICE_RATEFEED] = "rate feed",
        [SERVICE_PUBLISHER] = "publisher",
        [SERVICE_BANK] = "bank adapter",
    };
    if (state == PARTITION_STOPPED)
        fprintf(stderr, "teller serve: the %s has stopped after a storage failure.\n", names[service]);
}

/* The exit code, or -1 to go on. */
static int handle_event(struct serve *self, const struct router_event *event)
{
    if (event->kind == ROUTER_SERVICE_STATE)
        tell_service(event->service, event->state);
    if (event->kind != ROUTER_STATE)
        return -1;
    switch (event->state) {
    case PARTITION_STARTING:
        return -1;
    case PARTITION_SERVING:
    case PARTITION_FULL:
        self->ready |= UINT64_C(1) << event->partition;
        if (self->is_serving || self->ready != self->all || announce(self) == EXIT_CODE_OK)
            return -1;
        return EXIT_CODE_ERROR;
    case PARTITION_STOPPED:
        return partition_stopped(self, event->partition);
    }
    return -1;
}

static int serve_until_told(struct serve *self)
{
    zactor_t *router = node_router(self->node);
    zmq_pollitem_t items[] = {
        {.socket = zsock_resolve(router), .events = ZMQ_POLLIN},
        {.fd = self->signals, .events = ZMQ_POLLIN},
    };
    int code = -1;
    while (code < 0) {
        struct signalfd_siginfo info;
        struct router_event event;
        if (zmq_poll(items, 2, -1) < 0 && zmq_errno() != EINTR)
            return fail(EXIT_CODE_ERROR, "", zmq_strerror(zmq_errno()));
        if (read(self->signals, &info, sizeof info) == (ssize_t)sizeof info)
            return EXIT_CODE_OK;
        while (code < 0 && router_next_event(router, 0, &event))
            code = handle_event(self, &event);
    }
    return code;
}

static int run_node(struct serve *self)
{
    const char *why = NULL;
    char missing[WHY_CAPACITY];
    uint32_t partitions = datadir_meta(self->node_options.datadir)->partitions;
    uint32_t connections =
        self->node_options.banks != NULL ? bank_http_connections(self->node_options.banks) : 0;
    if (!process_limits_prepare(partitions, connections, missing, sizeof missing))
        return fail(EXIT_CODE_ERROR, missing, ".");
    zsys_init();
    zsys_set_logstream(stderr); /* what actors say; it would be standard output */
    self->all = partitions == 64 ? UINT64_MAX : (UINT64_C(1) << partitions) - 1;
    self->node = node_new(&self->node_options, &why);
    self->node_options.feed = NULL; /* the node's */
    self->node_options.banks = NULL;
    if (self->node == NULL) {
        fprintf(stderr, "teller serve: cannot serve on %s: %s\n", self->node_options.router.listen, why);
        return EXIT_CODE_ERROR;
    }
    int code = serve_until_told(self);
    size_t left = node_destroy(&self->node);
    if (left > 0)
        fprintf(stderr, "teller serve: %zu requests were left without an answer\n", left);
    return code;
}

/* Before anything else is begun: a wrong configuration is told at once. */
static bool read_feed(struct serve *self)
{
    char why[FEED_WHY_MAX];
    if (self->feed_file == NULL)
        return true;
    self->node_options.feed = feed_config_load(self->feed_file, why);
    if (self->node_options.feed == NULL)
        fprintf(stderr, "teller serve: cannot use %s: %s\n", self->feed_file, why);
    return self->node_options.feed != NULL;
}

/* The same of banks. */
static bool read_banks(struct serve *self)
{
    char why[BANKS_WHY_MAX];
    if (self->banks_file == NULL)
        return true;
    self->node_options.banks = banks_config_load(self->banks_file, why);
    if (self->node_options.banks == NULL)
        fprintf(stderr, "teller serve: cannot use %s: %s\n", self->banks_file, why);
    return self->node_options.banks != NULL;
}

/* … of the gateway. */
static bool check_gateway(const struct serve *self)
{
    char why[GATEWAY_WHY_MAX] = "--gateway is missing";
    const struct gateway_options *gateway = &self->node_options.gateway;
    bool is_wanted = gateway->listen != NULL;
    if (is_wanted ? gateway_options_check(gateway, why)
                  : gateway->certificate == NULL && gateway->key == NULL)
        return true;
    fprintf(stderr, "teller serve: cannot serve a gateway: %s\n", why);
    return false;
}

static int run(struct serve *self)
{
    struct datadir_error error = {0};
    if (!read_feed(self) || !read_banks(self) || !check_gateway(self))
        return EXIT_CODE_ERROR;
    keep_freed_memory();
    if (http_global_init() != ERR_OK)
        return fail(EXIT_CODE_ERROR, "no memory", ".");
    self->signals = take_signals();
    if (self->signals < 0)
        return fail(EXIT_CODE_ERROR, "", strerror(errno));
    if (self->port_file != NULL)
        unlink(self->port_file); /* of an earlier run */
    int code = EXIT_CODE_DATA;
    if (datadir_open(self->path, DATADIR_SERVING, &self->node_options.datadir, &error) == ERR_OK) {
        datadir_set_map_sizes(self->node_options.datadir, self->journal_bytes, 0);
        code = run_node(self);
        datadir_close(&self->node_options.datadir);
    } else {
        fail(code, "", error.text);
    }
    feed_config_destroy(&self->node_options.feed); /* where no node took them */
    banks_config_destroy(&self->node_options.banks);
    zsys_shutdown(); /* waits for the last replies to leave */
    http_global_release();
    close(self->signals);
    return code;
}

/* Options are wide numbers. */
struct remittance_options {
    uint64_t tries, retry_ms, rounds, round_ms, alarm_ms;
};

static struct remittance_options remittance_defaults(void)
{
    const struct ledger_remittance_terms terms = ledger_config_default().remittances;
    return (struct remittance_options){
        .tries = terms.tries,
        .retry_ms = (uint64_t)terms.retry_us / 1000,
        .rounds = terms.rounds,
        .round_ms = (uint64_t)terms.round_us / 1000,
        .alarm_ms = (uint64_t)terms.alarm_us / 1000,
    };
}

static struct ledger_remittance_terms remittance_terms(const struct remittance_options *options)
{
    return (struct ledger_remittance_terms){
        .tries = (uint32_t)options->tries,
        .retry_us = (int64_t)options->retry_ms * 1000,
        .rounds = (uint32_t)options->rounds,
        .round_us = (int64_t)options->round_ms * 1000,
        .alarm_us = (int64_t)options->alarm_ms * 1000,
    };
}

int command_serve(int argc, char **argv)
{
    struct remittance_options remittances = remittance_defaults();
    struct serve self = {.node_options = {.router = router_options_default()}};
    struct router_options *router = &self.node_options.router;
    uint64_t queue = router->mailbox_requests;
    uint64_t webhook_retry_ms = 5000;
    const struct option_row rows[] = {
        {.name = "data",
         .letter = 'd',
         .type = OPTION_TEXT,
         .out = &self.path,
         .value = "DIR",
         .help = "the data directory, made by teller init",
         .required = true},
        {.name = "listen",
         .letter = 'l',
         .type = OPTION_TEXT,
         .out = &router->listen,
         .value = "ENDPOINT",
         .help = "where clients connect (" ROUTER_LISTEN_DEFAULT "); port 0: any"},
        {.name = "port-file",
         .type = OPTION_TEXT,
         .out = &self.port_file,
         .value = "FILE",
         .help = "write the real endpoint there when serving"},
        {.name = "feed",
         .type = OPTION_TEXT,
         .out = &self.feed_file,
         .value = "FILE",
         .help = "the sources of rates, as JSON (docs/OPERATIONS.md)"},
        {.name = "banks",
         .type = OPTION_TEXT,
         .out = &self.banks_file,
         .value = "FILE",
         .help = "the banks that remittances go to, as JSON (docs/OPERATIONS.md)"},
        {.name = "remittance-retry-ms",
         .type = OPTION_NUMBER,
         .out = &remittances.retry_ms,
         .value = "N",
         .help = "from one try of a step to the next (10000)",
         .minimum = 1,
         .maximum = REMITTANCE_MS_MAX},
        {.name = "remittance-tries",
         .type = OPTION_NUMBER,
         .out = &remittances.tries,
         .value = "N",
         .help = "of a step, until it is on its failure list (3)",
         .minimum = 1,
         .maximum = REMITTANCE_TRIES_MAX},
        {.name = "remittance-round-ms",
         .type = OPTION_NUMBER,
         .out = &remittances.round_ms,
         .value = "N",
         .help = "from a failure list to the next round of tries (600000); 0: only when asked",
         .maximum = REMITTANCE_MS_MAX},
        {.name = "remittance-rounds",
         .type = OPTION_NUMBER,
         .out = &remittances.rounds,
         .value = "N",
         .help = "of tries after the first, until a remittance is given up (3)",
         .maximum = REMITTANCE_TRIES_MAX},
        {.name = "remittance-alarm-ms",
         .type = OPTION_NUMBER,
         .out = &remittances.alarm_ms,
         .value = "N",
         .help = "an unfinished remittance raises an alarm after so long (600000)",
         .minimum = 1,
         .maximum = REMITTANCE_MS_MAX},
        {.name = "queue",
         .type = OPTION_NUMBER,
         .out = &queue,
         .value = "N",
         .help = "open requests of a partition before BUSY (8192)",
         .minimum = 1,
         .maximum = ROUTER_MAILBOX_REQUESTS_MAX},
        {.name = "queue-bytes",
         .type = OPTION_SIZE,
         .out = &router->mailbox_bytes,
         .value = "SIZE",
         .help = "bytes of them before BUSY (256M)",
         .minimum = ROUTER_MAILBOX_BYTES_MIN},
        {.name = "drain",
         .type = OPTION_DURATION,
         .out = &router->drain_timeout_ms,
         .value = "TIME",
         .help = "how long to wait for open requests at the end (10s)",
         .maximum = DRAIN_MS_MAX},
        {.name = "journal-size",
         .type = OPTION_SIZE,
         .out = &self.journal_bytes,
         .value = "SIZE",
         .help = "the most a partition's journal may take"},
        {.name = "events",
         .type = OPTION_TEXT,
         .out = &self.node_options.events,
         .value = "ENDPOINT",
         .help = "where subscribers connect to streams of events (nowhere)"},
        {.name = "webhook-retry-ms",
         .type = OPTION_NUMBER,
         .out = &webhook_retry_ms,
         .value = "N",
         .help = "the first delay before a webhook is tried again; it doubles (5000)",
         .minimum = 1,
         .maximum = WEBHOOK_RETRY_MS_MAX},
        {.name = "webhook-allow-http",
         .type = OPTION_FLAG,
         .out = &self.node_options.webhook_allows_http,
         .help = "let webhooks have http:// addresses: for tests and loopback"},
        {.name = "gateway",
         .type = OPTION_TEXT,
         .out = &self.node_options.gateway.listen,
         .value = "HOST:PORT",
         .help = "serve callbacks of banks, /metrics and /health over HTTP there (nowhere)"},
        {.name = "gateway-certificate",
         .type = OPTION_TEXT,
         .out = &self.node_options.gateway.certificate,
         .value = "FILE",
         .help = "PEM; with --gateway-key: https. Without, it is http, on loopback only"},
        {.name = "gateway-key",
         .type = OPTION_TEXT,
         .out = &self.node_options.gateway.key,
         .value = "FILE",
         .help = "PEM"},
    };
    const struct manual manual = {
        .usage = "teller serve --data DIR [options]",
        .summary = "Serves a ledger until SIGTERM or SIGINT; then open requests are answered and it ends.\n"
                   "Exit codes: 0 ended cleanly, 1 error, 2 usage, 3 data directory refused,\n"
                   "75 stopped by a storage failure (start again: it recovers from disk).",
        .examples = "  teller serve --data /var/lib/teller\n"
                    "  teller serve --data ledger --listen tcp://127.0.0.1:0 --port-file ledger.port",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
    };
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    router->mailbox_requests = (uint32_t)queue;
    self.node_options.webhook_retry_ms = (int64_t)webhook_retry_ms;
    self.node_options.remittances = remittance_terms(&remittances);
    return run(&self);
}
