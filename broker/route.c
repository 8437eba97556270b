/* Routing by operation: one switch, one small function for each way to find a partition. A body that cannot
 * be read is sent to partition 0, whose decoder says what is wrong with it. */
#include "broker/route.h"

#include "actors/base/check.h"
#include "actors/base/uuid.h"
#include "actors/ledger/ledger.h"
#include "broker/wire/accounts.h"
#include "broker/wire/figures.h"
#include "broker/wire/proposals.h"
#include "broker/wire/remittances.h"

static struct route to_one(uint32_t partition)
{
    return (struct route){.kind = ROUTE_ONE, .partition = partition};
}

static struct route to_service(enum route_service service)
{
    return (struct route){.kind = ROUTE_SERVICE, .service = service};
}

static struct route refused(enum code code, enum field field)
{
    return (struct route){.kind = ROUTE_REFUSED, .code = code, .field = field};
}

static struct route by_account(const struct wire_header *header, uint32_t partitions)
{
    uint32_t partition = wire_partition_of(header, partitions, ledger_partition_of);
    return to_one(partition == WIRE_PARTITION_ANY ? 0 : partition);
}

/* An account without an id is opened where its transaction id points, so that a retry meets the first try. */
static struct route by_open(const struct wire_header *header, uint32_t partitions, struct router_turn *turn)
{
    uint32_t partition = wire_partition_of(header, partitions, ledger_partition_of);
    if (partition != WIRE_PARTITION_ANY)
        return to_one(partition);
    struct ledger_account_command command;
    enum field field;
    if (wire_account_read(header, &command, &field) != CODE_OK)
        return to_one(0);
    if (uuid_is_nil(&command.id))
        return to_one(turn->next++ % partitions);
    char text[UUID_TEXT_LENGTH + 1];
    uuid_format(&command.id, text);
    return to_one(ledger_partition_of((struct str){text, UUID_TEXT_LENGTH}, partitions));
}

/* Questions about the node have no body. */
static struct route by_node(const struct wire_header *header, enum route_kind kind)
{
    enum field field = FIELD_NONE;
    enum code code = wire_nothing_read(header, &field);
    return code == CODE_OK ? (struct route){.kind = kind} : refused(code, field);
}

static struct route by_metrics(const struct wire_header *header)
{
    bool is_text;
    enum field field = FIELD_NONE;
    enum code code = wire_metrics_read(header, &is_text, &field);
    return code == CODE_OK ? (struct route){.kind = ROUTE_METRICS} : refused(code, field);
}

/* A list's cursor is "P:INDEX": the partition whose accounts come next. */
static struct route by_cursor(struct str cursor, uint32_t partitions)
{
    if (cursor.length == 0)
        return to_one(0);
    uint32_t partition = 0;
    uint32_t at = 0;
    for (; at < cursor.length && cursor.data[at] != ':'; at++) {
        unsigned digit = (unsigned)cursor.data[at] - '0';
        if (digit > 9 || partition >= LEDGER_PARTITIONS_MAX)
            return refused(CODE_INVALID_FIELD, FIELD_CURSOR);
        partition = partition * 10 + digit;
    }
    if (at == 0 || at == cursor.length || partition >= partitions)
        return refused(CODE_INVALID_FIELD, FIELD_CURSOR);
    return to_one(partition);
}

static struct route by_list(const struct wire_header *header, uint32_t partitions)
{
    struct wire_list_query query;
    enum field field;
    if (wire_list_read(header, &query, &field) != CODE_OK)
        return to_one(0);
    return by_cursor(query.cursor, partitions);
}

static struct route by_proposals(const struct wire_header *header, uint32_t partitions)
{
    struct wire_proposals_query query;
    enum field field;
    if (wire_proposals_read(header, &query, &field) != CODE_OK)
        return to_one(0);
    return by_cursor(query.cursor, partitions);
}

static struct route by_remittances(const struct wire_header *header, uint32_t partitions)
{
    struct wire_remittances_query query;
    enum field field;
    if (wire_remittances_read(header, &query, &field) != CODE_OK)
        return to_one(0);
    return by_cursor(query.cursor, partitions);
}

static struct route by_elements(const struct wire_header *header, uint32_t partitions,
                                struct wire_split *split)
{
    if (partitions == 1)
        return to_one(0);
    enum field field = FIELD_NONE;
    enum code code = wire_items_split(split, header, partitions, ledger_partition_of, &field);
    if (code != CODE_OK)
        return refused(code, field);
    if (split->part_count > 1)
        return (struct route){.kind = ROUTE_SPLIT};
    return to_one(split->count == 0 ? 0 : split->spans[0].partition);
}

