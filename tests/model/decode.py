"""What docs/WIRE.md says of values, written from its text alone: each function takes a value as a client
sends it and returns what it means, or raises Refused(code, field).

It knows nothing of bytes: what is cut short or not msgpack is for tests/integration/wire_abuse.py.
"""
import re
import uuid
from decimal import Decimal

AMOUNT_MAX = 10**17
INT64_MAX = 2**63 - 1
BATCH_MAX = 16384
GROUP_MAX = 64
EXPONENTS = {"USD": 2, "KRW": 0, "KWD": 3, "CZK": 2, "EUR": 2}

ITEM_KEYS = ("kind", "transaction_id", "from_account", "to_account", "amount", "currency", "memo",
             "reference", "deadline", "rate")
GROUP_KEYS = ("kind", "transaction_id", "items")
KINDS = {"transfer": "transfer", 1: "transfer", "deposit": "deposit", 2: "deposit",
         "withdraw": "withdraw", 3: "withdraw", "group": "group", 4: "group"}
UNCLEAN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u061c\u2028-\u202e\u2066-\u2069]")


class Refused(Exception):
    def __init__(self, code, field=None):
        super().__init__(code, field)
        self.code, self.field = code, field


def invalid(field):
    return Refused("INVALID_FIELD", field)


def is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


def account_id(value, field):
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9\-_.:@/]{1,34}", value):
        raise invalid(field)
    return value


def own_account_id(value, field):
    """An account id that a command may name."""
    if account_id(value, field).startswith(("house:", "transit:")):
        raise invalid(field)
    return value


def transaction_id(value):
    try:
        if isinstance(value, (str, bytes)) and len(value) == 36:
            text = value if isinstance(value, str) else value.decode("ascii")
            if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
                raise invalid("transaction_id")
            value = uuid.UUID(text).bytes
        elif isinstance(value, str):
            value = value.encode()
    except UnicodeDecodeError:
        raise invalid("transaction_id") from None
    if not isinstance(value, bytes) or len(value) != 16 or value == bytes(16):
        raise invalid("transaction_id")
    return value


def clean_text(value, field, longest, required=False):
    """None for an empty one."""
    if value is None and not required:
        return None
    if not isinstance(value, str) or len(value.encode()) > longest or UNCLEAN.search(value):
        raise invalid(field)
    if required and not value:
        raise invalid(field)
    return value or None


def product(value):
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9\-_.:@/]{1,16}", value):
        raise invalid("product")
    return value


def currency_form(value):
    if not isinstance(value, str) or not re.fullmatch("[A-Z]{3}", value):
        raise invalid("currency")
    return value


def known_currency(value):
    if value not in EXPONENTS:
        raise Refused("UNKNOWN_CURRENCY", "currency")
    return value


def amount_form(value):
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
            raise invalid("amount")
    elif not is_int(value) or not 1 <= value <= AMOUNT_MAX:
        raise invalid("amount")


def amount_minor(value, currency):
    """Of a value whose form is right."""
    if isinstance(value, str):
        whole = Decimal(value).scaleb(EXPONENTS[currency])
        decimals = len(value.partition(".")[2])
        if decimals > EXPONENTS[currency] or not 1 <= whole <= AMOUNT_MAX:
            raise invalid("amount")
        return int(whole)
    return value


def integer(value, field, lowest, highest):
    if not is_int(value) or not lowest <= value <= highest:
        raise invalid(field)
    return value


def minimum_balance(value):
    return integer(value, "minimum_balance", -AMOUNT_MAX, AMOUNT_MAX)


def ceiling(value):
    return None if value is None else integer(value, "ceiling", 0, INT64_MAX)


