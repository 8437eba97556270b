/* teller export --data: every command that moved money or changed an account, in an order that can be imported again
 * into a ledger with any number of partitions.
 *
 * The lines follow the timeline, with these places for what happened in more than one:
 *
 * - A transfer between partitions stands where it was received. The payer had the money from then on back to when it
 *   was sent, the receiver had it from then on; so nothing is spent before it is there. One that was given back is
 *   left out, and so is one that is still on its way.
 * - A group across partitions stands where it was decided: all its parts are reserved then.
 * - A hold that is open at the end stands where it was opened, as the account may have been frozen since, with what is left
 *   of it. So an import has never more pending than there was, and whatever was paid meanwhile can be paid again. For this,
 *   and to refuse in time, everything is read twice.
 *
 * What this order cannot keep: a payer that was frozen, changed, or filled up to its ceiling in the moment between
 * sending and receiving; a capture that could be paid only out of its hold, because the account's minimum balance had been
 * raised since. An import then refuses that line, and says so. And the average rate at which a payer paid, where it
 * changed in that moment.
 *
 * A remittance under way cannot be moved: a bank may have it, and what comes of it is told to this ledger alone.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/base/rate.h"
#include "actors/ledger/book.h"
#include "broker/command.h"
#include "broker/offline/export_line.h"
#include "broker/offline/export_open.h"
#include "broker/offline/show.h"
#include "broker/offline/source.h"
#include "broker/offline/timeline.h"
#include "broker/options.h"

enum {
    OUT_BUFFER = 1 << 20,
    PATH_CAPACITY = 4096,
    EXIT_REMITTANCES_OPEN = 4, /* nothing was written */
};

struct name {
    char id[ACCOUNT_ID_MAX];
    uint8_t length;
    currency_index currency;
};

/* One partition while it is read. */
struct lane {
    struct tally tally;
    struct name *names;
    uint32_t count, capacity;
    uint32_t decided_postings;      /* that follow a decision, and stand in its line already */
    size_t items[LEDGER_GROUP_MAX]; /* offsets in the commit of postings whose group has not been named yet */
    uint32_t item_count;
};

struct exporting {
    const char *path, *out_path, *until, *format;
    int64_t until_us;
    bool allows_open; /* remittances */
    struct source source;
    struct timeline timeline;
    struct export_open open;
    struct lane lanes[LEDGER_PARTITIONS_MAX];
    struct export_writer writer;
    uint64_t lines, sent, arrived;
    uint64_t position; /* of the fact being read */
    int64_t time_us;   /* of its commit */
};

/* ---- accounts --------------------------------------------------------------------------------- */

static bool name_add(struct lane *lane, struct str id, currency_index currency)
{
    if (lane->count == lane->capacity) {
        uint32_t wanted = lane->capacity == 0 ? 1024 : lane->capacity * 2;
        struct name *bigger = realloc(lane->names, wanted * sizeof *bigger);
        if (bigger == NULL)
            return false;
        lane->names = bigger;
        lane->capacity = wanted;
    }
    struct name *name = &lane->names[lane->count++];
    memcpy(name->id, id.data, id.length);
    name->length = (uint8_t)id.length;
    name->currency = currency;
    return true;
}

static struct str name_of(const struct lane *lane, uint32_t index)
{
    return (struct str){lane->names[index].id, lane->names[index].length};
}

static const char *account_op(uint8_t kind)
{
    static const char *const ops[FACT_KIND_COUNT] = {
        [FACT_ACCOUNT_OPENED] = "account.open",   [FACT_ACCOUNT_CHANGED] = "account.change",
        [FACT_ACCOUNT_FROZEN] = "account.freeze", [FACT_ACCOUNT_UNFROZEN] = "account.unfreeze",
        [FACT_ACCOUNT_CLOSED] = "account.close",
    };
    return ops[kind];
}

