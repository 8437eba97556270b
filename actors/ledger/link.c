#include "actors/ledger/link.h"

#include "actors/base/rate.h"
#include "actors/ledger/core.h"
#include "actors/ledger/hash.h"

enum { ANSWERS_AHEAD = 16 };

/* ---- items ------------------------------------------------------------------------------------------ */

static size_t whole_words(size_t bytes)
{
    return (bytes + FACT_WORD - 1) / FACT_WORD * FACT_WORD;
}

/* The numbers of an item; returns how many. */
static uint32_t numbers_of(const struct ledger_command *command, int64_t out[LINK_ITEM_NUMBERS])
{
    bool is_in = command->kind == COMMAND_EXCHANGE_IN;
    out[0] = book_rate(command);
    if (!is_in && command->kind != COMMAND_EXCHANGE_OUT)
        return out[0] != 0;
    out[0] = command->value;
    out[1] = is_in ? command->spread : 0;
    out[2] = is_in ? command->residue : 0;
    return is_in ? 3 : 1;
}

/* false: a number that no decoder and no quote would give, or too many or too few of them. */
static bool numbers_take(struct ledger_command *command, const int64_t *numbers, uint32_t count)
{
    if (command->kind == COMMAND_EXCHANGE_OUT || command->kind == COMMAND_EXCHANGE_IN) {
        command->value = numbers[0];
        command->spread = numbers[1];
        command->residue = numbers[2];
        return count == (command->kind == COMMAND_EXCHANGE_IN ? 3 : 1) && numbers[0] >= 0 &&
               numbers[0] <= LEDGER_BALANCE_MAX && numbers[1] >= 0 && numbers[1] <= MONEY_MAX &&
               numbers[2] >= 0 && numbers[2] <= MONEY_MAX;
    }
    command->rate = numbers[0];
    return count == 0 || (count == 1 && numbers[0] >= 1 && numbers[0] <= RATE_MAX);
}

static uint8_t *text_write(uint8_t *at, struct str text)
{
    if (text.length > 0)
        memcpy(at, text.data, text.length);
    return at + text.length;
}

size_t link_item_write(const struct ledger_command *command, uint8_t *out)
{
    int64_t numbers[LINK_ITEM_NUMBERS];
    uint32_t count = numbers_of(command, numbers);
    size_t size = whole_words(sizeof(struct link_item) + count * sizeof numbers[0] + command->from.length +
                              command->to.length + command->memo.length + command->reference.length);
    struct link_item item = {
        .words = (uint16_t)(size / FACT_WORD),
        .kind = command->kind,
        .from_length = (uint8_t)command->from.length,
        .to_length = (uint8_t)command->to.length,
        .memo_length = (uint8_t)command->memo.length,
        .reference_length = (uint8_t)command->reference.length,
        .numbers = (uint8_t)count,
        .amount = command->amount,
        .id = command->id,
    };
    memcpy(item.currency, currency_at(command->currency)->code, CURRENCY_CODE_LENGTH);
    memcpy(out, &item, sizeof item);
    memcpy(out + sizeof item, numbers, count * sizeof numbers[0]);
    uint8_t *at = text_write(out + sizeof item + count * sizeof numbers[0], command->from);
    at = text_write(at, command->to);
    at = text_write(at, command->memo);
    at = text_write(at, command->reference);
    memset(at, 0, (size_t)(out + size - at));
    return size;
}

static struct str text_read(const uint8_t **at, uint8_t length)
{
    struct str text = {length > 0 ? (const char *)*at : NULL, length};
    *at += length;
    return text;
}

/* Each string is as long as it may be, and there where its kind has one. */
static bool item_texts_fit(const struct link_item *item)
{
    bool pays = item->kind != COMMAND_DEPOSIT;
    bool receives = item->kind != COMMAND_WITHDRAW && item->kind != COMMAND_EXCHANGE_OUT;
    uint8_t from_max = item->kind == COMMAND_EXCHANGE_IN ? OWNER_MAX : ACCOUNT_ID_MAX;
    return item->from_length <= from_max && item->to_length <= ACCOUNT_ID_MAX &&
           item->memo_length <= MEMO_MAX && item->reference_length <= REFERENCE_MAX &&
           (item->from_length > 0) == pays && (item->to_length > 0) == receives;
}

static bool item_kind_fits(uint8_t kind)
{
    return (kind >= COMMAND_TRANSFER && kind <= COMMAND_WITHDRAW) || kind == COMMAND_EXCHANGE_OUT ||
           kind == COMMAND_EXCHANGE_IN;
}

