"""A serial model of the wallet, written from docs/WIRE.md alone: one command at a time, no journal, no
partitions that run by themselves. The real server must answer as it does.

    wallet = Wallet(partitions)
    code, body = wallet.apply(operation, body, partition, deadline, actual)

`actual` is what the server answered. The model looks at it only where the protocol leaves a choice: the id of
an account that teller assigns, and which partition's refusal of a group was heard first.
Bodies hold no times, positions, cursors and messages: see `comparable` in check.py.
"""
import decode
from decode import Refused, invalid

OPERATIONS = {}


def operation(name):
    def register(function):
        OPERATIONS[name] = function
        return function
    return register


def partition_of(account, partitions):
    if account.startswith(("house:", "transit:")):
        return int(account.rsplit(":", 1)[1])
    h = 14695981039346656037
    for byte in account.encode():
        h = (h ^ byte) * 1099511628211 % 2**64
    return (h ^ h >> 32) % partitions


class Account:
    def __init__(self, name, owner, currency, product, minimum, ceiling):
        self.name, self.owner, self.currency, self.product = name, owner, currency, product
        self.minimum, self.ceiling = minimum, ceiling
        self.state, self.balance = "ACTIVE", 0
        self.entries = []  # oldest first

    def attributes(self):
        return (self.owner, self.currency, self.product, self.minimum, self.ceiling)

    def view(self):
        return {"account": self.name, "owner": self.owner, "currency": self.currency,
                "product": self.product, "state": self.state, "balance": self.balance, "pending": 0,
                "available": self.balance - self.minimum, "minimum_balance": self.minimum,
                "ceiling": self.ceiling}

    def note(self, kind, transaction=None, amount=0, direction=None, counterparty=None, memo=None,
             reference=None):
        if direction:
            self.balance += amount if direction == "in" else -amount
        self.entries.append({
            "kind": kind, "transaction_id": transaction, "amount": amount, "direction": direction,
            "balance": self.balance, "counterparty": counterparty, "memo": memo,
            "reference": reference})


class Record:
    """What a partition remembers with a transaction id."""
    def __init__(self, kind, payload, answer, item=None):
        self.kind, self.payload, self.answer, self.item = kind, payload, answer, item

    def shown(self, transaction):
        """transfer.show; None stands for a value that may be kept or not."""
        code = self.answer[0]
        shown = {"transaction_id": transaction, "status": "success" if code == "OK" else "failed",
                 "code": code}
        if code == "OK" and self.item:
            shown.update(kind=self.item.kind, from_account=self.item.source, to_account=self.item.target,
                         amount=self.item.amount, currency=self.item.currency, memo=self.item.memo,
                         reference=self.item.reference)
        return shown


