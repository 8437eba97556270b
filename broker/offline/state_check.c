#include "broker/offline/state_check.h"

#include <stdio.h>
#include <string.h>

#include "actors/ledger/checkpoint.h"
#include "store/state.h"

struct walk {
    const struct ledger *ledger;
    struct state_check *out;
    uint64_t highest; /* last position of any stored account or slot */
    char wrong[ACCOUNT_ID_MAX + 64];
};

static bool texts_equal(const struct ledger_account_view *view, const struct checkpoint_account *stored,
                        const uint8_t *texts)
{
    return view->id_length == stored->id_length && view->owner_length == stored->owner_length &&
           view->product_length == stored->product_length && memcmp(view->id, texts, view->id_length) == 0 &&
           memcmp(view->owner, texts + view->id_length, view->owner_length) == 0 &&
           memcmp(view->product, texts + view->id_length + view->owner_length, view->product_length) == 0;
}

/* The book value stands behind the texts. */
static bool book_is_same(const struct ledger_account_view *view, const struct checkpoint_account *stored,
                         const uint8_t *texts)
{
    size_t before = (size_t)stored->id_length + stored->owner_length + stored->product_length;
    return !stored->has_book || memcmp(texts + before, &view->book_value, sizeof view->book_value) == 0;
}

static bool is_same(const struct ledger_account_view *view, const struct checkpoint_account *stored,
                    const uint8_t *texts)
{
    return view->balance == stored->balance && view->minimum_balance == stored->minimum_balance &&
           view->ceiling == stored->ceiling && view->state == stored->state &&
           view->opened_us == stored->opened_us && (view->base != CURRENCY_NONE) == stored->has_book &&
           book_is_same(view, stored, texts) &&
           memcmp(currency_at(view->currency)->code, stored->currency, CURRENCY_CODE_LENGTH) == 0 &&
           texts_equal(view, stored, texts);
}

static enum err account_visit(void *context, const uint8_t *key, size_t key_length, const uint8_t *value,
                              size_t length)
{
    struct walk *walk = context;
    struct checkpoint_account stored;
    (void)key;
    (void)key_length;
    for (size_t at = 0, size; at < length; at += size) {
        struct ledger_account_view view;
        if (length - at < sizeof stored)
            return ERR_CORRUPT;
        memcpy(&stored, value + at, sizeof stored);
        size = sizeof stored + stored.id_length + stored.owner_length + stored.product_length +
               (stored.has_book ? sizeof(int64_t) : 0);
        if (size > length - at)
            return ERR_CORRUPT;
        if (stored.last_position > walk->highest)
            walk->highest = stored.last_position;
        if (!ledger_account_at(walk->ledger, stored.index, &view) ||
            view.last_position != stored.last_position) {
            walk->out->other++;
            continue;
        }
        walk->out->compared++;
        if (!is_same(&view, &stored, value + at + sizeof stored)) {
            snprintf(walk->wrong, sizeof walk->wrong, "account %s is stored otherwise than replayed",
                     view.id);
            return ERR_CORRUPT;
        }
    }
    return ERR_OK;
}

static bool hold_is_same(const struct ledger_open_hold *now, const struct checkpoint_hold *stored)
{
    struct uuid id = stored->id;
    if (now->held != stored->held)
        return false;
    return stored->held == 0 || (now->opened == stored->opened && now->opened_us == stored->opened_us &&
                                 now->expires_us == stored->expires_us && now->account == stored->account &&
                                 uuid_equal(&now->id, &id));
}

static enum err hold_visit(void *context, const uint8_t *key, size_t key_length, const uint8_t *value,
                           size_t length)
{
    struct walk *walk = context;
    struct checkpoint_hold stored;
    (void)key;
    (void)key_length;
    if (length % sizeof stored != 0)
        return ERR_CORRUPT;
    for (size_t at = 0; at < length; at += sizeof stored) {
        struct ledger_open_hold now;
        memcpy(&stored, value + at, sizeof stored);
        if (stored.last_position > walk->highest)
            walk->highest = stored.last_position;
        if (!ledger_hold_at(walk->ledger, stored.slot, &now) || now.last_position != stored.last_position) {
            walk->out->other++;
            continue;
        }
        walk->out->compared++;
        if (!hold_is_same(&now, &stored)) {
            snprintf(walk->wrong, sizeof walk->wrong, "the hold in slot %u is stored otherwise than replayed",
                     stored.slot);
            return ERR_CORRUPT;
        }
    }
    return ERR_OK;
}