size_t link_item_read(const uint8_t *bytes, size_t length, struct ledger_command *out)
{
    struct link_item item;
    if (length < sizeof item)
        return 0;
    memcpy(&item, bytes, sizeof item);
    size_t size = (size_t)item.words * FACT_WORD;
    int64_t numbers[LINK_ITEM_NUMBERS] = {0};
    size_t needed = sizeof item + item.numbers * sizeof numbers[0] + item.from_length + item.to_length +
                    item.memo_length + (size_t)item.reference_length;
    if (size > length || size != whole_words(needed) || item.numbers > LINK_ITEM_NUMBERS || item.amount < 1 ||
        item.amount > MONEY_MAX || !item_kind_fits(item.kind) || !item_texts_fit(&item))
        return 0;
    memcpy(numbers, bytes + sizeof item, item.numbers * sizeof numbers[0]);
    const uint8_t *at = bytes + sizeof item + item.numbers * sizeof numbers[0];
    *out = (struct ledger_command){
        .kind = item.kind,
        .currency = currency_find(item.currency, CURRENCY_CODE_LENGTH),
        .amount = item.amount,
        .id = item.id,
    };
    out->from = text_read(&at, item.from_length);
    out->to = text_read(&at, item.to_length);
    out->memo = text_read(&at, item.memo_length);
    out->reference = text_read(&at, item.reference_length);
    return out->currency == CURRENCY_NONE || !numbers_take(out, numbers, item.numbers) ? 0 : size;
}

/* ---- queues ------------------------------------------------------------------------------------------ */

/* Room for sequences first .. last, both included, of entries of `size` bytes. */
static bool ring_ensure(struct ledger *self, struct ring *ring, uint64_t first, uint64_t last, size_t size)
{
    uint64_t count = last + 1 - first;
    if (count <= ring->capacity)
        return true;
    size_t wanted = ring->capacity ? ring->capacity : 256;
    while (wanted < count)
        wanted *= 2;
    uint8_t *slots = core_alloc(self, wanted * size);
    if (!slots) {
        MARK("no memory for a link's queue");
        return false;
    }
    for (uint64_t i = 0; i < ring->capacity; i++) {
        uint64_t sequence = first + i;
        memcpy(slots + (sequence & (wanted - 1)) * size,
               ring->slots + (sequence & (ring->capacity - 1)) * size, size);
    }
    core_free(self, ring->slots, ring->capacity * size);
    ring->slots = slots;
    ring->capacity = wanted;
    return true;
}

static bool requests_room(struct ledger *self, struct link *link, uint32_t more)
{
    return ring_ensure(self, &link->requests, link->resolved + 1, link->next - 1 + more,
                       sizeof(struct link_request));
}

bool link_ensure_request(struct ledger *self, uint32_t peer, uint32_t more)
{
    struct link *link = &self->links[peer];
    if (link->next - 1 - link->resolved + more > self->config.link_window) {
        MARK("a link's window is full");
        return false;
    }
    return requests_room(self, link, more);
}

bool link_ensure_step(struct ledger *self, uint32_t peer)
{
    return requests_room(self, &self->links[peer], 1);
}

bool link_ensure_answer(struct ledger *self, uint32_t peer, uint32_t more)
{
    struct link *link = &self->links[peer];
    return ring_ensure(self, &link->answers, link->pruned + 1, link->processed + more,
                       sizeof(struct link_answer));
}

void link_push_request(struct ledger *self, uint32_t peer, uint64_t position, const struct uuid *id,
                       uint8_t kind, uint8_t code, uint32_t account)
{
    struct link *link = &self->links[peer];
    bool room = requests_room(self, link, 1);
    CHECK(room);
    *link_request_at(link, link->next++) = (struct link_request){
        .position = position, .id = *id, .account = account, .kind = kind, .code = code};
}

void link_pop_request(struct ledger *self, uint32_t peer)
{
    struct link *link = &self->links[peer];
    CHECK(link->resolved + 1 < link->next);
    link->resolved++;
}

void link_push_answer(struct ledger *self, uint32_t peer, const struct link_answer *answer)
{
    struct link *link = &self->links[peer];
    bool room = link_ensure_answer(self, peer, 1);
    CHECK(room);
    *link_answer_at(link, ++link->processed) = *answer;
}

void link_prune(struct ledger *self, uint32_t peer, uint64_t through)
{
    struct link *link = &self->links[peer];
    MARK("answers that the peer has are let go");
    CHECK(through >= link->pruned && through <= link->processed);
    link->pruned = through;
    if (link->answered < through)
        link->answered = through;
}

void link_release_all(struct ledger *self)
{
    for (uint32_t peer = 0; peer < LEDGER_PARTITIONS_MAX; peer++) {
        struct link *link = &self->links[peer];
        core_free(self, link->requests.slots, link->requests.capacity * sizeof(struct link_request));
        core_free(self, link->answers.slots, link->answers.capacity * sizeof(struct link_answer));
        ledger_peer_message_free(&self->mem, &link->out);
    }
    while (self->waiters) {
        struct waiter *waiter = self->waiters;
        self->waiters = waiter->next;
        core_free(self, waiter, sizeof *waiter);
    }
}