class Wallet:
    def __init__(self, partitions):
        self.partitions = partitions
        self.accounts = {}
        self.ids = [{} for _ in range(partitions)]  # by partition: transaction id -> Record
        self.past_ms = 0  # deadlines before it have passed; the others never pass
        self.cash = {}    # by currency: deposits less withdrawals

    def partition_of(self, account):
        return partition_of(account, self.partitions)

    def apply(self, name, body, partition=None, deadline=None, actual=None):
        """(code, body) of the reply."""
        function = OPERATIONS.get(name)
        try:
            if function is None:
                raise Refused("UNSUPPORTED", "operation")
            if partition is not None and partition >= self.partitions:
                raise Refused("WRONG_PARTITION", "partition")
            return function(self, body, partition, deadline, actual)
        except Refused as refused:
            return refused.code, {"field": refused.field}

    # --- money ------------------------------------------------------------------------------------------

    def has_passed(self, *deadlines):
        return any(deadline is not None and deadline < self.past_ms for deadline in deadlines)

    def row(self, item, partition, deadline, actual):
        """(code, field, from_balance, to_balance, rows of a group)"""
        if item.kind == "group":
            return self.group_row(item, partition, deadline, actual)
        if item.fault:
            return refusal(item.fault)
        home = self.partition_of(item.home()) if partition is None else partition
        known = self.ids[home].get(item.id)
        if known:
            same = known.kind == "single" and known.payload == item.payload()
            return known.answer if same else refusal(Refused("CONFLICT", "transaction_id"))
        if self.has_passed(item.deadline, deadline):
            return refusal(Refused("DEADLINE_EXCEEDED"))
        if home != self.partition_of(item.home()):
            field = "to_account" if item.kind == "deposit" else "from_account"
            return refusal(Refused("WRONG_PARTITION", field))
        try:
            answer = self.post(item)
        except Refused as refused:
            answer = refusal(refused)
        self.ids[home][item.id] = Record("single", item.payload(), answer, item)
        return answer

    def is_crossing(self, item):
        return item.kind == "transfer" and self.partition_of(item.source) != self.partition_of(item.target)

    def post(self, item):
        """One item by itself: moves money, or raises."""
        if self.is_crossing(item):
            first_fault(self.debit_faults(item))
            fault = next(filter(None, self.credit_faults(item)), None)
            if fault:
                source = self.accounts[item.source]
                source.note("sent", item.id, item.amount, "out", item.target, item.memo, item.reference)
                source.note("returned", item.id, item.amount, "in", item.target, item.memo,
                            item.reference)
                raise fault
        else:
            first_fault(self.local_faults(item))
        return self.move(item)

    def debit_faults(self, item, promised=0):
        """The faults of the paying side by precedence; None where there is none."""
        if item.source is None:
            return [None] * 6
        return side_faults(self.accounts.get(item.source), item.currency, "from_account",
                           lambda account: item.amount > account.balance - account.minimum - promised,
                           "INSUFFICIENT_FUNDS")

    def credit_faults(self, item, promised=0):
        if item.target is None:
            return [None] * 6
        return side_faults(self.accounts.get(item.target), item.currency, "to_account",
                           lambda account: account.ceiling is not None and
                           account.balance + promised + item.amount > account.ceiling,
                           "CEILING_EXCEEDED")

    def local_faults(self, item, paid=0, received=0):
        """The paying side whole, then the receiving side."""
        return self.debit_faults(item, paid) + self.credit_faults(item, received)

    def move(self, item):
        """Both sides; the row."""
        crossing = self.is_crossing(item)
        from_balance = to_balance = None
        house = "house"
        if item.source is not None:
            source = self.accounts[item.source]
            kind = "sent" if crossing else "withdrawal" if item.kind == "withdraw" else "transfer"
            source.note(kind, item.id, item.amount, "out", item.target or house, item.memo, item.reference)
            from_balance = source.balance
        if item.target is not None:
            target = self.accounts[item.target]
            kind = "received" if crossing else "deposit" if item.kind == "deposit" else "transfer"
            target.note(kind, item.id, item.amount, "in", item.source or house, item.memo, item.reference)
            to_balance = target.balance
        sign = {"deposit": 1, "withdraw": -1, "transfer": 0}[item.kind]
        self.cash[item.currency] = self.cash.get(item.currency, 0) + sign * item.amount
        return ("OK", None, from_balance, to_balance, None)

    # --- groups -----------------------------------------------------------------------------------------

    def group_row(self, group, partition, deadline, actual):
        if not group.items:
            return refusal(group.fault)
        if group.fault:
            blamed = None
            if group.id is not None:
                blamed = next(index for index, item in enumerate(group.items) if item.fault)
            return group_refusal(group, group.fault, blamed)
        home = self.partition_of(group.home()) if partition is None else partition
        known = self.ids[home].get(group.id)
        if known:
            if known.kind == "group" and known.payload == group.payload():
                return known.answer
            return group_refusal(group, Refused("CONFLICT", "transaction_id"), None)
        for index, item in enumerate(group.items):
            if self.has_passed(item.deadline, deadline):
                return group_refusal(group, Refused("DEADLINE_EXCEEDED"), index)
        if home != self.partition_of(group.home()):
            field = "to_account" if group.items[0].kind == "deposit" else "from_account"
            return group_refusal(group, Refused("WRONG_PARTITION", field), 0)
        conflict = self.first_conflict(group, home)
        if conflict:
            return group_refusal(group, *conflict)
        answer = self.decide_group(group, home, actual)
        self.ids[home][group.id] = Record("group", group.payload(), answer)
        return answer

    def first_conflict(self, group, partition):
        """The first item whose id this partition knows, or that is used twice in the group."""
        seen = {group.id}
        for index, item in enumerate(group.items):
            if item.id in self.ids[partition] or item.id in seen:
                return Refused("CONFLICT", "transaction_id"), index
            seen.add(item.id)
        return None

    def decide_group(self, group, home, actual):
        others = sorted({self.partition_of(name) for item in group.items
                         for name in (item.source, item.target) if name is not None} - {home})
        refusals = self.group_faults(group, home)
        if refusals is None:
            voices = [fault for fault in (self.group_faults(group, other) for other in others) if fault]
            answers = [group_refusal(group, fault, index) for fault, index in voices]
        else:
            answers = [group_refusal(group, *refusals)]
        if answers:
            return next((answer for answer in answers if as_row(answer) == actual), answers[0])
        rows = [self.move(item) for item in group.items]
        for item, row in zip(group.items, rows):
            owner = self.partition_of(item.home())
            self.ids[owner][item.id] = Record("member", None, row, item)
            self.ids[home].setdefault(item.id, Record("member", None, row, item))
        return ("OK", None, None, None, rows)

    def group_faults(self, group, partition):
        """What this partition finds wrong with its sides, in the order of items: (fault, index) or None.
        What a group pays and receives is counted apart: money that arrives cannot be spent in it."""
        conflict = self.first_conflict(group, partition)
        if conflict:
            return conflict
        paid, received = {}, {}
        for index, item in enumerate(group.items):
            pays = item.source is not None and self.partition_of(item.source) == partition
            receives = item.target is not None and self.partition_of(item.target) == partition
            before = paid.get(item.source, 0), received.get(item.target, 0)
            if pays and receives:
                faults = self.local_faults(item, *before)
            elif pays:
                faults = self.debit_faults(item, before[0])
            elif receives:
                faults = self.credit_faults(item, before[1])
            else:
                continue
            fault = next(filter(None, faults), None)
            if fault:
                return fault, index
            if pays:
                paid[item.source] = before[0] + item.amount
            if receives:
                received[item.target] = before[1] + item.amount
        return None


