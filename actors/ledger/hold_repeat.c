/* What facts of holds answer to ids that come again, and how a hold has ended. */
#include "actors/ledger/core.h"
#include "actors/ledger/hold.h"

/* The ids in a fact of a hold. */
struct names_of {
    struct uuid own; /* the command's; nil where it expired */
    struct uuid
        hold; /* of the hold, where the id leads here: it was opened or has ended by this fact; else nil */
    uint32_t account;
    uint64_t opened; /* 0: here */
};

static struct names_of names_read(const uint8_t *fact)
{
    if (fact[0] == FACT_HOLD_CAPTURED) {
        struct fact_capture capture;
        memcpy(&capture, fact, sizeof capture);
        struct names_of names = {
            .own = capture.posting.id, .account = capture.posting.debit, .opened = capture.opened};
        if (capture.kept == 0)
            names.hold = capture.hold;
        return names;
    }
    struct fact_hold hold;
    memcpy(&hold, fact, sizeof hold);
    return (struct names_of){hold.id, hold.hold, hold.account, hold.opened};
}

bool hold_answers_for(const uint8_t *fact, const struct uuid *id)
{
    struct names_of names = names_read(fact);
    return uuid_equal(&names.own, id) || uuid_equal(&names.hold, id);
}

uint64_t hold_opening_of(const struct ledger *self, const struct uuid *id)
{
    uint32_t slot = hold_find(&self->holds, id, hold_hash(&self->holds, id));
    return slot == HOLD_NONE ? 0 : hold_at(&self->holds, slot)->opened;
}

enum code hold_ending(struct ledger *self, uint32_t account, const struct uuid *id, uint64_t *opened)
{
    uint8_t fact[CORE_FACT_MAX];
    uint64_t position = ledger_transaction_find(self, id);
    if (position == 0 || core_fact_read(self, position, fact, sizeof fact) == 0 || !fact_is_hold(fact[0]) ||
        fact[0] == FACT_HOLD_OPENED)
        return CODE_HOLD_NOT_FOUND;
    struct names_of names = names_read(fact);
    if (!uuid_equal(&names.hold, id) || names.account != account) {
        MARK("the id of a capture or release is taken for that of a hold, or the hold is another account's");
        return CODE_HOLD_NOT_FOUND;
    }
    *opened = names.opened;
    if (fact[0] == FACT_HOLD_CAPTURED)
        return CODE_HOLD_CAPTURED;
    return fact[0] == FACT_HOLD_RELEASED ? CODE_HOLD_RELEASED : CODE_HOLD_EXPIRED;
}

/* ---- the same payload? ------------------------------------------------------------------------------------ */

static bool base_same(const struct ledger *self, uint32_t account, const uint8_t *trailer, size_t length,
                      const struct ledger_command *command)
{
    struct fact_strings strings;
    return account_id_is(&self->accounts, account, command->from) &&
           fact_strings_read(trailer, length, &strings) == ERR_OK &&
           str_equal(strings.by_tag[FACT_TAG_MEMO], command->memo) &&
           str_equal(strings.by_tag[FACT_TAG_REFERENCE], command->reference);
}

static bool currency_same(const struct ledger *self, uint32_t account, const struct ledger_command *command)
{
    return account_at(&self->accounts, account)->currency == command->currency;
}

static bool capture_same(const struct ledger *self, const uint8_t *bytes, size_t size,
                         const struct ledger_command *command)
{
    struct fact_capture fact;
    memcpy(&fact, bytes, sizeof fact);
    int64_t amount = fact.flags & FACT_CAPTURE_ALL ? 0 : fact.posting.amount;
    bool kept = fact.flags & FACT_CAPTURE_KEEPS_REST;
    return command->kind == COMMAND_CAPTURE && command->amount == amount &&
           kept == !!(command->flags & COMMAND_KEEPS_REST) && uuid_equal(&command->of, &fact.hold) &&
           currency_same(self, fact.posting.debit, command) &&
           base_same(self, fact.posting.debit, bytes + sizeof fact, size - sizeof fact, command);
}

static bool release_same(const struct ledger *self, const struct fact_hold *fact, const uint8_t *bytes,
                         size_t size, const struct ledger_command *command)
{
    return command->kind == COMMAND_RELEASE && uuid_equal(&command->of, &fact->hold) &&
           base_same(self, fact->account, bytes + sizeof *fact, size - sizeof *fact, command);
}

static bool opening_same(const struct ledger *self, const struct fact_hold *fact, const uint8_t *bytes,
                         size_t size, const struct ledger_command *command)
{
    return command->kind == COMMAND_HOLD && command->amount == fact->amount &&
           command->expires_us == fact->expires_us && currency_same(self, fact->account, command) &&
           base_same(self, fact->account, bytes + sizeof *fact, size - sizeof *fact, command);
}

/* The id is that of a hold that has ended. */
static enum code repeat_ended(struct ledger *self, uint64_t opened, const struct ledger_command *command,
                              int64_t *from_balance)
{
    uint8_t bytes[CORE_FACT_MAX];
    struct fact_hold fact;
    size_t size = core_fact_read(self, opened, bytes, sizeof bytes);
    if (size < sizeof fact || bytes[0] != FACT_HOLD_OPENED) {
        MARK("the opening of an ended hold cannot be read");
        return CODE_UNKNOWN;
    }
    memcpy(&fact, bytes, sizeof fact);
    *from_balance = fact.balance;
    return opening_same(self, &fact, bytes, size, command) ? CODE_OK : CODE_CONFLICT;
}

enum code hold_repeat(struct ledger *self, const uint8_t *bytes, size_t size,
                      const struct ledger_command *command, int64_t *from_balance)
{
    struct names_of names = names_read(bytes);
    if (!uuid_equal(&names.own, &command->id))
        return repeat_ended(self, names.opened, command, from_balance);
    bool same;
    if (bytes[0] == FACT_HOLD_CAPTURED) {
        struct fact_capture capture;
        memcpy(&capture, bytes, sizeof capture);
        *from_balance = capture.posting.debit_balance;
        same = capture_same(self, bytes, size, command);
    } else {
        struct fact_hold fact;
        memcpy(&fact, bytes, sizeof fact);
        *from_balance = fact.balance;
        same = bytes[0] == FACT_HOLD_OPENED ? opening_same(self, &fact, bytes, size, command)
                                            : release_same(self, &fact, bytes, size, command);
    }
    return same ? CODE_OK : CODE_CONFLICT;
}