uint64_t link_find(const struct ledger *self, uint32_t peer, uint64_t position)
{
    const struct link *link = &self->links[peer];
    uint64_t low = link->resolved + 1, high = link->next;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (link_request_at(link, middle)->position < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low < link->next && link_request_at(link, low)->position == position ? low : 0;
}

bool link_account_is_open(const struct ledger *self, uint32_t account)
{
    for (uint32_t peer = 0; peer < self->config.partitions; peer++) {
        const struct link *link = &self->links[peer];
        for (uint64_t i = link->resolved + 1; i < link->next; i++) {
            const struct link_request *request = link_request_at(link, i);
            if (request->kind == LINK_CREDIT && request->account == account)
                return true;
        }
    }
    return false;
}

/* ---- waiting ----------------------------------------------------------------------------------------- */

bool link_wait(struct ledger *self, uint32_t peer, uint64_t sequence, struct ledger_ticket *ticket,
               uint32_t row)
{
    struct link_request *request = link_request_at(&self->links[peer], sequence);
    if (!request->ticket) {
        MARK("the first to ask again after a restart waits");
        request->ticket = ticket;
        request->row = row;
        return true;
    }
    struct waiter *waiter = core_alloc(self, sizeof *waiter);
    if (!waiter) {
        MARK("no memory for another waiter");
        return false;
    }
    *waiter = (struct waiter){self->waiters, peer, sequence, ticket, row};
    self->waiters = waiter;
    request->has_waiters = 1;
    return true;
}

static void row_set(struct ledger *self, struct ledger_ticket *ticket, uint32_t row,
                    const struct ledger_row *value)
{
    ticket->rows[row] = *value;
    core_row_done(self, ticket, 1);
}

/* Everybody who waits for an open request gets its outcome. */
static void waiters_answer(struct ledger *self, uint32_t peer, uint64_t sequence,
                           const struct ledger_row *value)
{
    struct waiter **at = &self->waiters;
    while (*at) {
        struct waiter *waiter = *at;
        if (waiter->peer != peer || waiter->sequence != sequence) {
            at = &waiter->next;
            continue;
        }
        *at = waiter->next;
        MARK("several who waited for one transfer are answered");
        row_set(self, waiter->ticket, waiter->row, value);
        core_free(self, waiter, sizeof *waiter);
    }
}

/* ---- messages ---------------------------------------------------------------------------------------- */

static struct ledger_peer_message *message_new(struct ledger *self, uint32_t peer, size_t capacity)
{
    struct ledger_peer_message *message = self->mem.alloc(self->mem.context, sizeof *message);
    if (!message) {
        MARK("no memory for a message to a peer");
        return NULL;
    }
    message->bytes = self->mem.alloc(self->mem.context, capacity);
    if (!message->bytes) {
        self->mem.free(self->mem.context, message, sizeof *message);
        return NULL;
    }
    message->from = self->config.partition;
    message->to = peer;
    message->capacity = capacity;
    return message;
}

/* Room for more bytes behind what a message holds. Requests are all in before answers begin. */
static uint8_t *message_room(struct ledger *self, struct ledger_peer_message *message, size_t bytes)
{
    size_t used = message->request_length + message->answer_length;
    if (used + bytes > message->capacity) {
        size_t wanted = message->capacity;
        while (wanted < used + bytes)
            wanted *= 2;
        uint8_t *bigger = self->mem.alloc(self->mem.context, wanted);
        if (!bigger) {
            MARK("no memory for a message to grow");
            return NULL;
        }
        memcpy(bigger, message->bytes, used);
        self->mem.free(self->mem.context, message->bytes, message->capacity);
        message->bytes = bigger;
        message->capacity = wanted;
    }
    return message->bytes + used;
}

/* What the next message will probably need: a message that has to grow copies itself. */
static size_t usual_bytes(size_t length)
{
    size_t usual = 4096;
    while (usual < length)
        usual *= 2;
    return usual;
}

static struct ledger_peer_message *link_message(struct ledger *self, uint32_t peer, size_t more)
{
    struct link *link = &self->links[peer];
    if (!link->out)
        link->out = message_new(self, peer, more < link->usual_bytes ? link->usual_bytes : more);
    return link->out;
}

/* Requests of a message are consecutive; one that does not follow is left to the next resend. */
static bool message_add_request(struct ledger *self, uint32_t peer, uint64_t sequence,
                                const struct link_request_head *head, const uint8_t *payload)
{
    struct ledger_peer_message *message = link_message(self, peer, head->length);
    if (!message)
        return false;
    if (message->request_count > 0 && message->request_first + message->request_count != sequence) {
        MARK("a request that does not follow is left to the next resend");
        return false;
    }
    uint8_t *room = message_room(self, message, head->length);
    if (!room)
        return false;
    memcpy(room, head, sizeof *head);
    if (head->length > sizeof *head)
        memcpy(room + sizeof *head, payload, head->length - sizeof *head);
    if (message->request_count++ == 0)
        message->request_first = sequence;
    message->request_length += head->length;
    return true;
}

bool link_send(struct ledger *self, uint32_t peer, uint8_t kind, uint8_t code, const struct uuid *id,
               const uint8_t *payload, size_t length)
{
    struct link_request_head head = {
        .kind = kind, .code = code, .length = (uint32_t)(sizeof head + length), .id = *id};
    return message_add_request(self, peer, self->links[peer].next - 1, &head, payload);
}

static bool message_put_answer(struct ledger *self, struct ledger_peer_message *message, uint64_t sequence,
                               const struct link_answer *answer, const uint8_t *rows)
{
    uint8_t *room = message_room(self, message, sizeof *answer + answer->length);
    if (!room)
        return false;
    memcpy(room, answer, sizeof *answer);
    if (rows && answer->length > 0)
        memcpy(room + sizeof *answer, rows, answer->length);
    if (message->answer_count++ == 0)
        message->answer_first = sequence;
    message->answer_length += sizeof *answer + answer->length;
    return true;
}

/* A group's answer to DECIDE carries rows, which stand in the fact that it points to. Apart from the others, whose
 * way is hot and needs no room for a fact. */
static __attribute__((noinline)) bool message_put_rows(struct ledger *self,
                                                       struct ledger_peer_message *message, uint64_t sequence,
                                                       const struct link_answer *answer)
{
    uint8_t fact[CORE_FACT_MAX];
    struct link_answer out = *answer;
    size_t size = core_fact_read(self, (uint64_t)answer->value, fact, sizeof fact);
    if (size < sizeof(struct fact_group)) {
        MARK("the rows of a group cannot be read: the answer is left to a resend");
        return false;
    }
    out.length = (uint32_t)(size - sizeof(struct fact_group));
    return message_put_answer(self, message, sequence, &out, fact + sizeof(struct fact_group));
}

static bool message_add_answer(struct ledger *self, struct ledger_peer_message *message, uint64_t sequence,
                               const struct link_answer *answer)
{
    if (answer->kind == LINK_DECIDE)
        return message_put_rows(self, message, sequence, answer);
    return message_put_answer(self, message, sequence, answer, NULL);
}

static bool link_wants_message(const struct link *link)
{
    return link->out || link->answered < link->processed;
}

bool link_has_messages(const struct ledger *self)
{
    for (uint32_t peer = 0; peer < self->config.partitions; peer++) {
        if (link_wants_message(&self->links[peer]))
            return true;
    }
    return false;
}

void link_collect(struct ledger *self, struct unit_buffer *buffer)
{
    buffer->unit.messages = buffer->message_list;
    buffer->unit.message_count = 0;
    for (uint32_t peer = 0; peer < self->config.partitions; peer++) {
        struct link *link = &self->links[peer];
        if (!link_wants_message(link))
            continue;
        size_t answers = (size_t)(link->processed - link->answered) * sizeof(struct link_answer);
        struct ledger_peer_message *message = link_message(self, peer, answers);
        if (!message)
            continue;
        while (
            link->answered < link->processed &&
            message_add_answer(self, message, link->answered + 1, link_answer_at(link, link->answered + 1)))
            link->answered++;
        message->answered_through = link->resolved;
        link->usual_bytes = usual_bytes(message->request_length + message->answer_length);
        buffer->message_list[buffer->unit.message_count++] = message;
        link->out = NULL;
    }
}

/* ---- the source's side -------------------------------------------------------------------------------- */

static void busy(struct ledger *self, struct ledger_ticket *ticket, uint32_t row)
{
    ticket->rows[row].code = CODE_BUSY;
    core_row_done(self, ticket, 1);
}

static bool send_credit(struct ledger *self, uint32_t peer, const struct ledger_command *command)
{
    uint8_t item[LINK_ITEM_MAX];
    size_t size = link_item_write(command, item);
    return link_send(self, peer, LINK_CREDIT, CODE_OK, &command->id, item, size);
}

void link_post(struct ledger *self, uint32_t peer, uint32_t debit, const struct ledger_command *command,
               struct ledger_ticket *ticket, uint32_t row)
{
    struct link *link = &self->links[peer];
    uint32_t transit = ACCOUNT_NONE;
    if (link_ensure_request(self, peer, 1))
        transit = posting_transit(self, peer, command->currency);
    if (transit == ACCOUNT_NONE || posting_check_house(self, transit, command->amount).code != CODE_OK) {
        MARK("a transfer to another partition finds no room on the link");
        busy(self, ticket, row);
        return;
    }
    struct fact_strings strings = posting_strings(command->to, command->memo, command->reference);
    book_rate_put(&strings, &command->rate);
    if (!posting_append(self, FACT_SENT, 0, debit, transit, command->amount, &command->id, &strings)) {
        MARK("no memory to send a transfer");
        busy(self, ticket, row);
        return;
    }
    struct link_request *request = link_request_at(link, link->next - 1);
    request->ticket = ticket;
    request->row = row;
    ticket->rows[row].from_balance = account_at(&self->accounts, debit)->balance;
    bool sent = send_credit(self, peer, command);
    (void)sent; /* what did not fit goes with the next resend: the request stays open until then */
}

/* FACT_SETTLED: the credit is made. */
static bool settle(struct ledger *self, uint32_t peer, const struct link_request *request, int64_t balance)
{
    struct fact_settled fact = {
        .head = {FACT_SETTLED, CODE_OK, sizeof fact / FACT_WORD},
        .peer = peer,
        .sent_position = request->position,
        .remote_balance = balance,
    };
    uint8_t *room = id_table_ensure(&self->ids, 1) ? core_fact_room(self, sizeof fact) : NULL;
    if (!room) {
        MARK("no memory to settle a transfer: the answer is left to a resend");
        return false;
    }
    memcpy(room, &fact, sizeof fact);
    core_fact_commit(self, sizeof fact);
    return true;
}

/* FACT_RETURNED: the other partition refused, and the money goes back where it came from. */
static bool give_back(struct ledger *self, const struct link_request *request, enum code code,
                      enum field field)
{
    MARK("a credit was refused by its partition: the money goes back");
    uint8_t sent_bytes[CORE_FACT_MAX];
    size_t size = core_fact_read(self, request->position, sent_bytes, sizeof sent_bytes);
    struct fact_posting sent;
    if (size < sizeof sent) {
        MARK("what was sent cannot be read: giving it back is left to a resend");
        return false;
    }
    memcpy(&sent, sent_bytes, sizeof sent);
    struct fact_strings strings;
    enum err err = fact_strings_read(sent_bytes + sizeof sent, size - sizeof sent, &strings);
    CHECK(err == ERR_OK);
    struct fact_book taken;
    char why = (char)field;
    book_give_back(&strings, &taken);
    if (field != FIELD_TO_ACCOUNT)
        strings.by_tag[FACT_TAG_FIELD] = (struct str){&why, sizeof why};
    return id_table_ensure(&self->ids, 1) && posting_append(self, FACT_RETURNED, (uint8_t)code, sent.credit,
                                                            sent.debit, sent.amount, &sent.id, &strings);
}

static bool process_credit_answer(struct ledger *self, uint32_t peer, uint64_t sequence,
                                  const struct link_answer *answer)
{
    struct link *link = &self->links[peer];
    struct link_request request = *link_request_at(link, sequence);
    struct ledger_row row = {.code = answer->code, .field = answer->field};
    if (answer->code == CODE_OK) {
        if (!settle(self, peer, &request, answer->value))
            return false;
        row.has = ROW_HAS_FROM | ROW_HAS_TO;
        row.to_balance = answer->value;
    } else if (!give_back(self, &request, answer->code, answer->field)) {
        return false;
    }
    if (!request.ticket) {
        MARK("a transfer ends that nobody waits for");
        return true;
    }
    if (answer->code == CODE_OK)
        row.from_balance = request.ticket->rows[request.row].from_balance;
    row_set(self, request.ticket, request.row, &row);
    if (request.has_waiters)
        waiters_answer(self, peer, sequence, &row);
    return true;
}

/* Asks for the memory that the answer to a later request will touch. */
static void settle_prefetch(const struct ledger *self, const struct link *link, uint64_t sequence)
{
    if (sequence <= link->resolved || sequence >= link->next)
        return;
    const struct link_request *request = link_request_at(link, sequence);
    id_table_prefetch(&self->ids, hash_uuid(&request->id, self->config.hash_key));
    if (request->ticket)
        __builtin_prefetch(&request->ticket->rows[request->row], 1);
}

static void process_answers(struct ledger *self, const struct ledger_peer_message *message)
{
    struct link *link = &self->links[message->from];
    const uint8_t *at = message->bytes + message->request_length;
    const uint8_t *end = at + message->answer_length;
    for (uint32_t i = 0; i < message->answer_count; i++) {
        struct link_answer answer;
        CHECK((size_t)(end - at) >= sizeof answer);
        memcpy(&answer, at, sizeof answer);
        at += sizeof answer;
        CHECK((size_t)(end - at) >= answer.length);
        const uint8_t *rows = at;
        at += answer.length;
        uint64_t sequence = message->answer_first + i;
        settle_prefetch(self, link, sequence + ANSWERS_AHEAD);
        if (sequence <= link->resolved) {
            MARK("an answer of a peer comes twice");
            continue;
        }
        if (sequence != link->resolved + 1 || sequence >= link->next) {
            MARK("an answer of a peer comes too early");
            return;
        }
        struct uuid id = link_request_at(link, sequence)->id;
        if (answer.kind == LINK_CREDIT) {
            if (!process_credit_answer(self, message->from, sequence, &answer))
                return;
        } else if (answer.kind == LINK_PREPARE) {
            group_voted(self, message->from, &id, &answer);
        } else {
            group_done(self, message->from, &id, rows, answer.length);
        }
        if (link->resolved != sequence) {
            MARK("a group's answer is left to a resend: no memory");
            return; /* no memory: the peer keeps the answer, and a resend brings it again */
        }
    }
}

/* ---- the target's side --------------------------------------------------------------------------------- */

bool link_bounce(struct ledger *self, uint32_t peer, enum link_kind kind, struct verdict verdict,
                 uint8_t item)
{
    struct fact_link fact = {
        .head = {FACT_BOUNCED, (uint8_t)verdict.code, sizeof fact / FACT_WORD},
        .peer = peer,
        .through = (uint64_t)kind << 16 | (uint64_t)item << 8 | verdict.field,
    };
    uint8_t *room = core_fact_room(self, sizeof fact);
    if (!room)
        return false;
    memcpy(room, &fact, sizeof fact);
    core_fact_commit(self, sizeof fact);
    return true;
}

static bool process_credit(struct ledger *self, uint32_t peer, const struct ledger_command *command,
                           uint32_t to)
{
    if (to == ACCOUNT_NONE) {
        MARK("a credit from another partition is for nobody");
        return link_bounce(self, peer, LINK_CREDIT,
                           (struct verdict){CODE_ACCOUNT_NOT_FOUND, FIELD_TO_ACCOUNT}, 0);
    }
    const struct account *account = account_at(&self->accounts, to);
    struct verdict verdict =
        posting_check_credit(account, command->currency, command->amount, posting_incoming(self, to));
    if (verdict.code != CODE_OK) {
        MARK("a credit from another partition is refused");
        return link_bounce(self, peer, LINK_CREDIT, verdict, 0);
    }
    uint32_t transit = posting_transit(self, peer, command->currency);
    if (transit == ACCOUNT_NONE)
        return false;
    if (posting_check_house(self, transit, command->amount).code != CODE_OK)
        return link_bounce(self, peer, LINK_CREDIT, (struct verdict){CODE_BALANCE_OVERFLOW, FIELD_TO_ACCOUNT},
                           0);
    if (__builtin_expect(account_at(&self->accounts, to)->flags & ACCOUNT_HAS_BOOK, 0))
        verdict = book_check_credit(self, to, command, 0);
    if (verdict.code != CODE_OK) {
        MARK("a credit from another partition says no rate, or one that does not fit");
        return link_bounce(self, peer, LINK_CREDIT, verdict, 0);
    }
    struct fact_strings strings = posting_strings(command->from, command->memo, command->reference);
    book_rate_put(&strings, &command->rate);
    return posting_append(self, FACT_RECEIVED, 0, transit, to, command->amount, &command->id, &strings);
}

enum { CREDIT_CHUNK = 32 };

struct incoming {
    struct link_request_head head;
    const uint8_t *payload;
    struct ledger_command command;
    uint32_t hash, to;
};

/* Reads the requests of a chunk and asks for the memory they will touch. */
static uint32_t incoming_read(struct ledger *self, const uint8_t **at, const uint8_t *end,
                              struct incoming *chunk, uint32_t most)
{
    uint32_t count = 0;
    for (; count < most; count++) {
        struct incoming *in = &chunk[count];
        CHECK((size_t)(end - *at) >= sizeof in->head);
        memcpy(&in->head, *at, sizeof in->head);
        CHECK(in->head.length >= sizeof in->head && in->head.length <= (size_t)(end - *at));
        in->payload = *at + sizeof in->head;
        *at += in->head.length;
        if (in->head.kind != LINK_CREDIT)
            continue;
        size_t size = link_item_read(in->payload, in->head.length - sizeof in->head, &in->command);
        CHECK(size == in->head.length - sizeof in->head);
        in->hash = account_hash(&self->accounts, in->command.to);
        __builtin_prefetch(account_slot_at(&self->accounts, in->hash));
    }
    for (uint32_t i = 0; i < count; i++) {
        if (chunk[i].head.kind != LINK_CREDIT)
            continue;
        chunk[i].to = account_candidate(&self->accounts, chunk[i].hash);
        if (chunk[i].to != ACCOUNT_NONE)
            __builtin_prefetch(account_at(&self->accounts, chunk[i].to), 1);
    }
    return count;
}

static bool process_request(struct ledger *self, uint32_t peer, struct incoming *in)
{
    switch ((enum link_kind)in->head.kind) {
    case LINK_CREDIT:
        if (in->to != ACCOUNT_NONE && !account_id_is(&self->accounts, in->to, in->command.to))
            in->to = account_find(&self->accounts, in->command.to, in->hash);
        return process_credit(self, peer, &in->command, in->to);
    case LINK_PREPARE:
        return group_prepare(self, peer, in->payload, in->head.length - sizeof in->head);
    case LINK_DECIDE:
        return group_decide(self, peer, &in->head.id, in->head.code);
    }
    CHECK_UNREACHABLE();
}

static void process_requests(struct ledger *self, const struct ledger_peer_message *message)
{
    struct link *link = &self->links[message->from];
    const uint8_t *at = message->bytes, *end = at + message->request_length;
    struct incoming chunk[CREDIT_CHUNK];
    uint32_t left = message->request_count;
    uint64_t sequence = message->request_first;
    if (left == 0)
        return;
    if (sequence <= link->processed) {
        MARK("requests of a peer come again: their answers are given again");
        /* Sent again: give the answers again that are still kept. */
        uint64_t again = sequence > link->pruned ? sequence - 1 : link->pruned;
        if (again < link->answered)
            link->answered = again;
    }
    while (left > 0) {
        uint32_t count = incoming_read(self, &at, end, chunk, left < CREDIT_CHUNK ? left : CREDIT_CHUNK);
        if (!link_ensure_answer(self, message->from, count)) {
            MARK("no memory for the answers to a peer");
            return;
        }
        for (uint32_t i = 0; i < count; i++, sequence++) {
            if (sequence <= link->processed) {
                MARK("a request of a peer comes twice");
                continue;
            }
            if (sequence != link->processed + 1) {
                MARK("a request of a peer comes too early");
                return;
            }
            if (!process_request(self, message->from, &chunk[i])) {
                MARK("no memory for a request of a peer: it is left to a resend");
                return;
            }
        }
        left -= count;
    }
}

static void process_pruned(struct ledger *self, const struct ledger_peer_message *message)
{
    struct link *link = &self->links[message->from];
    CHECK(message->answered_through <= link->processed);
    if (message->answered_through <= link->pruned) {
        MARK("a peer says again which answers it has");
        return;
    }
    struct fact_link fact = {
        .head = {FACT_PRUNED, CODE_OK, sizeof fact / FACT_WORD},
        .peer = message->from,
        .through = message->answered_through,
    };
    uint8_t *room = core_fact_room(self, sizeof fact);
    if (!room)
        return;
    memcpy(room, &fact, sizeof fact);
    core_fact_commit(self, sizeof fact);
}

void ledger_peer(struct ledger *self, int64_t now_us, const struct ledger_peer_message *message)
{
    CHECK(message->to == self->config.partition && message->from < self->config.partitions &&
          message->from != message->to);
    core_set_now(self, now_us);
    process_pruned(self, message);
    process_answers(self, message);
    process_requests(self, message);
}

/* ---- again -------------------------------------------------------------------------------------------- */

static bool resend_credit(struct ledger *self, uint32_t peer, uint64_t sequence,
                          const struct link_request *request)
{
    uint8_t bytes[CORE_FACT_MAX];
    char from[ACCOUNT_ID_MAX + 1];
    struct fact_posting sent;
    size_t size = core_fact_read(self, request->position, bytes, sizeof bytes);
    if (size < sizeof sent)
        return false;
    memcpy(&sent, bytes, sizeof sent);
    struct fact_strings strings;
    enum err err = fact_strings_read(bytes + sizeof sent, size - sizeof sent, &strings);
    CHECK(err == ERR_OK);
    struct ledger_command command = {
        .kind = COMMAND_TRANSFER,
        .currency = account_at(&self->accounts, sent.debit)->currency,
        .amount = sent.amount,
        .id = sent.id,
        .from = {from, account_id_copy(&self->accounts, sent.debit, from)},
        .to = strings.by_tag[FACT_TAG_REMOTE],
        .memo = strings.by_tag[FACT_TAG_MEMO],
        .reference = strings.by_tag[FACT_TAG_REFERENCE],
        .rate = book_rate_get(&strings),
    };
    uint8_t item[LINK_ITEM_MAX];
    size_t item_size = link_item_write(&command, item);
    struct link_request_head head = {
        .kind = LINK_CREDIT, .length = (uint32_t)(sizeof head + item_size), .id = command.id};
    return message_add_request(self, peer, sequence, &head, item);
}

static bool resend_group(struct ledger *self, uint32_t peer, uint64_t sequence,
                         const struct link_request *request)
{
    uint8_t bytes[CORE_FACT_MAX];
    size_t size = 0;
    if (request->kind == LINK_PREPARE) {
        size = core_fact_read(self, request->position, bytes, sizeof bytes);
        if (size < sizeof(struct fact_group))
            return false;
    }
    struct link_request_head head = {.kind = request->kind,
                                     .code = request->code,
                                     .length = (uint32_t)(sizeof head + size),
                                     .id = request->id};
    return message_add_request(self, peer, sequence, &head, bytes);
}

void ledger_resend(struct ledger *self)
{
    for (uint32_t peer = 0; peer < self->config.partitions; peer++) {
        struct link *link = &self->links[peer];
        link->answered = link->pruned;
        if (link->out) { /* built anew, from the oldest */
            link->out->request_count = 0;
            link->out->request_length = 0;
        }
        for (uint64_t sequence = link->resolved + 1; sequence < link->next; sequence++) {
            const struct link_request *request = link_request_at(link, sequence);
            MARK("an open request is sent again");
            bool sent = request->kind == LINK_CREDIT ? resend_credit(self, peer, sequence, request)
                                                     : resend_group(self, peer, sequence, request);
            if (!sent) {
                MARK("a request cannot be sent again: no memory, or it cannot be read");
                break;
            }
        }
    }
}

/* ---- the state store ----------------------------------------------------------------------------------- */

enum { STORED_LINK = 32, STORED_REQUEST = 32, STORED_ANSWER = 16 };

size_t link_store_size(const struct ledger *self)
{
    size_t size = 0;
    for (uint32_t peer = 0; peer < self->config.partitions; peer++) {
        const struct link *link = &self->links[peer];
        size += STORED_LINK + (size_t)(link->next - 1 - link->resolved) * STORED_REQUEST +
                (size_t)(link->processed - link->pruned) * STORED_ANSWER;
    }
    return size;
}

static uint8_t *request_store(const struct link_request *request, uint8_t *at)
{
    memcpy(at, &request->position, 8);
    memcpy(at + 8, request->id.bytes, 16);
    memcpy(at + 24, &request->account, 4);
    at[28] = request->kind;
    at[29] = request->code;
    at[30] = at[31] = 0;
    return at + STORED_REQUEST;
}

uint8_t *link_store(const struct ledger *self, uint8_t *at)
{
    for (uint32_t peer = 0; peer < self->config.partitions; peer++) {
        const struct link *link = &self->links[peer];
        const uint64_t numbers[4] = {link->next, link->resolved, link->processed, link->pruned};
        memcpy(at, numbers, sizeof numbers);
        at += STORED_LINK;
        for (uint64_t i = link->resolved + 1; i < link->next; i++)
            at = request_store(link_request_at(link, i), at);
        for (uint64_t i = link->pruned + 1; i <= link->processed; i++, at += STORED_ANSWER)
            memcpy(at, link_answer_at(link, i), STORED_ANSWER);
    }
    return at;
}

static enum err requests_load(struct ledger *self, struct link *link, uint64_t count, const uint8_t **at)
{
    link->next = link->resolved + 1;
    if (!requests_room(self, link, (uint32_t)count))
        return ERR_NO_MEMORY;
    for (uint64_t i = 0; i < count; i++, *at += STORED_REQUEST) {
        if ((*at)[28] < LINK_CREDIT || (*at)[28] > LINK_DECIDE || (*at)[29] >= CODE_COUNT)
            return ERR_CORRUPT;
        struct link_request *request = link_request_at(link, link->next++);
        *request = (struct link_request){.kind = (*at)[28], .code = (*at)[29]};
        memcpy(&request->position, *at, 8);
        memcpy(request->id.bytes, *at + 8, 16);
        memcpy(&request->account, *at + 24, 4);
    }
    return ERR_OK;
}

static enum err one_link_load(struct ledger *self, uint32_t peer, const uint8_t **at, const uint8_t *end)
{
    struct link *link = &self->links[peer];
    uint64_t numbers[4];
    if ((size_t)(end - *at) < sizeof numbers)
        return ERR_CORRUPT;
    memcpy(numbers, *at, sizeof numbers);
    *at += sizeof numbers;
    if (numbers[0] == 0 || numbers[1] >= numbers[0] || numbers[3] > numbers[2])
        return ERR_CORRUPT;
    uint64_t requests = numbers[0] - 1 - numbers[1], answers = numbers[2] - numbers[3];
    size_t left = (size_t)(end - *at);
    if (requests > left / STORED_REQUEST || answers > (left - requests * STORED_REQUEST) / STORED_ANSWER)
        return ERR_CORRUPT;
    link->resolved = numbers[1];
    enum err err = requests_load(self, link, requests, at);
    if (err != ERR_OK)
        return err;
    link->pruned = link->answered = link->processed = numbers[3];
    if (!link_ensure_answer(self, peer, (uint32_t)answers))
        return ERR_NO_MEMORY;
    for (uint64_t i = 0; i < answers; i++, *at += STORED_ANSWER) {
        struct link_answer *answer = link_answer_at(link, ++link->processed);
        memcpy(answer, *at, STORED_ANSWER);
        if (answer->kind < LINK_CREDIT || answer->kind > LINK_DECIDE || answer->code >= CODE_COUNT ||
            answer->length != 0) /* rows are read from their fact when it is sent */
            return ERR_CORRUPT;
    }
    return ERR_OK;
}

enum err link_load(struct ledger *self, const uint8_t **at, const uint8_t *end)
{
    enum err err = ERR_OK;
    for (uint32_t peer = 0; peer < self->config.partitions && err == ERR_OK; peer++)
        err = one_link_load(self, peer, at, end);
    return err;
}

const char *link_broken(const struct ledger *self)
{
    for (uint32_t peer = 0; peer < self->config.partitions; peer++) {
        const struct link *link = &self->links[peer];
        if (link->resolved >= link->next || link->pruned > link->processed)
            return "the numbers of a link are in order";
        if (link->answered < link->pruned || link->answered > link->processed)
            return "answers that were given are among those that are kept";
        for (uint64_t i = link->resolved + 1; i + 1 < link->next; i++) {
            if (link_request_at(link, i)->position > link_request_at(link, i + 1)->position)
                return "requests of a link are in the order of their facts";
        }
    }
    return NULL;
}