def side_faults(account, currency, field, is_beyond, beyond_code):
    """In the order in which they are tested; a fault that needs an account has none without."""
    if account is None:
        return [Refused("ACCOUNT_NOT_FOUND", field)] + [None] * 5
    beyond = Refused(beyond_code, field) if is_beyond(account) else None
    return [None,
            Refused("CURRENCY_MISMATCH", field) if account.currency != currency else None,
            Refused("ACCOUNT_CLOSED", field) if account.state == "CLOSED" else None,
            Refused("ACCOUNT_FROZEN", field) if account.state == "FROZEN" else None,
            beyond if beyond_code == "INSUFFICIENT_FUNDS" else None,
            beyond if beyond_code == "CEILING_EXCEEDED" else None]


def first_fault(faults):
    for fault in faults:
        if fault:
            raise fault


def refusal(refused):
    return (refused.code, refused.field, None, None, None)


def group_refusal(group, refused, blamed):
    rows = [refusal(refused if index == blamed else Refused("GROUP_REFUSED"))
            for index in range(len(group.items))]
    return (refused.code, refused.field, None, None, rows)


def as_row(answer):
    """The row as it stands in a batch's reply."""
    code, field, from_balance, to_balance, rows = answer
    if rows is not None:
        return [code, field, [as_row(row) for row in rows]]
    return ["OK", from_balance, to_balance] if code == "OK" else [code, field]


# --- operations -----------------------------------------------------------------------------------------

def single(name):
    @operation(name)
    def run(wallet, body, partition, deadline, _actual):
        if not isinstance(body, (dict, list, tuple)):
            raise Refused("BAD_REQUEST", "body")
        item = decode.item(body, implied=name)
        code, field, from_balance, to_balance, _ = wallet.row(item, partition, deadline, None)
        reply = {"transaction_id": item.id, "status": "success" if code == "OK" else "failed",
                 "code": code, "field": field, "from_balance": from_balance, "to_balance": to_balance}
        return code, {key: value for key, value in reply.items()
                      if value is not None or key == "transaction_id"}
    return run


