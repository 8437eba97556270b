/* Starting and stopping a node's actors in the right order. */
#include "broker/node.h"

#include "actors/bank/shell/bank_actor.h"
#include "actors/ledger/shell/ledger_actor.h"
#include "actors/ledger/shell/reader_actor.h"
#include "actors/publisher/shell/publisher_actor.h"
#include "actors/ratefeed/shell/ratefeed_actor.h"
#include "broker/bank_http.h"
#include "broker/feed_http.h"
#include "broker/gateway_callbacks.h"
#include "broker/webhook_http.h"

enum { DRAIN_GRACE_MS = 5000 }; /* beyond the router's own limit */

struct node {
    uint32_t partitions;
    int drain_wait_ms;
    zactor_t *router;
    zactor_t *publisher; /* NULL: it does not run */
    zactor_t *ratefeed;  /* the same */
    zactor_t *gateway;   /* the same */
    zactor_t *bank;      /* the same */
    struct banks_config *banks;
    struct bank_config configs[BANK_BANKS_MAX]; /* their rails as the adapter uses them; own NULL: not open */
    zactor_t *ledgers[DATADIR_PARTITIONS_MAX];
    zactor_t *readers[DATADIR_PARTITIONS_MAX];
    char endpoint[ROUTER_ENDPOINT_MAX];
    char events[PUBLISHER_ENDPOINT_MAX];
    char gateway_url[GATEWAY_URL_MAX];
};

static bool start_partition(struct node *self, const struct node_options *options, uint32_t partition)
{
    struct datadir *datadir = options->datadir;
    const struct reader_actor_options reader = {
        .context = zsys_init(),
        .datadir = datadir,
        .partition = partition,
        .partitions = self->partitions,
    };
    const struct ledger_actor_options ledger = {
        .context = zsys_init(),
        .datadir = datadir,
        .partition = partition,
        .partitions = self->partitions,
        .has_banks = self->bank != NULL,
        .remittances = options->remittances,
    };
    self->readers[partition] = reader_actor_new(&reader);
    if (self->readers[partition] == NULL)
        return false;
    self->ledgers[partition] = ledger_actor_new(&ledger);
    return self->ledgers[partition] != NULL;
}

/* Without its store there is no publisher; money moves all the same. false: streams were asked for and cannot be. */
static bool start_publisher(struct node *self, const struct node_options *options, const char **why)
{
    struct datadir_error error = {0};
    struct publisher_actor_options publisher = {
        .context = zsys_init(),
        .partitions = self->partitions,
        .events = options->events,
        .retry_ms = options->webhook_retry_ms,
    };
    *why = error.text;
    if (datadir_publisher(options->datadir, &publisher.state, &error) == ERR_OK) {
        publisher.http = webhook_http_new(options->webhook_allows_http);
        self->publisher = publisher_actor_new(&publisher, self->events, why);
    }
    if (self->publisher == NULL)
        zsys_error("events are not published: %s", *why);
    *why = "events cannot be published";
    return self->publisher != NULL || options->events == NULL;
}

/* Its store, before the router: whether it runs has to be known there. Without its store there is no feed; money moves all the
 * same. */
static struct rates *open_rates(const struct node_options *options)
{
    struct datadir_error error = {0};
    struct rates *rates = NULL;
    if (options->feed != NULL && datadir_rates(options->datadir, &rates, &error) != ERR_OK)
        zsys_error("the rate feed does not run: %s", error.text);
    return rates;
}

static bool start_ratefeed(struct node *self, struct feed_config *config, struct rates *rates,
                           const char **why)
{
    const struct ratefeed_actor_options ratefeed = {
        .context = zsys_init(),
        .number = LEDGER_PARTITIONS_MAX + SERVICE_RATEFEED,
        .rates = rates,
        .endpoint = self->endpoint,
        .sources = config->sources,
        .source_count = config->count,
        .port = feed_http_new(config),
    };
    self->ratefeed = ratefeed_actor_new(&ratefeed, why);
    if (self->ratefeed != NULL)
        return true;
    zsys_error("the rate feed cannot start: %s", *why);
    *why = "the rate feed cannot start";
    return false;
}

/* As open_rates. Without its store there are no remittances. */
static struct outbox *open_outbox(const struct node_options *options)
{
    struct datadir_error error = {0};
    struct outbox *outbox = NULL;
    if (options->banks != NULL && datadir_outbox(options->datadir, &outbox, &error) != ERR_OK)
        zsys_error("the bank adapter does not run: %s", error.text);
    return outbox;
}

static bool open_rails(struct node *self, char why[BANKS_WHY_MAX])
{
    for (uint32_t b = 0; b < self->banks->count; b++) {
        const struct banks_bank *bank = &self->banks->banks[b];
        self->configs[b] =
            (struct bank_config){.name = bank->name, .rail = bank->rail, .limits = bank->limits};
        self->configs[b].own = banks_config_open(self->banks, b, why);
        if (self->configs[b].own == NULL)
            return false;
    }
    return true;
}