static enum err account_line(struct exporting *self, struct lane *lane, const uint8_t *bytes, size_t size)
{
    struct fact_account fact;
    struct fact_strings strings;
    memcpy(&fact, bytes, sizeof fact);
    currency_index currency = currency_find(fact.currency, CURRENCY_CODE_LENGTH);
    enum err err = fact_strings_read(bytes + sizeof fact, size - sizeof fact, &strings);
    bool opened = fact.head.kind == FACT_ACCOUNT_OPENED, changed = fact.head.kind == FACT_ACCOUNT_CHANGED;
    struct str id = strings.by_tag[FACT_TAG_ACCOUNT];
    if (err != ERR_OK || currency == CURRENCY_NONE || (opened && !text_is_account_id(id)))
        return ERR_CORRUPT;
    if (opened && !name_add(lane, id, currency))
        return ERR_NO_MEMORY;
    if (fact.account >= lane->count)
        return ERR_CORRUPT;
    struct export_line line = {
        .op = account_op(fact.head.kind),
        .id = fact.id,
        .account = name_of(lane, fact.account),
        .owner = strings.by_tag[FACT_TAG_OWNER],
        .product = strings.by_tag[FACT_TAG_PRODUCT],
        .memo = strings.by_tag[FACT_TAG_MEMO],
        .currency = opened ? currency : CURRENCY_NONE,
        .has_limits = opened || changed,
        .is_change = changed,
        .minimum = fact.minimum_balance,
        .ceiling = fact.ceiling,
        .limits_currency = currency,
        .fx = fact.has_book,
        .time_us = self->time_us,
    };
    if (text_is_reserved_id(line.account))
        return ERR_OK;
    export_write(&self->writer, &line);
    self->lines++;
    return ERR_OK;
}

/* ---- money ------------------------------------------------------------------------------------ */

/* From one of teller's own accounts, and to one of them: for a customer a deposit and a withdrawal. */
static bool brings(uint8_t kind)
{
    return kind == FACT_DEPOSIT || kind == FACT_EXCHANGE_IN || kind == FACT_REMITTANCE_DEPOSITED ||
           kind == FACT_REMITTANCE_RETURNED;
}

static bool takes(uint8_t kind)
{
    return kind == FACT_WITHDRAWAL || kind == FACT_HOLD_CAPTURED || kind == FACT_EXCHANGE_OUT ||
           kind == FACT_REMITTANCE_WITHDRAWN;
}

static bool is_inside(uint8_t kind)
{
    return kind == FACT_EXCHANGE_SPREAD || kind == FACT_EXCHANGE_RESIDUE || kind == FACT_REMITTANCE_PULLED ||
           kind == FACT_REMITTANCE_PAID;
}

/* The postings of a remittance have its id, all of them. What is imported needs one each: that of the deposit stays, and the
 * others are made from it, the same each time. */
static struct uuid remittance_line_id(const struct fact_posting *fact)
{
    static const char words[][9] = {"withdraw", "returned"};
    struct uuid id = fact->id;
    for (int i = 0; fact->head.kind != FACT_REMITTANCE_DEPOSITED && i < 8; i++)
        id.bytes[8 + i] ^= (uint8_t)words[fact->head.kind == FACT_REMITTANCE_RETURNED][i];
    return id;
}

/* A leg of an exchange says in the base currency what its amount was worth. An import is told at what rate, because an account
 * with a book value takes no money in without one. A rate has ten decimals: up to ten billion units (a hundred million where
 * the base currency has two decimals) the value is just the same; above, a few minor units in ten billion may be missing or
 * too many. 0: the leg says nothing, or is in the base currency itself. */
static int64_t leg_rate(const struct exporting *self, currency_index currency, int64_t amount, int64_t value)
{
    currency_index base = datadir_meta(self->source.datadir)->base_currency;
    if (currency == base || amount <= 0 || value <= 0)
        return 0;
    return rate_between(amount, currency_at(currency)->exponent, value, currency_at(base)->exponent);
}

static int64_t posting_rate(const struct exporting *self, const struct fact_posting *fact,
                            currency_index currency, const struct fact_strings *strings)
{
    struct fact_book book;
    bool pays = fact->head.kind == FACT_EXCHANGE_OUT;
    struct str text = strings->by_tag[pays ? FACT_TAG_BOOK_DEBIT : FACT_TAG_BOOK_CREDIT];
    if ((!pays && fact->head.kind != FACT_EXCHANGE_IN) || text.length != sizeof book)
        return book_rate_get(strings);
    memcpy(&book, text.data, sizeof book);
    return leg_rate(self, currency, fact->amount, book.value);
}