for money_operation in ("transfer", "deposit", "withdraw"):
    single(money_operation)


@operation("batch")
def batch(wallet, body, partition, deadline, actual):
    if not isinstance(body, (list, tuple)):
        raise Refused("BAD_REQUEST", "body")
    items = [decode.item(value) for value in body]
    if sum(1 + len(item.items or ()) for item in items) > decode.BATCH_MAX:
        raise Refused("TOO_LARGE", "items")
    if not items:
        raise invalid("items")
    rows = []
    for index, item in enumerate(items):
        seen = actual[index] if isinstance(actual, list) and index < len(actual) else None
        rows.append(as_row(wallet.row(item, partition, deadline, seen)))
    return "OK", rows


ACCOUNT_KEYS = ("account", "owner", "currency", "product", "minimum_balance", "ceiling",
                "transaction_id", "memo")
BODY_KEYS = ACCOUNT_KEYS + ("limit", "cursor", "before", "after", "at")


def account_body(body, allowed):
    if not isinstance(body, dict):
        raise Refused("BAD_REQUEST", "body")
    decode.check_keys(body, allowed, BODY_KEYS)
    return body


def check_owner(wallet, partition, account):
    if partition is not None and partition != wallet.partition_of(account):
        raise Refused("WRONG_PARTITION", "account")


@operation("account.open")
def account_open(wallet, body, partition, _deadline, actual):
    body = account_body(body, ACCOUNT_KEYS)
    name = body.get("account")
    if name is not None:
        decode.own_account_id(name, "account")
    owner = decode.clean_text(body.get("owner"), "owner", 64, required=True)
    decode.currency_form(body.get("currency"))
    product = decode.product(body.get("product"))
    minimum = body.get("minimum_balance")
    minimum = 0 if minimum is None else decode.minimum_balance(minimum)
    ceiling = decode.ceiling(body.get("ceiling"))
    if ceiling is not None and ceiling < minimum:
        raise invalid("ceiling")
    transaction = body.get("transaction_id")
    transaction = None if transaction is None else decode.transaction_id(transaction)
    memo = decode.clean_text(body.get("memo"), "memo", 140)
    currency = decode.known_currency(body.get("currency"))
    attributes = (owner, currency, product, minimum, ceiling)
    if name is not None:
        check_owner(wallet, partition, name)
    return "OK", open_account(wallet, name, attributes, transaction, memo, partition, actual)


def open_account(wallet, name, attributes, transaction, memo, partition, actual):
    known = find_open(wallet, name, transaction, partition, actual)
    if known:
        if known.kind != "open" or known.payload != attributes or name not in (None, known.answer[1]):
            raise Refused("CONFLICT", "transaction_id")
        return wallet.accounts[known.answer[1]].view()
    if name in wallet.accounts:
        account = wallet.accounts[name]
        if account.attributes() != attributes or account.state == "CLOSED":
            raise Refused("ACCOUNT_EXISTS", "account")
        return account.view()
    if name is None:
        name = actual.get("account") if isinstance(actual, dict) else None
        decode.own_account_id(name, "assigned account")
        assert name not in wallet.accounts, f"{name} was assigned twice"
    wallet.accounts[name] = account = Account(name, *attributes)
    account.note("opened", transaction, memo=memo)
    if transaction is not None:
        wallet.ids[wallet.partition_of(name)][transaction] = Record("open", attributes, ("OK", name))
    return account.view()


def find_open(wallet, name, transaction, partition, actual):
    """Where the id of an account that teller names is kept is teller's to choose, unless the header says it."""
    if transaction is None:
        return None
    if name is not None or partition is not None:
        home = partition if name is None else wallet.partition_of(name)
        return wallet.ids[home].get(transaction)
    found = [ids[transaction] for ids in wallet.ids if transaction in ids]
    assigned = actual.get("account") if isinstance(actual, dict) else None
    return next((record for record in found if record.kind == "open" and record.answer[1] == assigned), None)