static bool remittance_is_same(const struct ledger_open_remittance *now,
                               const struct checkpoint_remittance *stored)
{
    struct uuid id = stored->id;
    return uuid_equal(&now->id, &id) && now->requested == stored->requested &&
           now->amount == stored->amount && now->due_us == stored->due_us &&
           now->alarm_us == stored->alarm_us && now->account == stored->account &&
           now->call == stored->call && now->state == stored->state && now->step == stored->step &&
           now->tries == stored->tries && now->rounds == stored->rounds && now->flags == stored->flags &&
           now->requested_us == stored->requested_us && now->called_us == stored->called_us &&
           now->code == stored->code;
}

/* A slot that is free says nothing but when it was left. */
static enum err remittance_visit(void *context, const uint8_t *key, size_t key_length, const uint8_t *value,
                                 size_t length)
{
    struct walk *walk = context;
    struct checkpoint_remittance stored;
    (void)key;
    (void)key_length;
    if (length % sizeof stored != 0)
        return ERR_CORRUPT;
    for (size_t at = 0; at < length; at += sizeof stored) {
        struct ledger_open_remittance now;
        memcpy(&stored, value + at, sizeof stored);
        if (stored.last_position > walk->highest)
            walk->highest = stored.last_position;
        if (stored.requested == 0 || !ledger_remittance_next(walk->ledger, stored.slot, &now) ||
            now.slot != stored.slot || now.last_position != stored.last_position) {
            walk->out->other++;
            continue;
        }
        walk->out->compared++;
        if (!remittance_is_same(&now, &stored)) {
            snprintf(walk->wrong, sizeof walk->wrong,
                     "the remittance in slot %u is stored otherwise than replayed", stored.slot);
            return ERR_CORRUPT;
        }
    }
    return ERR_OK;
}

static enum err check(struct state *state, struct journal *journal, struct walk *walk)
{
    struct journal_head head;
    enum err err = state_walk(state, STATE_ACCOUNTS, NULL, 0, account_visit, walk);
    if (err == ERR_OK)
        err = state_walk(state, STATE_HOLDS, NULL, 0, hold_visit, walk);
    if (err == ERR_OK)
        err = state_walk(state, STATE_REMITTANCES, NULL, 0, remittance_visit, walk);
    if (err == ERR_OK)
        err = journal_get_head(journal, &head); /* read after the state: it is at least as new */
    if (err == ERR_OK && walk->highest >= head.next_position) {
        snprintf(walk->wrong, sizeof walk->wrong, "it knows facts that the journal does not have");
        err = ERR_CORRUPT;
    }
    return err;
}

enum err state_check_run(struct datadir *datadir, const char *path, uint32_t partition,
                         struct journal *journal, const struct ledger *ledger, struct state_check *out,
                         struct fault *fault)
{
    struct datadir_error error = {{0}};
    struct state *state = NULL;
    struct walk walk = {.ledger = ledger, .out = out};
    enum err err = datadir_state(datadir, partition, &state, &error);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    if (err == ERR_OK)
        err = check(state, journal, &walk);
    state_close(&state);
    if (err == ERR_OK)
        return ERR_OK;
    if (err != ERR_CORRUPT && err != ERR_VERSION)
        return fault_stop(fault, err, "reading a state store");
    char advice[FAULT_TEXT];
    snprintf(advice, sizeof advice,
             "The journal is sound. Stop teller and remove %.200s/p%03u/state: the next start rebuilds it.",
             path, partition);
    return fault_of(fault, advice, "the state store of partition %u is damaged: %s", partition,
                    walk.wrong[0] != '\0'   ? walk.wrong
                    : error.text[0] != '\0' ? error.text
                                            : err_text(err));
}
