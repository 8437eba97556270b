"""Random commands of every kind, from a seed: mostly sensible ones that come close to limits, now and then
bad values, repeats of earlier ids, conflicts and groups.
"""
import random

from client import new_id, partition_of

CURRENCIES = ("USD", "USD", "USD", "KRW", "KWD")
BAD_IDS = (None, b"", b"short", bytes(16), "x" * 36, 5, 1.5, "0" * 16, [])
BAD_ACCOUNTS = (None, "", "a b", "é", "x" * 35, 5, b"a1", "house:cash:USD:0", "transit:USD:0", [], True)
BAD_AMOUNTS = (None, 0, -1, 10**17 + 1, 2**63, 2**64 - 1, -2**63, "0", "0.00", "-1", "1.", ".5", "1e3", " 1", "",
               "1.2345", "1000000000000000000", 1.0, True, [])
BAD_CURRENCIES = (None, "", "usd", "US", "USDX", 840, b"\xff\xfe\xfd", [])
BAD_MEMOS = ("x" * 141, "é" * 71, "a\nb", "a\x7fb", "\u202eabc", "a\u2028b", "\x00", 5, [], 1.5)
BAD_DEADLINES = (-1, 2**64 - 1, "x", 1.5, [])
UNKNOWN_KEYS = ("zzz", "amounts", "", "Kind")
PAST_MS, FUTURE_MS = 1_600_000_000_000, 4_000_000_000_000
MONEY = {"transfer": 1, "deposit": 2, "withdraw": 3}
ITEM_BAD = {1: BAD_IDS, 2: BAD_ACCOUNTS, 3: BAD_ACCOUNTS, 4: BAD_AMOUNTS, 5: BAD_CURRENCIES, 6: BAD_MEMOS,
            7: BAD_MEMOS, 8: BAD_DEADLINES}
KEYS = ("kind", "transaction_id", "from_account", "to_account", "amount", "currency", "memo", "reference",
        "deadline")


