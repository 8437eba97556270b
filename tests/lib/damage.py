"""Damage to a file."""


def flip(path, at, bits=0x10):
    """Turns these bits of one byte."""
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ bits]))
