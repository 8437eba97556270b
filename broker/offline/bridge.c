#include "broker/offline/bridge.h"

#include <stdlib.h>
#include <string.h>

/* ---- queues ----------------------------------------------------------------------------------- */

static void *queue_at(const struct bridge_queue *queue, size_t i)
{
    return queue->slots + ((queue->first + i) & (queue->capacity - 1)) * queue->size;
}

static bool queue_grow(struct bridge_queue *queue)
{
    size_t wanted = queue->capacity == 0 ? 64 : queue->capacity * 2;
    uint8_t *slots = malloc(wanted * queue->size);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < queue->count; i++)
        memcpy(slots + i * queue->size, queue_at(queue, i), queue->size);
    free(queue->slots);
    queue->slots = slots;
    queue->capacity = wanted;
    queue->first = 0;
    return true;
}

static enum err queue_push(struct bridge_queue *queue, const void *value)
{
    if (queue->count == queue->capacity && !queue_grow(queue))
        return ERR_NO_MEMORY;
    memcpy(queue_at(queue, queue->count++), value, queue->size);
    return ERR_OK;
}

static void queue_pop(struct bridge_queue *queue)
{
    queue->first = (queue->first + 1) & (queue->capacity - 1);
    queue->count--;
}

/* ---- life ------------------------------------------------------------------------------------- */

bool bridge_init(struct bridge *self, uint32_t partitions)
{
    *self = (struct bridge){.partitions = partitions};
    self->links = calloc((size_t)partitions * partitions, sizeof *self->links);
    for (size_t i = 0; self->links != NULL && i < (size_t)partitions * partitions; i++) {
        self->links[i].requests.size = sizeof(struct bridge_request);
        self->links[i].answers.size = sizeof(struct bridge_answer);
    }
    return self->links != NULL;
}

void bridge_release(struct bridge *self)
{
    for (size_t i = 0; self->links != NULL && i < (size_t)self->partitions * self->partitions; i++) {
        free(self->links[i].requests.slots);
        free(self->links[i].answers.slots);
    }
    free(self->links);
    self->links = NULL;
    audit_promises_release(&self->exchanges);
    for (size_t i = 0; i < BRIDGE_LEG_BUCKETS; i++) {
        while (self->legs[i] != NULL) {
            struct bridge_leg *leg = self->legs[i];
            self->legs[i] = leg->next;
            free(leg);
        }
    }
}

static struct bridge_link *link_of(const struct bridge *self, uint32_t source, uint32_t target)
{
    return &self->links[(size_t)source * self->partitions + target];
}

static enum err wrong(const char **what, const char *why)
{
    *what = why;
    return ERR_CORRUPT;
}

/* ---- steps ------------------------------------------------------------------------------------ */

enum err bridge_made(struct bridge *self, uint32_t source, uint32_t target,
                     const struct bridge_request *request)
{
    return queue_push(&link_of(self, source, target)->requests, request);
}

enum err bridge_processed(struct bridge *self, uint32_t source, uint32_t target,
                          const struct bridge_request *seen, bool bounced, const struct bridge_answer *answer,
                          const char **what)
{
    struct bridge_link *link = link_of(self, source, target);
    if (link->answers.count >= link->requests.count)
        return wrong(what, "a partition received more than another sent");
    const struct bridge_request *request = queue_at(&link->requests, link->answers.count);
    if (request->kind != seen->kind)
        return wrong(what, "a request of another kind was processed than was sent");
    if (bounced && answer->code == 0)
        return wrong(what, "a request was refused without a reason");
    if (!bounced && !uuid_equal(&request->id, &seen->id))
        return wrong(what, "another request was processed than was sent: the ids differ");
    if (!bounced && (request->amount != seen->amount || request->currency != seen->currency))
        return wrong(what, "another amount or currency was received than was sent");
    if (!bounced && request->texts != seen->texts)
        return wrong(what, "the accounts or texts of what was received are not those of what was sent");
    if (!bounced && request->code != seen->code)
        return wrong(what, "a group was closed with another decision than was made");
    return queue_push(&link->answers, answer);
}