class Commands:
    def __init__(self, seed, partitions, account_count=24):
        self.random = random.Random(seed)
        self.partitions = partitions
        self.account_count = account_count
        self.currency = {}
        self.sent = []    # items as lists, to repeat
        self.groups = []
        self.opened = []  # bodies of account.open with an id
        self.ids = []

    # --- small choices ----------------------------------------------------------------------------------

    def chance(self, percent):
        return self.random.random() * 100 < percent

    def account(self):
        name = f"w{self.random.randrange(self.account_count)}"
        if name not in self.currency:
            self.currency[name] = self.random.choice(CURRENCIES)
        return name

    def fresh_id(self):
        transaction = new_id(self.random)
        self.ids.append(transaction)
        return transaction

    def id(self):
        """Rarely one that some other command has used."""
        if self.ids and self.chance(2):
            return self.random.choice(self.ids[-200:])
        return self.fresh_id()

    def amount(self):
        kind = self.random.randrange(20)
        if kind == 0:
            return f"{self.random.randrange(3)}.{self.random.randrange(100):02d}"
        if kind == 1:
            return str(self.random.randrange(1, 900))
        return self.random.choice((1, 5, 10, 50, 100, 300, 700, self.random.randrange(1, 1000)))

    # --- money ------------------------------------------------------------------------------------------

    def item(self):
        """An item as an array of all nine values."""
        if self.sent and self.chance(6):
            item = list(self.random.choice(self.sent[-300:]))
            if self.chance(30):  # a conflict
                item[4] = self.random.randrange(1, 100)
            return item
        kind = self.random.choice(("transfer",) * 6 + ("deposit", "deposit", "withdraw"))
        source = self.account() if kind != "deposit" else None
        target = self.account() if kind != "withdraw" else None
        if self.chance(2):
            source = target = self.account()
        elif kind == "transfer" and self.chance(80):
            for _ in range(8):  # the same currency, mostly
                if self.currency[source] == self.currency[target] and source != target:
                    break
                target = self.account()
        if self.chance(2):
            source = "nobody" if source else None
        if self.chance(2):
            target = "nowhere" if target else None
        currency = self.currency.get(source) or self.currency.get(target) or "USD"
        if self.chance(2):
            currency = self.random.choice(("EUR", "KRW", "USX", "ZZZ"))
        item = [kind, self.id(), source, target, self.amount(), currency,
                self.random.choice((None, None, None, "lunch", "", "점심 값")),
                self.random.choice((None, None, None, "inv-7", "")),
                self.random.choice((None,) * 12 + (FUTURE_MS, FUTURE_MS, PAST_MS))]
        if self.chance(5):
            position = self.random.choice(list(ITEM_BAD))
            item[position] = self.random.choice(ITEM_BAD[position])
        else:
            self.sent.append(list(item))
        return item

    def dressed(self, item, kind_needed=True):
        """The same item in one of the forms that the protocol allows."""
        item = list(item)
        if self.chance(50):
            item[0] = MONEY[item[0]]
        if isinstance(item[1], bytes) and len(item[1]) == 16 and self.chance(15):
            text = item[1].hex()
            item[1] = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
            if self.chance(50):
                item[1] = item[1].upper().encode()
        if self.chance(35):
            shaped = {key: value for key, value in zip(KEYS, item) if value is not None or self.chance(20)}
            if not kind_needed and self.chance(70):
                shaped.pop("kind", None)
            if self.chance(2):
                shaped[self.random.choice(UNKNOWN_KEYS)] = self.random.choice((1, None))
            if self.chance(1):
                shaped["items"] = []
            return shaped
        if not kind_needed and self.chance(40):
            item[0] = None
        while item and item[-1] is None and self.chance(90):
            item.pop()
        if self.chance(1):
            item = (item + [None] * 9)[:9] + [None]
        return item

    def bad_item(self):
        return self.random.choice((5, None, "x", [], {}, {"kind": "groups"}, [9], [True], [1.0], [4], {"kind": "group"},
                                   {"kind": "group", "memo": "x"}, {"zzz": 1}, [4, b"x" * 16, []], [4, b"x" * 16, 5]))

    def group(self):
        if self.groups and self.chance(12):
            group = self.random.choice(self.groups[-60:])
            return [group[0], list(group[1])] if self.chance(70) else [group[0], list(group[1])[:1]]
        items = [self.item() for _ in range(self.random.choice((1, 2, 2, 3, 3, 4, 6)))]
        for item in items:  # small ones, so that some groups go through
            if self.chance(85) and isinstance(item[4], int):
                item[4] = self.random.choice((1, 2, 3, item[4]))
            if self.chance(92):
                item[1] = self.fresh_id()
        group = [self.id(), items]
        self.groups.append(group)
        return group

    def dressed_group(self, group):
        transaction = group[0] if not self.chance(2) else self.random.choice(BAD_IDS)
        items = [self.dressed(item) for item in group[1]]
        if self.chance(2):
            items[self.random.randrange(len(items))] = self.bad_item()
        if self.chance(30):
            return {"kind": self.random.choice(("group", 4)), "transaction_id": transaction, "items": items}
        return [self.random.choice(("group", 4)), transaction, items]

    def batch(self):
        """Rows of one partition are carried out in their order; those of several at the same time. So that one
        outcome is right, a row of several partitions shares no account and no id with another row."""
        rows, used, closed = [], set(), set()
        for _ in range(self.random.choice((1, 2, 5, 10, 30))):
            kind = self.random.randrange(100)
            if kind < 3:
                rows.append(self.bad_item())
                continue
            group = self.group() if kind < 23 else None
            items = group[1] if group else [self.item()]
            touched = {value for item in items for value in item[1:4] if isinstance(value, (str, bytes))}
            touched |= {group[0]} if group else set()
            homes = {partition_of(value, self.partitions) for item in items for value in item[2:4]
                     if isinstance(value, str) and not value.startswith(("house:", "transit:"))}
            if touched & closed or (len(homes) > 1 and touched & used):
                continue
            used |= touched
            closed |= touched if len(homes) > 1 else set()
            rows.append(self.dressed_group(group) if group else self.dressed(items[0]))
        return rows

    # --- accounts ---------------------------------------------------------------------------------------

    def open(self):
        if self.opened and self.chance(15):
            return dict(self.random.choice(self.opened[-30:]))
        name = self.account()
        body = {"account": name, "owner": self.random.choice(("ann", "bob", "zoë")),
                "currency": self.currency[name]}
        if self.chance(6):
            body["account"] = None
        if self.chance(25):
            body["minimum_balance"] = self.random.choice((-500, -100, 0, 50))
        if self.chance(25):
            body["ceiling"] = self.random.choice((200, 1000, 5000, None))
        if self.chance(20):
            body["product"] = self.random.choice(("basic", "", None))
        if self.chance(20):
            body["memo"] = self.random.choice(("hello", ""))
        if self.chance(30):
            body["transaction_id"] = self.fresh_id()
            self.opened.append(dict(body))
        return self.spoiled(body, currency=BAD_CURRENCIES + ("USX",), owner=("", "x" * 65, 5, "a\tb"),
                            account=BAD_ACCOUNTS[1:], minimum_balance=("5", 10**17 + 1, -10**17 - 1, 1.5),
                            ceiling=(-1, "5", 2**63, -10**18), transaction_id=BAD_IDS[1:],
                            product=("x" * 17, "a b", 5), memo=BAD_MEMOS)

    def spoiled(self, body, **bad):
        if self.chance(8):
            key = self.random.choice(list(bad))
            body[key] = self.random.choice(bad[key])
        if self.chance(1):
            body[self.random.choice(UNKNOWN_KEYS)] = 1
        return body

    def change(self):
        body = {"account": self.account()}
        for key, values in (("owner", ("ann", "bob", None)), ("product", ("basic", "gold", "", None)),
                            ("minimum_balance", (-500, -50, 0, 100, None)),
                            ("ceiling", (0, 300, 3000, None)), ("memo", ("why", None))):
            if self.chance(35):
                body[key] = self.random.choice(values)
        return self.spoiled(body, account=BAD_ACCOUNTS + ("nobody",), owner=("", 5), ceiling=(-1, 1.5),
                            minimum_balance=("x", 2**64 - 1), product=("a b",), memo=BAD_MEMOS)

    def turn(self):
        body = {"account": self.account()}
        if self.chance(30):
            body["memo"] = self.random.choice(("audit", ""))
        return self.spoiled(body, account=BAD_ACCOUNTS + ("nobody",), memo=BAD_MEMOS)

    def read(self):
        return self.spoiled({"account": self.account()}, account=BAD_ACCOUNTS[:7] + ("nobody",))

    def show_transfer(self):
        transaction = self.random.choice(self.ids) if self.ids and self.chance(90) else self.fresh_id()
        return {"transaction_id": transaction if self.chance(97) else self.random.choice(BAD_IDS)}

    # --- one command ------------------------------------------------------------------------------------

    def next(self):
        """(operation, body, partition, deadline)"""
        kind = self.random.randrange(100)
        partition = deadline = None
        if kind < 34:
            item = self.item()
            operation, body = item[0], self.dressed(item, kind_needed=False)
            if self.chance(2):
                body = self.bad_item()
        elif kind < 62:
            operation, body = "batch", self.batch()
            if self.chance(2):
                body = self.random.choice(([], {}, None, 5, "x"))
        elif kind < 72:
            operation, body = "account.open", self.open()
        elif kind < 77:
            operation, body = "account.change", self.change()
        elif kind < 81:
            operation = self.random.choice(("account.freeze",) + ("account.unfreeze",) * 3 + ("account.close",))
            body = self.turn()
        elif kind < 86:
            operation, body = self.random.choice(("account.show", "balance")), self.read()
        elif kind < 91:
            operation, body = "history", {**self.read(), "limit": self.random.choice((None, 1, 7, 1000, 0, 1001, "x"))}
        elif kind < 99:
            operation, body = "transfer.show", self.show_transfer()
        else:
            operation, body = self.random.choice(("", "nope", "account", "Transfer")), {}
        if self.chance(12) and operation not in ("transfer.show", ""):
            partition = self.random.randrange(self.partitions + (1 if self.chance(20) else 0))
        if self.chance(3) and operation in ("transfer", "deposit", "withdraw", "batch"):
            deadline = self.random.choice((PAST_MS, FUTURE_MS))
        return operation, body, partition, deadline