def deadline(value):
    """Milliseconds; None where there is none."""
    return None if value is None else integer(value, "deadline", 0, INT64_MAX // 1000)


def check_keys(body, allowed, known):
    """body is a map. Keys that are not allowed, where they are not nil, are BAD_REQUEST."""
    for key, value in body.items():
        if key not in known:
            raise Refused("BAD_REQUEST", None)
        if key not in allowed and value is not None:
            raise Refused("BAD_REQUEST", key)


class Item:
    """A money item by its values; `fault` is what is wrong with it, or None."""
    def __init__(self):
        self.kind = self.id = self.source = self.target = self.amount = self.currency = None
        self.memo = self.reference = self.deadline = self.fault = self.items = None

    def payload(self):
        if self.kind == "group":
            return ("group", tuple((item.id, item.payload()) for item in self.items))
        return (self.kind, self.source, self.target, self.amount, self.currency, self.memo, self.reference)

    def home(self):
        """The account whose partition it belongs to."""
        if self.kind == "group":
            return self.items[0].home()
        return self.target if self.kind == "deposit" else self.source


def values_by_key(value, keys):
    if isinstance(value, (list, tuple)):
        return dict(zip(keys, value))
    return value


def kind_of(value, implied):
    given = value[0] if isinstance(value, (list, tuple)) and value else None
    if isinstance(value, dict):
        given = value.get("kind")
    if given is None and implied:
        return implied
    return KINDS.get(given) if isinstance(given, str) or is_int(given) else None


def item(value, implied=None, in_group=False):
    """implied: the operation of a single."""
    found = Item()
    try:
        if not isinstance(value, (dict, list, tuple)):
            raise Refused("BAD_REQUEST", None)
        found.kind = kind_of(value, implied)
        read_item(found, value, in_group or implied is not None, implied)
    except Refused as fault:
        found.fault = fault
    return found


def read_item(found, value, must_be_money, implied):
    is_group = found.kind == "group"
    keys = GROUP_KEYS if is_group else ITEM_KEYS
    values = values_by_key(value, keys)
    try:
        found.id = transaction_id(values.get("transaction_id"))
    except Refused:
        found.id = None
    if not isinstance(value, dict):
        if len(value) > len(keys):
            raise Refused("BAD_REQUEST", None)
    else:
        check_keys(value, keys if found.kind else ITEM_KEYS + GROUP_KEYS, ITEM_KEYS + GROUP_KEYS)
    if found.kind is None or (must_be_money and is_group) or implied not in (None, found.kind):
        raise invalid("kind")
    if is_group:
        read_group(found, values)
    else:
        read_money(found, values)


def read_group(found, values):
    items = values.get("items")
    count = len(items) if isinstance(items, (list, tuple)) else 0
    if count > GROUP_MAX:
        raise Refused("TOO_LARGE", "items")
    if count:
        found.items = [item(each, in_group=True) for each in items]
    transaction_id(values.get("transaction_id"))
    if not count:
        raise invalid("items")
    first = next((each for each in found.items if each.fault), None)
    if first:
        raise first.fault
    deadlines = [each.deadline for each in found.items if each.deadline is not None]
    found.deadline = min(deadlines, default=None)


def check_rate(value):
    """Accounts here keep no book value, so a rate changes nothing; the commands of this model give none that is sound."""
    if value is not None:
        raise invalid("rate")


def read_money(found, values):
    transaction_id(values.get("transaction_id"))
    source, target = values.get("from_account"), values.get("to_account")
    if found.kind == "deposit":
        if source is not None:
            raise invalid("from_account")
    else:
        found.source = own_account_id(source, "from_account")
    if found.kind == "withdraw":
        if target is not None:
            raise invalid("to_account")
    else:
        found.target = own_account_id(target, "to_account")
    amount_form(values.get("amount"))
    currency = currency_form(values.get("currency"))
    if currency in EXPONENTS:
        found.amount = amount_minor(values.get("amount"), currency)
    found.memo = clean_text(values.get("memo"), "memo", 140)
    found.reference = clean_text(values.get("reference"), "reference", 64)
    found.deadline = deadline(values.get("deadline"))
    check_rate(values.get("rate"))
    found.currency = known_currency(currency)
    if found.kind == "transfer" and found.source == found.target:
        raise Refused("SAME_ACCOUNT", "to_account")