static enum err posting_line(struct exporting *self, struct lane *lane, const uint8_t *bytes, size_t size)
{
    struct fact_posting fact;
    struct fact_strings strings;
    size_t fixed = fact_posting_size(bytes[0]);
    memcpy(&fact, bytes, sizeof fact);
    if (fact_strings_read(bytes + fixed, size - fixed, &strings) != ERR_OK || fact.debit >= lane->count ||
        fact.credit >= lane->count)
        return ERR_CORRUPT;
    struct export_line line = {
        .op = "transfer",
        .id = fact.id,
        .from = name_of(lane, fact.debit),
        .to = name_of(lane, fact.credit),
        .memo = strings.by_tag[FACT_TAG_MEMO],
        .reference = strings.by_tag[FACT_TAG_REFERENCE],
        .currency = lane->names[fact.debit].currency,
        .amount = fact.amount,
        .rate = posting_rate(self, &fact, lane->names[fact.debit].currency, &strings),
        .time_us = self->time_us,
    };
    if (fact_is_remittance(fact.head.kind))
        line.id = remittance_line_id(&fact);
    if (brings(fact.head.kind)) {
        line.op = "deposit";
        line.from = (struct str){0};
    } else if (takes(fact.head.kind)) {
        line.op = "withdraw";
        line.to = (struct str){0};
    } else if (fact.head.kind == FACT_RECEIVED) {
        line.from = strings.by_tag[FACT_TAG_REMOTE];
    }
    export_write(&self->writer, &line);
    return ERR_OK;
}

static enum err posting(struct exporting *self, struct lane *lane, const uint8_t *facts, size_t at,
                        size_t size)
{
    uint8_t kind = facts[at];
    if (is_inside(kind))
        return ERR_OK; /* between teller's own accounts */
    bool in_group = kind != FACT_RETURNED && (facts[at + 1] & FACT_FLAG_GROUP);
    if (in_group && lane->decided_postings > 0) {
        lane->decided_postings--;
        return ERR_OK;
    }
    if (in_group && lane->item_count == LEDGER_GROUP_MAX)
        return ERR_CORRUPT;
    if (in_group) {
        lane->items[lane->item_count++] = at;
        return ERR_OK;
    }
    self->sent += kind == FACT_SENT;
    self->arrived += kind == FACT_RECEIVED;
    if (kind == FACT_SENT || kind == FACT_RETURNED)
        return ERR_OK;
    self->lines++;
    return posting_line(self, lane, facts + at, size);
}

/* ---- holds ------------------------------------------------------------------------------------ */

static enum err hold_line(struct exporting *self, struct lane *lane, const uint8_t *bytes, size_t size)
{
    struct fact_hold fact;
    struct fact_strings strings;
    memcpy(&fact, bytes, sizeof fact);
    int64_t held = export_open_held(&self->open, lane->tally.partition, self->position, &fact);
    if (held == 0)
        return ERR_OK;
    if (fact_strings_read(bytes + sizeof fact, size - sizeof fact, &strings) != ERR_OK ||
        fact.account >= lane->count)
        return ERR_CORRUPT;
    const struct export_line line = {
        .op = "hold",
        .id = fact.hold,
        .from = name_of(lane, fact.account),
        .memo = strings.by_tag[FACT_TAG_MEMO],
        .reference = strings.by_tag[FACT_TAG_REFERENCE],
        .currency = lane->names[fact.account].currency,
        .amount = held,
        .expires_us = fact.expires_us,
        .time_us = self->time_us,
    };
    export_write(&self->writer, &line);
    self->lines++;
    return ERR_OK;
}

/* ---- groups ----------------------------------------------------------------------------------- */

/* A group inside one partition: its postings came just before its answer. */
static enum err local_group(struct exporting *self, struct lane *lane, const struct fact_group *fact,
                            const uint8_t *facts, size_t length)
{
    enum err err = ERR_OK;
    struct uuid id = fact->id;
    if (lane->item_count == 0)
        return ERR_OK; /* refused, or across partitions */
    export_group_begin(&self->writer, &id);
    for (uint32_t i = 0; i < lane->item_count && err == ERR_OK; i++) {
        size_t size;
        err = fact_check(facts + lane->items[i], length - lane->items[i], &size);
        if (err == ERR_OK)
            err = posting_line(self, lane, facts + lane->items[i], size);
    }
    export_group_end(&self->writer, self->time_us);
    lane->item_count = 0;
    self->lines++;
    return err;
}