const struct bridge_request *bridge_oldest(const struct bridge *self, uint32_t source, uint32_t target)
{
    const struct bridge_link *link = link_of(self, source, target);
    return link->requests.count == 0 ? NULL : queue_at(&link->requests, 0);
}

const struct bridge_answer *bridge_oldest_answer(const struct bridge *self, uint32_t source, uint32_t target)
{
    const struct bridge_link *link = link_of(self, source, target);
    return link->answers.count == 0 ? NULL : queue_at(&link->answers, 0);
}

enum err bridge_resolved(struct bridge *self, uint32_t source, uint32_t target,
                         const struct bridge_request *seen, const struct bridge_answer *answer,
                         const char **what)
{
    struct bridge_link *link = link_of(self, source, target);
    const struct bridge_request *request = bridge_oldest(self, source, target);
    const struct bridge_answer *given = bridge_oldest_answer(self, source, target);
    if (request == NULL || given == NULL)
        return wrong(what, "an answer was taken that was never given");
    if (request->kind != seen->kind || !uuid_equal(&request->id, &seen->id))
        return wrong(what, "an answer was taken for another request than the oldest");
    if (request->position != seen->position || request->amount != seen->amount ||
        request->currency != seen->currency || request->debit != seen->debit)
        return wrong(what, "what came back is not what was sent");
    if (given->code != answer->code || given->value != answer->value)
        return wrong(what, "the answer that was taken is not the one that was given");
    queue_pop(&link->requests);
    queue_pop(&link->answers);
    return ERR_OK;
}

/* ---- groups ----------------------------------------------------------------------------------- */

static struct bridge_leg **bucket_of(struct bridge *self, const struct uuid *id)
{
    uint32_t hash;
    memcpy(&hash, id->bytes + 12, sizeof hash);
    return &self->legs[hash % BRIDGE_LEG_BUCKETS];
}

enum err bridge_leg(struct bridge *self, const struct bridge_leg *leg, const char **what)
{
    struct bridge_leg **at = bucket_of(self, &leg->id);
    while (*at != NULL &&
           !(uuid_equal(&(*at)->id, &leg->id) && (*at)->from == leg->from && (*at)->to == leg->to))
        at = &(*at)->next;
    struct bridge_leg *other = *at;
    if (other == NULL) {
        struct bridge_leg *kept = malloc(sizeof *kept);
        if (kept == NULL)
            return ERR_NO_MEMORY;
        *kept = *leg;
        kept->next = NULL;
        *at = kept;
        self->leg_count++;
        return ERR_OK;
    }
    if (other->is_sent == leg->is_sent)
        return wrong(what, "one side of an item of a group was carried out twice");
    if (other->amount != leg->amount || other->currency != leg->currency)
        return wrong(what, "the two sides of an item of a group differ");
    *at = other->next;
    free(other);
    self->leg_count--;
    return ERR_OK;
}

/* ---- what is open ----------------------------------------------------------------------------- */

static uint64_t link_in_transit(const struct bridge_link *link, __int128 sums[256])
{
    uint64_t open = 0;
    for (size_t i = 0; i < link->requests.count; i++) {
        const struct bridge_request *request = queue_at(&link->requests, i);
        const struct bridge_answer *answer = i < link->answers.count ? queue_at(&link->answers, i) : NULL;
        if (request->kind != LINK_CREDIT || (answer != NULL && answer->code == 0))
            continue;
        open++;
        sums[request->currency] += request->amount;
    }
    return open;
}

uint64_t bridge_in_transit(const struct bridge *self, __int128 sums[256])
{
    uint64_t open = 0;
    for (size_t i = 0; i < (size_t)self->partitions * self->partitions; i++)
        open += link_in_transit(&self->links[i], sums);
    for (size_t i = 0; i < BRIDGE_LEG_BUCKETS; i++) {
        for (const struct bridge_leg *leg = self->legs[i]; leg != NULL; leg = leg->next)
            sums[leg->currency] += leg->is_sent ? leg->amount : -leg->amount;
    }
    return open;
}
