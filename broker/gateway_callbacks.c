#include "broker/gateway_callbacks.h"

#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "adapters/callback/callback.h"

struct callbacks {
    const struct banks_config *config;
    void *own[BANK_BANKS_MAX]; /* what rails have opened; NULL: not open */
};

/* config->count: there is no such bank. */
static uint32_t bank_of(const struct callbacks *self, const char *name)
{
    uint32_t bank = 0;
    while (bank < self->config->count && strcmp(self->config->banks[bank].name, name) != 0)
        bank++;
    return bank;
}

static bool has(void *context, const char *name, enum gateway_door door)
{
    const struct callbacks *self = context;
    uint32_t bank = bank_of(self, name);
    if (bank == self->config->count)
        return false;
    switch (door) {
    case GATEWAY_EVENTS:
        return self->config->banks[bank].rail->callback != NULL;
    case GATEWAY_CALLBACKS:
        return banks_config_setting(self->config, bank, "callback_secret") != NULL;
    }
    CHECK_UNREACHABLE();
}

static enum rail_post_result verify(void *context, const char *name, enum gateway_door door,
                                    const struct rail_post *post, int64_t now_us, struct rail_notice *out)
{
    const struct callbacks *self = context;
    uint32_t bank = bank_of(self, name);
    CHECK(has(context, name, door));
    if (door == GATEWAY_EVENTS)
        return self->config->banks[bank].rail->callback(self->own[bank], post, now_us, out);
    return callback_read(banks_config_setting(self->config, bank, "callback_secret"), post, now_us, out);
}

static void destroy(void *context)
{
    struct callbacks *self = context;
    for (uint32_t bank = 0; bank < self->config->count; bank++) {
        if (self->own[bank] != NULL)
            self->config->banks[bank].rail->close(self->own[bank]);
    }
    free(self);
}

struct gateway_banks gateway_callbacks_new(const struct banks_config *config, char why[BANKS_WHY_MAX])
{
    struct callbacks *self = calloc(1, sizeof *self);
    CHECK(self);
    self->config = config;
    for (uint32_t bank = 0; bank < config->count; bank++) {
        self->own[bank] = banks_config_open(config, bank, why);
        if (self->own[bank] == NULL) {
            destroy(self);
            return (struct gateway_banks){0};
        }
    }
    return (struct gateway_banks){self, has, verify, destroy};
}
