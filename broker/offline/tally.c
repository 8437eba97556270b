#include "broker/offline/tally.h"

#include <stdlib.h>
#include <string.h>

static uint64_t bit(uint32_t partition)
{
    return UINT64_C(1) << partition;
}

void tally_init(struct tally *self, uint32_t partition, uint32_t partitions)
{
    *self = (struct tally){.partition = partition, .partitions = partitions};
}

static void group_close(struct tally *self, struct tally_group *group)
{
    struct tally_group **at = &self->groups;
    while (*at != group)
        at = &(*at)->next;
    *at = group->next;
    free(group);
}

void tally_release(struct tally *self)
{
    while (self->groups != NULL)
        group_close(self, self->groups);
    free(self->peers);
    self->peers = NULL;
}

static enum err wrong(const char **what, const char *why)
{
    *what = why;
    return ERR_CORRUPT;
}

/* ---- where accounts live ---------------------------------------------------------------------- */

/* The number at the end of "house:cash:KRW:3" or "transit:KRW:1:3"; begins says how many colons to pass. */
static uint32_t number_after(struct str id, uint32_t colons)
{
    uint32_t number = 0, i = 0;
    for (; i < id.length && colons > 0; i++)
        colons -= id.data[i] == ':';
    for (; i < id.length && id.data[i] >= '0' && id.data[i] <= '9' && number < 1000; i++)
        number = number * 10 + (uint32_t)(id.data[i] - '0');
    return number;
}

static bool begins(struct str id, const char *word)
{
    size_t length = strlen(word);
    return id.length > length && memcmp(id.data, word, length) == 0;
}

uint32_t tally_home(struct str id, uint32_t partitions)
{
    if (begins(id, "house:") || begins(id, "transit:"))
        return number_after(id, 3);
    uint64_t h = UINT64_C(14695981039346656037);
    for (uint32_t i = 0; i < id.length; i++)
        h = (h ^ (uint8_t)id.data[i]) * UINT64_C(1099511628211);
    h ^= h >> 32;
    return (uint32_t)(h % partitions);
}

uint64_t tally_homes(const uint8_t *items, size_t length, uint32_t partitions)
{
    uint64_t homes = 0;
    struct ledger_command item;
    for (size_t size; length > 0 && (size = link_item_read(items, length, &item)) > 0; items += size) {
        struct str payer = ledger_payer(&item);
        if (payer.length > 0)
            homes |= bit(tally_home(payer, partitions));
        if (item.to.length > 0)
            homes |= bit(tally_home(item.to, partitions));
        length -= size;
    }
    return homes;
}

static enum err account_note(struct tally *self, const uint8_t *bytes, size_t size, const char **what)
{
    struct fact_account fact;
    struct fact_strings strings;
    memcpy(&fact, bytes, sizeof fact);
    if (fact_strings_read(bytes + sizeof fact, size - sizeof fact, &strings) != ERR_OK)
        return wrong(what, "the strings of a fact are malformed");
    if (fact.account != self->account_count)
        return wrong(what, "an account was opened out of its turn");
    if (self->account_count == self->account_capacity) {
        uint32_t wanted = self->account_capacity == 0 ? 1024 : self->account_capacity * 2;
        uint8_t *bigger = realloc(self->peers, wanted);
        if (bigger == NULL)
            return ERR_NO_MEMORY;
        self->peers = bigger;
        self->account_capacity = wanted;
    }
    struct str id = strings.by_tag[FACT_TAG_ACCOUNT];
    uint32_t peer = begins(id, "transit:") ? number_after(id, 2) : TALLY_NO_PEER;
    if (peer != TALLY_NO_PEER && (peer >= self->partitions || peer == self->partition))
        return wrong(what, "a transit account is of a partition that is not there");
    self->peers[self->account_count++] = (uint8_t)peer;
    return ERR_OK;
}

/* ---- groups ----------------------------------------------------------------------------------- */

struct tally_group *tally_group_find(const struct tally *self, const struct uuid *id, uint32_t coordinator)
{
    struct tally_group *group = self->groups;
    while (group != NULL && (group->coordinator != coordinator || !uuid_equal(&group->id, id)))
        group = group->next;
    return group;
}