def existing(wallet, body, partition, is_reading=False):
    check = decode.account_id if is_reading else decode.own_account_id
    name = check(body.get("account"), "account")
    check_owner(wallet, partition, name)
    if name not in wallet.accounts:
        raise Refused("ACCOUNT_NOT_FOUND", "account")
    return wallet.accounts[name]


@operation("account.change")
def account_change(wallet, body, partition, _deadline, _actual):
    body = account_body(body, ("account", "owner", "product", "minimum_balance", "ceiling", "memo"))
    decode.own_account_id(body.get("account"), "account")
    owner, minimum = body.get("owner"), body.get("minimum_balance")
    owner = None if owner is None else decode.clean_text(owner, "owner", 64, required=True)
    product = decode.product(body.get("product"))
    minimum = None if minimum is None else decode.minimum_balance(minimum)
    ceiling = decode.ceiling(body.get("ceiling"))
    if minimum is not None and ceiling is not None and ceiling < minimum:
        raise invalid("ceiling")
    memo = decode.clean_text(body.get("memo"), "memo", 140)
    account = existing(wallet, body, partition)
    if account.state == "CLOSED":
        raise Refused("ACCOUNT_CLOSED", "account")
    change = {"owner": account.owner if owner is None else owner,
              "product": account.product if body.get("product") is None else product,
              "minimum": account.minimum if minimum is None else minimum,
              "ceiling": ceiling if "ceiling" in body else account.ceiling}
    if change["ceiling"] is not None and change["ceiling"] < change["minimum"]:
        raise invalid("ceiling" if "ceiling" in body else "minimum_balance")
    before = account.attributes()
    for key, value in change.items():
        setattr(account, key, value)
    if account.attributes() != before:
        account.note("changed", memo=memo)
    return "OK", account.view()


def turning(name, wanted, kind):
    @operation(name)
    def run(wallet, body, partition, _deadline, _actual):
        body = account_body(body, ("account", "memo"))
        decode.own_account_id(body.get("account"), "account")
        memo = decode.clean_text(body.get("memo"), "memo", 140)
        account = existing(wallet, body, partition)
        if account.state == wanted:
            return "OK", account.view()
        if account.state == "CLOSED":
            raise Refused("ACCOUNT_CLOSED", "account")
        if wanted == "CLOSED" and account.balance != 0:
            raise Refused("NOT_EMPTY", "account")
        account.state = wanted
        account.note(kind, memo=memo)
        return "OK", account.view()
    return run


turning("account.freeze", "FROZEN", "frozen")
turning("account.unfreeze", "ACTIVE", "unfrozen")
turning("account.close", "CLOSED", "closed")


@operation("account.show")
def account_show(wallet, body, partition, _deadline, _actual):
    return "OK", existing(wallet, account_body(body, ("account",)), partition, is_reading=True).view()


@operation("balance")
def balance(wallet, body, partition, _deadline, _actual):
    view = existing(wallet, account_body(body, ("account",)), partition, is_reading=True).view()
    return "OK", {key: view[key] for key in ("account", "currency", "balance", "pending", "available")}


@operation("history")
def history(wallet, body, partition, _deadline, _actual):
    body = account_body(body, ("account", "limit"))
    limit = body.get("limit")
    name = decode.account_id(body.get("account"), "account")
    limit = 20 if limit is None else decode.integer(limit, "limit", 1, 1000)
    account = existing(wallet, {"account": name}, partition, is_reading=True)
    return "OK", {"entries": account.entries[::-1][:limit]}


@operation("transfer.show")
def transfer_show(wallet, body, _partition, _deadline, actual):
    transaction = decode.transaction_id(account_body(body, ("transaction_id",)).get("transaction_id"))
    records = [ids[transaction] for ids in wallet.ids if transaction in ids and ids[transaction].kind != "open"]
    if not records:
        raise Refused("NOT_FOUND", "transaction_id")
    answers = [record.shown(transaction) for record in records]
    return "OK", next((answer for answer in answers if agrees(answer, actual)), answers[0])


def agrees(expected, actual):
    """transfer.show may leave out what it does not keep, never say something else."""
    return isinstance(actual, dict) and all(actual.get(key) == value for key, value in expected.items())
