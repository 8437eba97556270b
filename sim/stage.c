#include "sim/stage.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void stage_init(struct stage *self, const struct run_config *config)
{
    *self = (struct stage){.config = config, .digest = config->seed};
}

void stage_release(struct stage *self)
{
    events_release(&self->events);
}

void stage_after(struct stage *self, int64_t delay_us, event_fn *call, void *context, void *pointer,
                 uint64_t number)
{
    events_add(&self->events, (struct event){.at_us = self->now_us + delay_us,
                                             .call = call,
                                             .context = context,
                                             .pointer = pointer,
                                             .number = number,
                                             .drop = pointer != NULL ? free : NULL});
}

void stage_run(struct stage *self, int64_t until_us)
{
    struct event event;
    while (!self->is_broken && events_next_us(&self->events) <= until_us &&
           events_take(&self->events, &event)) {
        self->now_us = event.at_us;
        self->happened++;
        event.call(event.context, event.pointer, event.number);
    }
    if (!self->is_broken)
        self->now_us = until_us;
}

void stage_mix(struct stage *self, uint64_t value)
{
    struct sim_random next = sim_random_of(self->digest ^ value);
    self->digest = sim_random_next(&next) + (uint64_t)self->now_us;
}

void stage_mix_text(struct stage *self, const char *text)
{
    for (; *text; text++)
        stage_mix(self, (uint8_t)*text);
}

bool stage_is_traced(const struct stage *self)
{
    return self->config->trace != NULL && self->now_us >= self->config->trace_from_us;
}

static void note(struct stage *self, const char *format, va_list arguments)
{
    fprintf(self->config->trace, "%12.6f s  ", (double)self->now_us / 1e6);
    vfprintf(self->config->trace, format, arguments);
    fputc('\n', self->config->trace);
    fflush(self->config->trace);
}

void stage_note(struct stage *self, const char *format, ...)
{
    va_list arguments;
    if (!stage_is_traced(self))
        return;
    va_start(arguments, format);
    note(self, format, arguments);
    va_end(arguments);
}

void stage_breach(struct stage *self, const char *invariant, const char *format, ...)
{
    char text[sizeof self->breach.text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    stage_note(self, "BREACH of %s: %s", invariant, text);
    if (self->is_broken)
        return;
    self->is_broken = true;
    self->breach_us = self->now_us;
    self->breach = (struct breach){.invariant = invariant, .partition = UINT32_MAX};
    memcpy(self->breach.text, text, sizeof text);
}

int64_t stage_stop_us(const struct stage *self)
{
    const struct run_config *config = self->config;
    return config->stop_us > 0 && config->stop_us < config->length_us ? config->stop_us : config->length_us;
}

bool stage_has(const struct stage *self, enum fault_family family)
{
    return self->config->families >> family & 1;
}

void stage_result(const struct stage *self, struct run_result *out)
{
    out->is_broken = self->is_broken;
    out->breach = self->breach;
    out->breach_us = self->is_broken ? self->breach_us : self->now_us;
    out->simulated_us = self->now_us;
    out->digest = self->digest;
    out->world.events = self->happened;
}