static enum err group_open(struct tally *self, const struct fact_group *fact, uint32_t coordinator,
                           const uint8_t *items, size_t length, const char **what)
{
    struct uuid id = fact->id;
    if (tally_group_find(self, &id, coordinator) != NULL)
        return wrong(what, "a group began twice");
    struct tally_group *group = calloc(1, sizeof *group + length);
    if (group == NULL)
        return ERR_NO_MEMORY;
    group->id = id;
    group->coordinator = coordinator;
    group->count = fact->count;
    group->length = length;
    memcpy(group->items, items, length);
    group->asked = tally_homes(items, length, self->partitions) & ~bit(self->partition);
    group->next = self->groups;
    self->groups = group;
    return ERR_OK;
}

static enum err make(struct tally *self, enum link_kind kind, uint64_t peers, struct tally_step *step)
{
    *step =
        (struct tally_step){.event = peers == 0 ? TALLY_NOTHING : TALLY_MADE, .kind = kind, .peers = peers};
    for (uint32_t peer = 0; peer < self->partitions; peer++)
        self->numbers.made[peer] += peers >> peer & 1;
    return ERR_OK;
}

static enum err resolve(struct tally *self, enum link_kind kind, uint32_t peer, struct tally_step *step,
                        const char **what)
{
    if (peer >= self->partitions || self->numbers.resolved[peer] >= self->numbers.made[peer])
        return wrong(what, "an answer to a request that was never made");
    self->numbers.resolved[peer]++;
    *step = (struct tally_step){.event = TALLY_RESOLVED, .kind = kind, .peer = peer};
    return ERR_OK;
}

static enum err process(struct tally *self, enum link_kind kind, uint32_t peer, struct tally_step *step,
                        const char **what)
{
    if (peer >= self->partitions || peer == self->partition)
        return wrong(what, "a request of a partition that is not there");
    self->numbers.processed[peer]++;
    *step = (struct tally_step){.event = TALLY_PROCESSED, .kind = kind, .peer = peer};
    return ERR_OK;
}

static enum err group_vote(struct tally *self, struct tally_group *group, const struct fact_group *fact,
                           struct tally_step *step, const char **what)
{
    if (group->is_decided || !(group->asked & bit(fact->peer)) || (group->voted & bit(fact->peer)))
        return wrong(what, "a vote on a group that was not asked for");
    group->voted |= bit(fact->peer);
    if (fact->head.detail == 0)
        group->agreed |= bit(fact->peer);
    return resolve(self, LINK_PREPARE, fact->peer, step, what);
}

static enum err group_decide(struct tally *self, struct tally_group *group, const struct fact_group *fact,
                             struct tally_step *step, const char **what)
{
    if (group->is_decided || group->voted != group->asked)
        return wrong(what, "a group was decided before all had voted, or twice");
    if (fact->head.detail == 0 && group->agreed != group->asked)
        return wrong(what, "a group was carried out against a vote");
    group->is_decided = true;
    return make(self, LINK_DECIDE, group->agreed, step);
}

static enum err group_done(struct tally *self, struct tally_group *group, const struct fact_group *fact,
                           struct tally_step *step, const char **what)
{
    if (!group->is_decided || !(group->agreed & bit(fact->peer)) || (group->done & bit(fact->peer)))
        return wrong(what, "a group was reported done out of its turn");
    group->done |= bit(fact->peer);
    return resolve(self, LINK_DECIDE, fact->peer, step, what);
}

/* A group inside one partition has only this fact. */
static enum err group_answer(struct tally *self, const struct fact_group *fact, const char **what)
{
    struct uuid id = fact->id;
    struct tally_group *group = tally_group_find(self, &id, self->partition);
    if (group == NULL)
        return ERR_OK;
    if (!group->is_decided || group->done != group->agreed)
        return wrong(what, "a group was answered before it was done");
    group_close(self, group);
    return ERR_OK;
}

static enum err participant_close(struct tally *self, const struct fact_group *fact, struct tally_step *step,
                                  const char **what)
{
    struct uuid id = fact->id;
    struct tally_group *group = tally_group_find(self, &id, fact->peer);
    if (group == NULL)
        return wrong(what, "a group was closed that is not open");
    group_close(self, group);
    return process(self, LINK_DECIDE, fact->peer, step, what);
}

