#!/usr/bin/env python3
"""Every call with which the store or LMDB reaches a disk is led through the simulator's disk.

  symbols.py NM WRAPPED LIBRARY...    WRAPPED: the names given to the linker's --wrap, with commas

A call under another name (a fortified or 64-bit variant, or a new one) would miss the model in silence.
"""
import re
import subprocess
import sys

DISK_CALL = re.compile(
    r"^_*(open(at)?|creat|f?dopen|fopen|fread|fwrite|p?readv?|p?writev?|p(read|write)v2|fsync|fdatasync|sync|syncfs|"
    r"sync_file_range|f?truncate|(posix_)?fallocate|rename(at2?)?|unlink(at)?|link(at)?|symlink(at)?|rmdir|mkdir(at)?|"
    r"remove|copy_file_range|sendfile|splice|f?statv?fs|dup[23]?)(64)?(_2|_chk)?$")
HARMLESS = {"fstatfs"}  # LMDB asks for the kind of file system


def missing_in(symbols, wrapped):
    return sorted({s for s in symbols if DISK_CALL.match(s)} - wrapped - HARMLESS)


def undefined_in(nm, library):
    out = subprocess.run([nm, "-u", library], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines() if " U " in line}


def main():
    nm, wrapped, libraries = sys.argv[1], set(sys.argv[2].split(",")), sys.argv[3:]
    if missing_in({"open64", "memcpy", "__pwrite_chk", "pwrite"}, {"pwrite"}) != ["__pwrite_chk", "open64"]:
        sys.exit("the test itself is wrong")
    symbols = set().union(*(undefined_in(nm, library) for library in libraries))
    if "pwrite" not in symbols:
        sys.exit("LMDB does not seem to write: is that its library?")
    missing = missing_in(symbols, wrapped)
    if missing:
        sys.exit("not led through the simulator's disk: " + ", ".join(missing))


main()