static struct route by_body(const struct wire_header *header, uint32_t partitions, struct wire_split *split,
                            struct router_turn *turn)
{
    switch (header->operation) {
    case OPERATION_TRANSFER:
    case OPERATION_DEPOSIT:
    case OPERATION_WITHDRAW:
    case OPERATION_HOLD:
    case OPERATION_CAPTURE:
    case OPERATION_RELEASE:
    case OPERATION_HOLD_SHOW:
    case OPERATION_HOLD_LIST:
    case OPERATION_EXCHANGE:
    case OPERATION_QUOTE:
    case OPERATION_QUOTE_SHOW:
    case OPERATION_ACCOUNT_CHANGE:
    case OPERATION_ACCOUNT_FREEZE:
    case OPERATION_ACCOUNT_UNFREEZE:
    case OPERATION_ACCOUNT_CLOSE:
    case OPERATION_ACCOUNT_SHOW:
    case OPERATION_BALANCE:
    case OPERATION_HISTORY:
    case OPERATION_PROPOSAL_OPEN:
    case OPERATION_PROPOSAL_APPROVE:
    case OPERATION_PROPOSAL_REJECT:
    case OPERATION_PROPOSAL_SHOW:
    case OPERATION_REMITTANCE_OPEN:
    case OPERATION_REMITTANCE_SHOW:
    case OPERATION_REMITTANCE_RETRY:
    case OPERATION_REMITTANCE_REFUND:
    case OPERATION_REMITTANCE_CANCEL:
    case OPERATION_REMITTANCE_RESOLVE:
    case OPERATION_REMITTANCE_SETTLE:
        return by_account(header, partitions);
    case OPERATION_ACCOUNT_OPEN:
        return by_open(header, partitions, turn);
    case OPERATION_ACCOUNT_LIST:
        return by_list(header, partitions);
    case OPERATION_PROPOSAL_LIST:
        return by_proposals(header, partitions);
    case OPERATION_REMITTANCE_LIST:
        return by_remittances(header, partitions);
    case OPERATION_BATCH:
    case OPERATION_HISTORIES:
        return by_elements(header, partitions, split);
    case OPERATION_TRANSFER_SHOW:
    case OPERATION_RATE_SET:
    case OPERATION_PAIR_SET:
    case OPERATION_REMITTANCE_RETRY_BATCH:
        return (struct route){.kind = ROUTE_ALL};
    case OPERATION_RATE_DESK:
        return to_one(0);
    case OPERATION_STATUS:
        return by_node(header, ROUTE_ALL);
    case OPERATION_METRICS:
        return by_metrics(header);
    case OPERATION_HEALTH:
    case OPERATION_VERSION:
        return by_node(header, ROUTE_SELF);
    case OPERATION_RATE_LATEST:
    case OPERATION_RATE_ASOF:
    case OPERATION_RATE_RANGE:
    case OPERATION_RATE_REVIEW:
    case OPERATION_RATE_ACCEPT:
    case OPERATION_RATE_REJECT:
    case OPERATION_RATE_SOURCES:
        return to_service(SERVICE_RATEFEED);
    case OPERATION_SUBSCRIBER_ADD:
    case OPERATION_SUBSCRIBER_REMOVE:
    case OPERATION_SUBSCRIBER_LIST:
    case OPERATION_DEADLETTER_LIST:
    case OPERATION_DEADLETTER_RETRY:
    case OPERATION_DEADLETTER_RESOLVE:
        return to_service(SERVICE_PUBLISHER);
    case OPERATION_BANK_LIST:
    case OPERATION_BANK_CALLS:
        return to_service(SERVICE_BANK);
    case OPERATION_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}

/* Operations of the node as a whole, or of a service: a partition in the header changes nothing. */
static bool is_above_partitions(enum wire_operation operation)
{
    return operation == OPERATION_HEALTH || operation == OPERATION_VERSION || operation == OPERATION_STATUS ||
           operation == OPERATION_METRICS ||
           (operation >= OPERATION_RATE_LATEST && operation <= OPERATION_BANK_CALLS);
}

/* What changes a remittance: without banks there is nobody to go on with it. What a bank has said by telephone may be written down: the way
 * on when the adapter's store is lost. */
static bool needs_bank(enum wire_operation operation)
{
    return operation >= OPERATION_REMITTANCE_OPEN && operation <= OPERATION_REMITTANCE_RETRY_BATCH &&
           operation != OPERATION_REMITTANCE_SHOW && operation != OPERATION_REMITTANCE_LIST &&
           operation != OPERATION_REMITTANCE_SETTLE;
}

static struct route by_header(const struct wire_header *header, uint32_t partitions, struct wire_split *split,
                              struct router_turn *turn)
{
    if (header->partition == WIRE_PARTITION_ANY)
        return by_body(header, partitions, split, turn);
    if (header->partition >= partitions)
        return refused(CODE_WRONG_PARTITION, FIELD_PARTITION);
    if (is_above_partitions(header->operation))
        return by_body(header, partitions, split, turn);
    return to_one(header->partition);
}

struct route route_of(const struct wire_header *header, uint32_t partitions, struct wire_split *split,
                      struct router_turn *turn)
{
    struct route route = by_header(header, partitions, split, turn);
    route.needs_bank = needs_bank(header->operation);
    return route;
}