/* After whoever uses them. */
static void close_rails(struct node *self)
{
    for (uint32_t b = 0; self->banks != NULL && b < self->banks->count; b++) {
        if (self->configs[b].own != NULL)
            self->configs[b].rail->close(self->configs[b].own);
    }
    banks_config_destroy(&self->banks);
}

static bool start_bank(struct node *self, struct outbox *outbox, uint64_t hash_key, const char **why)
{
    char text[BANKS_WHY_MAX] = "";
    struct bank_actor_options bank = {
        .context = zsys_init(),
        .number = LEDGER_PARTITIONS_MAX + SERVICE_BANK,
        .partitions = self->partitions,
        .outbox = outbox,
        .banks = self->configs,
        .bank_count = self->banks->count,
        .hash_key = hash_key,
    };
    *why = text;
    if (open_rails(self, text)) {
        bank.port = bank_http_new(self->banks);
        self->bank = bank_actor_new(&bank, why);
    } else {
        outbox_close(&bank.outbox);
    }
    if (self->bank == NULL)
        zsys_error("the bank adapter cannot start: %s", *why);
    *why = "the bank adapter cannot start";
    return self->bank != NULL;
}

static bool start_gateway(struct node *self, const struct node_options *options, const char **why)
{
    char text[GATEWAY_WHY_MAX];
    struct gateway_options gateway = options->gateway;
    if (gateway.listen == NULL)
        return true;
    gateway.context = zsys_init();
    gateway.endpoint = self->endpoint;
    if (self->bank != NULL)
        gateway.banks = gateway_callbacks_new(self->banks, text);
    if (self->bank == NULL || gateway.banks.context != NULL)
        self->gateway = gateway_new(&gateway, self->gateway_url, text);
    if (self->gateway == NULL)
        zsys_error("the gateway cannot start: %s", text);
    *why = "the gateway cannot start";
    return self->gateway != NULL;
}

struct node *node_new(const struct node_options *options, const char **why)
{
    struct node *self = calloc(1, sizeof *self);
    if (self == NULL) {
        *why = "no memory";
        return NULL;
    }
    struct router_options router = options->router;
    router.partitions = datadir_meta(options->datadir)->partitions;
    self->partitions = router.partitions;
    self->drain_wait_ms = (int)router.drain_timeout_ms + DRAIN_GRACE_MS;
    bool started = start_publisher(self, options, why);
    router.services[SERVICE_PUBLISHER] = self->publisher != NULL;
    struct feed_config *feed = options->feed;
    struct rates *rates = started ? open_rates(options) : NULL;
    router.services[SERVICE_RATEFEED] = rates != NULL;
    self->banks = options->banks;
    struct outbox *outbox = started ? open_outbox(options) : NULL;
    router.services[SERVICE_BANK] = outbox != NULL;
    if (started)
        self->router = router_new(&router, self->endpoint, why);
    started = self->router != NULL;
    if (started && rates != NULL) {
        started = start_ratefeed(self, feed, rates, why);
        feed = NULL;
        rates = NULL;
    }
    if (started && outbox != NULL) {
        started = start_bank(self, outbox, datadir_meta(options->datadir)->hash_key, why);
        outbox = NULL;
    }
    rates_close(&rates);
    outbox_close(&outbox);
    feed_config_destroy(&feed);
    for (uint32_t p = 0; started && p < self->partitions; p++) {
        *why = "a partition could not be started";
        started = start_partition(self, options, p);
    }
    started = started && start_gateway(self, options, why);
    if (!started)
        node_destroy(&self);
    return self;
}

static size_t drain(struct node *self)
{
    struct router_event event;
    router_drain(self->router);
    while (router_next_event(self->router, self->drain_wait_ms, &event)) {
        if (event.kind == ROUTER_DRAINED)
            return event.outstanding;
    }
    return 0;
}

size_t node_destroy(struct node **self_p)
{
    struct node *self = *self_p;
    if (self == NULL)
        return 0;
    zactor_destroy(&self->gateway);
    size_t left = self->router == NULL ? 0 : drain(self);
    zactor_destroy(&self->ratefeed);
    zactor_destroy(&self->publisher); /* it and the readers read the ledgers' journals */
    if (self->bank != NULL)
        bank_actor_finish(self->bank); /* it and the ledgers send to each other */
    for (uint32_t p = 0; p < self->partitions; p++)
        zactor_destroy(&self->readers[p]);
    for (uint32_t p = 0; p < self->partitions; p++) {
        if (self->ledgers[p] != NULL)
            ledger_actor_finish(self->ledgers[p]);
    }
    for (uint32_t p = 0; p < self->partitions; p++) {
        if (self->ledgers[p] != NULL)
            ledger_actor_finished(self->ledgers[p]);
    }
    for (uint32_t p = 0; p < self->partitions; p++)
        zactor_destroy(&self->ledgers[p]);
    zactor_destroy(&self->bank);
    close_rails(self);
    zactor_destroy(&self->router);
    free(self);
    *self_p = NULL;
    return left;
}

const char *node_endpoint(const struct node *self)
{
    return self->endpoint;
}

const char *node_events(const struct node *self)
{
    return self->events;
}

const char *node_gateway(const struct node *self)
{
    return self->gateway_url;
}

zactor_t *node_router(struct node *self)
{
    return self->router;
}