static void decided_item(struct exporting *self, const struct ledger_command *item)
{
    static const char *const ops[] = {[COMMAND_TRANSFER] = "transfer",
                                      [COMMAND_DEPOSIT] = "deposit",
                                      [COMMAND_WITHDRAW] = "withdraw",
                                      [COMMAND_EXCHANGE_OUT] = "withdraw",
                                      [COMMAND_EXCHANGE_IN] = "deposit"};
    bool is_leg = item->kind == COMMAND_EXCHANGE_OUT || item->kind == COMMAND_EXCHANGE_IN;
    const struct export_line line = {
        .op = ops[item->kind],
        .id = item->id,
        .from = ledger_payer(item),
        .to = item->to,
        .memo = item->memo,
        .reference = item->reference,
        .currency = item->currency,
        .amount = item->amount,
        .rate = is_leg ? leg_rate(self, item->currency, item->amount, item->value) : book_rate(item),
        .time_us = self->time_us,
    };
    export_write(&self->writer, &line);
}

static enum err decided_group(struct exporting *self, struct lane *lane, const struct uuid *id)
{
    const struct tally_group *group = tally_group_find(&lane->tally, id, lane->tally.partition);
    struct ledger_command item;
    if (group == NULL)
        return ERR_CORRUPT;
    const uint8_t *at = group->items;
    size_t left = group->length;
    export_group_begin(&self->writer, id);
    for (size_t size; left > 0; at += size, left -= size) {
        size = link_item_read(at, left, &item);
        if (size == 0)
            return ERR_CORRUPT;
        uint64_t homes = tally_homes(at, size, lane->tally.partitions);
        lane->decided_postings += (uint32_t)(homes >> lane->tally.partition & 1);
        decided_item(self, &item);
    }
    export_group_end(&self->writer, self->time_us);
    self->lines++;
    return ERR_OK;
}

static enum err group(struct exporting *self, struct lane *lane, const uint8_t *facts, size_t length,
                      size_t at)
{
    struct fact_group fact;
    memcpy(&fact, facts + at, sizeof fact);
    struct uuid id = fact.id;
    if (fact.head.kind == FACT_GROUP_DECIDED && fact.head.detail == CODE_OK)
        return decided_group(self, lane, &id);
    if (fact.head.kind == FACT_GROUP_CLOSED)
        lane->item_count = 0; /* they stand in the coordinator's line */
    if (fact.head.kind == FACT_GROUP_ANSWERED)
        return local_group(self, lane, &fact, facts, length);
    return ERR_OK;
}

/* ---- all facts -------------------------------------------------------------------------------- */

static enum err fact_line(struct exporting *self, struct lane *lane, const uint8_t *facts, size_t length,
                          size_t at, size_t size)
{
    struct tally_step step;
    const char *what;
    uint8_t kind = facts[at];
    enum err err = tally_fact(&lane->tally, facts + at, size, &step, &what);
    if (err != ERR_OK)
        return err;
    self->arrived += kind == FACT_BOUNCED && step.kind == LINK_CREDIT;
    if (fact_is_posting(kind))
        return posting(self, lane, facts, at, size);
    if (kind == FACT_HOLD_OPENED)
        return hold_line(self, lane, facts + at, size);
    if (kind >= FACT_ACCOUNT_OPENED && kind <= FACT_ACCOUNT_CLOSED)
        return account_line(self, lane, facts + at, size);
    return fact_is_group(kind) ? group(self, lane, facts, length, at) : ERR_OK;
}

/* What is done with every commit. */
typedef enum err take_commit(struct exporting *self, uint32_t partition, const struct journal_commit *commit,
                             struct fault *fault);

static enum err commit_open(struct exporting *self, uint32_t partition, const struct journal_commit *commit,
                            struct fault *fault)
{
    return export_open_commit(&self->open, partition, commit, fault);
}