static enum err group_fact(struct tally *self, const uint8_t *bytes, size_t size, struct tally_step *step,
                           const char **what)
{
    struct fact_group fact;
    memcpy(&fact, bytes, sizeof fact);
    const uint8_t *tail = bytes + sizeof fact;
    struct uuid id = fact.id;
    struct tally_group *group = tally_group_find(self, &id, self->partition);
    enum err err;
    if (fact.head.kind == FACT_GROUP_ANSWERED)
        return group_answer(self, &fact, what);
    if (fact.head.kind == FACT_GROUP_CLOSED)
        return participant_close(self, &fact, step, what);
    if (fact.head.kind == FACT_GROUP_STARTED) {
        err = group_open(self, &fact, self->partition, tail, size - sizeof fact, what);
        return err == ERR_OK ? make(self, LINK_PREPARE, self->groups->asked, step) : err;
    }
    if (fact.head.kind == FACT_GROUP_PREPARED) {
        err = group_open(self, &fact, fact.peer, tail, size - sizeof fact, what);
        return err == ERR_OK ? process(self, LINK_PREPARE, fact.peer, step, what) : err;
    }
    if (group == NULL)
        return wrong(what, "a step of a group that is not open");
    if (fact.head.kind == FACT_GROUP_VOTED)
        return group_vote(self, group, &fact, step, what);
    if (fact.head.kind == FACT_GROUP_DECIDED)
        return group_decide(self, group, &fact, step, what);
    return group_done(self, group, &fact, step, what);
}

/* ---- facts ------------------------------------------------------------------------------------ */

static enum err posting(struct tally *self, const uint8_t *bytes, struct tally_step *step, const char **what)
{
    struct fact_posting fact;
    memcpy(&fact, bytes, sizeof fact);
    if (fact.debit >= self->account_count || fact.credit >= self->account_count)
        return wrong(what, "a posting names an account that was never opened");
    bool returned = fact.head.kind == FACT_RETURNED;
    if (fact.head.kind <= FACT_WITHDRAWAL || fact.head.kind > FACT_RETURNED ||
        (!returned && (fact.head.detail & FACT_FLAG_GROUP)))
        return ERR_OK;
    uint32_t peer = self->peers[fact.head.kind == FACT_SENT ? fact.credit : fact.debit];
    if (peer == TALLY_NO_PEER)
        return wrong(what, "money on its way stands in no transit account");
    if (fact.head.kind == FACT_SENT)
        return make(self, LINK_CREDIT, bit(peer), step);
    if (fact.head.kind == FACT_RECEIVED)
        return process(self, LINK_CREDIT, peer, step, what);
    return resolve(self, LINK_CREDIT, peer, step, what);
}

static enum err prune(struct tally *self, const struct fact_link *fact, struct tally_step *step,
                      const char **what)
{
    struct tally_numbers *n = &self->numbers;
    if (fact->peer >= self->partitions || fact->through < n->pruned[fact->peer] ||
        fact->through > n->processed[fact->peer])
        return wrong(what, "answers were let go that were never given");
    n->pruned[fact->peer] = fact->through;
    *step = (struct tally_step){.event = TALLY_PRUNED, .peer = fact->peer};
    return ERR_OK;
}

enum err tally_fact(struct tally *self, const uint8_t *fact, size_t size, struct tally_step *step,
                    const char **what)
{
    struct fact_link link;
    memcpy(&link, fact, sizeof link); /* fact_settled has its peer at the same place */
    *step = (struct tally_step){.event = TALLY_NOTHING};
    if (fact_is_posting(fact[0]))
        return posting(self, fact, step, what);
    if (fact_is_group(fact[0]))
        return group_fact(self, fact, size, step, what);
    if (fact[0] == FACT_ACCOUNT_OPENED)
        return account_note(self, fact, size, what);
    if (fact[0] == FACT_SETTLED)
        return resolve(self, LINK_CREDIT, link.peer, step, what);
    if (fact[0] == FACT_PRUNED)
        return prune(self, &link, step, what);
    if (fact[0] != FACT_BOUNCED)
        return ERR_OK;
    uint64_t kind = link.through >> 16;
    if (kind != LINK_CREDIT && kind != LINK_PREPARE)
        return wrong(what, "a request of no known kind was refused");
    return process(self, (enum link_kind)kind, link.peer, step, what);
}

enum err tally_commit(struct tally *self, uint64_t first, const uint8_t *facts, size_t length,
                      uint64_t *position, const char **what)
{
    for (size_t at = 0, size; at < length; at += size) {
        struct tally_step step;
        *position = first + at / FACT_WORD;
        if (fact_check(facts + at, length - at, &size) != ERR_OK)
            return wrong(what, "a fact is malformed");
        enum err err = tally_fact(self, facts + at, size, &step, what);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}
