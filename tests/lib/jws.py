"""PS256 and JWS in plain Python, to judge what the product signs by other code than its own. Slow, and for tests only.

    key = RsaKey.make(seed=1)
    key.private_pem(), key.public_pem()
    payload = read_token(token, key)              # ValueError: not signed by that key
    detached = sign_detached(key, body, issuer="teller", key_id="1", issued_at_s=now)
"""
import base64
import hashlib
import json
import random

HASH = hashlib.sha256
HASH_BYTES = 32
EXPONENT = 65537
CLAIM = "http://openbanking.org.uk/"


# ---- numbers ----


def _is_prime(number, dice, rounds=24):
    """Miller and Rabin."""
    if any(number % small == 0 for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)):
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(rounds):
        power = pow(dice.randrange(2, number - 1), odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def _prime(bits, dice):
    while True:
        number = dice.getrandbits(bits) | 3 << (bits - 2) | 1
        if (number - 1) % EXPONENT != 0 and _is_prime(number, dice):
            return number


# ---- DER ----


def _der(tag, content):
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def _der_integer(number):
    return _der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _pem(name, der):
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN {name}-----\n{text}-----END {name}-----\n"


# ---- keys ----


def _mask(seed, length):
    blocks = (HASH(seed + number.to_bytes(4, "big")).digest() for number in range(-(-length // HASH_BYTES)))
    return b"".join(blocks)[:length]


def _xor(left, right):
    return bytes(a ^ b for a, b in zip(left, right))


class RsaKey:
    def __init__(self, p, q):
        self.p, self.q = p, q
        self.n = p * q
        self.d = pow(EXPONENT, -1, (p - 1) * (q - 1))
        self.dice = random.Random(p)

    @classmethod
    def make(cls, seed, bits=2048):
        dice = random.Random(seed)
        return cls(_prime(bits // 2, dice), _prime(bits // 2, dice))

    def private_pem(self):
        numbers = (0, self.n, EXPONENT, self.d, self.p, self.q, self.d % (self.p - 1), self.d % (self.q - 1),
                   pow(self.q, -1, self.p))
        return _pem("RSA PRIVATE KEY", _der(0x30, b"".join(map(_der_integer, numbers))))

    def public_pem(self):
        algorithm = _der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
        key = _der(0x30, _der_integer(self.n) + _der_integer(EXPONENT))
        return _pem("PUBLIC KEY", _der(0x30, algorithm + _der(3, b"\0" + key)))

    def size(self):
        return (self.n.bit_length() + 7) // 8

    def sign(self, data):
        """RSASSA-PSS (RFC 8017, 9.1.1) with a salt as long as the hash."""
        salt = self.dice.randbytes(HASH_BYTES)
        digest = HASH(bytes(8) + HASH(data).digest() + salt).digest()
        block = bytes(self.size() - 2 * HASH_BYTES - 2) + b"\1" + salt
        masked = bytearray(_xor(block, _mask(digest, len(block))))
        masked[0] &= 0x7f
        encoded = bytes(masked) + digest + b"\xbc"
        return pow(int.from_bytes(encoded, "big"), self.d, self.n).to_bytes(self.size(), "big")

    def is_signed(self, data, signature):
        if len(signature) != self.size() or int.from_bytes(signature, "big") >= self.n:
            return False
        encoded = pow(int.from_bytes(signature, "big"), EXPONENT, self.n).to_bytes(self.size(), "big")
        masked, digest = encoded[:-HASH_BYTES - 1], encoded[-HASH_BYTES - 1:-1]
        block = bytearray(_xor(masked, _mask(digest, len(masked))))
        block[0] &= 0x7f
        padding, salt = bytes(block[:-HASH_BYTES]), bytes(block[-HASH_BYTES:])
        return (encoded[-1] == 0xbc and masked[0] < 0x80 and padding == bytes(len(padding) - 1) + b"\1"
                and HASH(bytes(8) + HASH(data).digest() + salt).digest() == digest)


# ---- JWS ----


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def read_token(token, key):
    """The payload of a token; ValueError: it is not signed so by that key."""
    header, payload, signature = token.split(".")
    if json.loads(from_b64url(header))["alg"] != "PS256":
        raise ValueError("not PS256")
    if not key.is_signed(f"{header}.{payload}".encode(), from_b64url(signature)):
        raise ValueError("not signed by that key")
    return json.loads(from_b64url(payload))


def make_token(key, payload, key_id="1"):
    header = {"alg": "PS256", "kid": key_id, "typ": "JWT"}
    signed = ".".join(b64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, payload))
    return f"{signed}.{b64url(key.sign(signed.encode()))}"


def sign_detached(key, body, issuer, key_id, issued_at_s, trust_anchor="openbanking.org.uk"):
    """x-jws-signature of a body (bytes)."""
    names = [CLAIM + name for name in ("iat", "iss", "tan")]
    header = {"alg": "PS256", "kid": key_id, "typ": "JOSE", "cty": "application/json", "crit": names,
              names[0]: issued_at_s, names[1]: issuer, names[2]: trust_anchor}
    head = b64url(json.dumps(header, separators=(",", ":")).encode())
    return f"{head}..{b64url(key.sign(f'{head}.{b64url(body)}'.encode()))}"


def read_detached(text, body, key):
    """The header of a detached signature; ValueError: the body is not signed so by that key."""
    head, payload, signature = text.split(".")
    if payload or not key.is_signed(f"{head}.{b64url(body)}".encode(), from_b64url(signature)):
        raise ValueError("not signed by that key")
    return json.loads(from_b64url(head))