static enum err commit_lines(struct exporting *self, uint32_t partition, const struct journal_commit *commit,
                             struct fault *fault)
{
    enum err err = ERR_OK;
    size_t at = 0, size;
    self->time_us = commit->time_us;
    for (; at < commit->length && err == ERR_OK; at += err == ERR_OK ? size : 0) {
        self->position = commit->position + at / FACT_WORD;
        err = fact_check(commit->facts + at, commit->length - at, &size);
        if (err == ERR_OK)
            err = fact_line(self, &self->lanes[partition], commit->facts, commit->length, at, size);
    }
    if (err == ERR_CORRUPT)
        return fault_at(fault, partition, self->position, commit->sequence,
                        "this fact cannot be: teller verify tells more");
    return fault_stop(fault, err, "reading a journal");
}

static enum err all_commits(struct exporting *self, const char *doing, take_commit *take, struct fault *fault)
{
    struct progress progress;
    uint32_t partition;
    uint64_t words = 0;
    const struct journal_commit *commit;
    enum err err = ERR_OK;
    progress_begin(&progress, doing, source_words(&self->source));
    while (err == ERR_OK && (err = timeline_next(&self->timeline, &partition, &commit, fault)) == ERR_OK) {
        err = take(self, partition, commit, fault);
        words += commit->length / FACT_WORD;
        progress_at(&progress, words);
    }
    progress_end(&progress);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* ---- the file --------------------------------------------------------------------------------- */

/* A file appears under its name only when all of it is written. */
static bool file_open(struct exporting *self, char name[PATH_CAPACITY])
{
    if (self->out_path == NULL) {
        self->writer.file = stdout;
        return true;
    }
    if ((size_t)snprintf(name, PATH_CAPACITY, "%s.new", self->out_path) >= PATH_CAPACITY) {
        errno = ENAMETOOLONG;
        return false;
    }
    self->writer.file = fopen(name, "w");
    if (self->writer.file != NULL)
        setvbuf(self->writer.file, NULL, _IOFBF, OUT_BUFFER);
    return self->writer.file != NULL;
}

static bool file_close(struct exporting *self, const char *name, bool keep)
{
    FILE *file = self->writer.file;
    bool written = fflush(file) == 0 && ferror(file) == 0;
    if (self->out_path == NULL)
        return written;
    written = written && fsync(fileno(file)) == 0;
    written = fclose(file) == 0 && written;
    if (!keep || !written) {
        int failed = errno;
        unlink(name);
        errno = failed;
        return written;
    }
    return rename(name, self->out_path) == 0;
}

static int cannot_write(const struct exporting *self)
{
    fprintf(stderr, "teller export: cannot write %s: %s\n", self->out_path ? self->out_path : "the output",
            strerror(errno));
    return EXIT_CODE_DATA;
}

static int refuse_remittances(const struct exporting *self)
{
    fprintf(
        stderr,
        "teller export: nothing was exported, because remittances are open: %" PRId64
        ". A bank may have them, and what comes of them is told to this ledger alone. Let them end, or end "
        "them (teller remittance list). With --allow-open-remittances they are left out.\n",
        self->open.remittances);
    return EXIT_REMITTANCES_OPEN;
}

static void left_out(const char *what, uint64_t count)
{
    if (count > 0)
        fprintf(stderr, "left out: %s: %" PRIu64 "\n", what, count);
}

static void tell(const struct exporting *self)
{
    fprintf(stderr, "%" PRIu64 " commands exported\n", self->lines);
    left_out("transfers on their way", self->sent > self->arrived ? self->sent - self->arrived : 0);
    left_out("open proposals", (uint64_t)self->open.proposals);
    left_out("open remittances, but not what they have brought and taken so far",
             (uint64_t)self->open.remittances);
}

/* The second reading. */
static enum err write_file(struct exporting *self, int *code, struct fault *fault)
{
    char name[PATH_CAPACITY];
    if (!file_open(self, name)) {
        *code = cannot_write(self);
        return ERR_OK;
    }
    export_begin(&self->writer);
    timeline_rewind(&self->timeline);
    enum err err = all_commits(self, "exporting", commit_lines, fault);
    if (!file_close(self, name, err == ERR_OK))
        *code = cannot_write(self);
    else if (err == ERR_OK)
        tell(self);
    return err;
}

static enum err export_all(struct exporting *self, int *code, struct fault *fault)
{
    enum err err = source_open(&self->source, self->path, fault);
    for (uint32_t p = 0; p < self->source.partitions; p++)
        tally_init(&self->lanes[p].tally, p, self->source.partitions);
    if (err == ERR_OK)
        err = timeline_init(&self->timeline, self->source.journals, self->source.partitions, self->until_us,
                            fault);
    if (err == ERR_OK)
        err = all_commits(self, "looking for what is open", commit_open, fault);
    if (err == ERR_OK && self->open.remittances > 0 && !self->allows_open) {
        *code = refuse_remittances(self);
        return ERR_OK;
    }
    return err == ERR_OK ? write_file(self, code, fault) : err;
}

static int run(struct exporting *self)
{
    struct fault fault = {0};
    int code = EXIT_CODE_OK;
    enum err err = export_all(self, &code, &fault);
    if (err != ERR_OK) {
        show_fault("export", &fault, err);
        code = source_exit_code(err);
    }
    for (uint32_t p = 0; p < self->source.partitions; p++) {
        tally_release(&self->lanes[p].tally);
        free(self->lanes[p].names);
    }
    timeline_release(&self->timeline);
    export_open_release(&self->open);
    source_release(&self->source);
    return code;
}

static int run_checked(struct exporting *self)
{
    uint64_t number;
    self->until_us = INT64_MAX;
    if (strcmp(self->format, "csv") != 0 && strcmp(self->format, "jsonl") != 0) {
        fprintf(stderr, "teller export: --format is jsonl or csv, not '%s'.\n", self->format);
        return EXIT_CODE_USAGE;
    }
    self->writer.format = strcmp(self->format, "csv") == 0 ? EXPORT_CSV : EXPORT_JSONL;
    if (self->until != NULL && options_number(self->until, &number) && number <= INT64_MAX) {
        self->until_us = (int64_t)number;
    } else if (self->until != NULL && !show_time_parse(self->until, &self->until_us)) {
        fprintf(stderr, "teller export: --until takes a time such as 2026-11-20T10:00:00Z, not '%s'.\n",
                self->until);
        return EXIT_CODE_USAGE;
    }
    return run(self);
}

int command_export_data(int argc, char **argv)
{
    struct exporting *self = calloc(1, sizeof *self);
    if (self == NULL)
        return EXIT_CODE_ERROR;
    self->format = "jsonl";
    const struct option_row rows[] = {
        {.name = "data",
         .letter = 'd',
         .type = OPTION_TEXT,
         .out = &self->path,
         .value = "DIR",
         .help = "the data directory; it may be in use",
         .required = true},
        {.name = "until",
         .letter = 'u',
         .type = OPTION_TEXT,
         .out = &self->until,
         .value = "TIME",
         .help = "stop there (the end)"},
        {.name = "format",
         .type = OPTION_TEXT,
         .out = &self->format,
         .value = "jsonl|csv",
         .help = "(jsonl)"},
        {.name = "out",
         .letter = 'o',
         .type = OPTION_TEXT,
         .out = &self->out_path,
         .value = "FILE",
         .help = "write there (standard output)"},
        {.name = "allow-open-remittances",
         .type = OPTION_FLAG,
         .out = &self->allows_open,
         .help = "leave them out"},
    };
    const struct manual manual = {
        .usage = "teller export --data DIR [--until TIME] [--format jsonl|csv] [--out FILE]\n"
                 "       [--allow-open-remittances]",
        .summary =
            "Writes every command that moved money or changed an account, a line each, in an order that\n"
            "teller import takes again, into a ledger with any number of partitions. Refused commands are "
            "left out.\n"
            "An open hold is a line with what is left of it. Open proposals are left out, and told. While\n"
            "remittances are open nothing is exported: a bank may have them.\n"
            "TIME: RFC 3339 (2026-11-20T10:00:00Z) or microseconds since 1970.\n"
            "Exit codes: 0 done, 1 the ledger is damaged, 2 usage, 3 could not be read or written,\n"
            "4 remittances are open.",
        .examples = "  teller export --data ledger --out ledger.jsonl\n"
                    "  teller export --data ledger --until 2026-11-20T00:00:00Z --format csv",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
    };
    enum options_result result = options_read(&manual, argc, argv, NULL);
    int code = result == OPTIONS_OK ? run_checked(self) : options_exit_code(result);
    free(self);
    return code;
}
