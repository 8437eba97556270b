"""The test's side of knob.h: a number in a file that a running program has mapped.

    with Knob(scratch / "clock", 0) as clock:
        clock.set(-3_600_000_000)
"""
import mmap
import struct
from pathlib import Path

NUMBER = struct.Struct("=q")


class Knob:
    def __init__(self, path, value):
        self.path = Path(path)
        self.path.write_bytes(NUMBER.pack(value))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), NUMBER.size)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.map.close()

    def set(self, value):
        self.map[:] = NUMBER.pack(value)

    def get(self):
        return NUMBER.unpack(self.map[:])[0]
