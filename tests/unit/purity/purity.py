#!/usr/bin/env python3
"""The cores know no world: proves that a core library calls nothing outside a short list.

  purity.py NAME LIBRARY [LIBRARY...]
      Checks every symbol that the first library needs and neither it nor the others define. The others
      are cores it may build on; they are checked by their own run.
  purity.py --world NAME LIBRARY [LIBRARY...]
      The weaker promise: it may allocate and format, and calls nothing of the world (WORLD) all the same.
  purity.py --self-test COMPILER
      Proves the check itself: code that asks for the time, allocates or writes must be reported.

Sanitizers and coverage add calls of their own to every object; their names are let through by prefix.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# What any core may call: copies and comparisons of memory, which compilers also call unasked.
PURE = {"memcpy", "memmove", "memset", "memcmp", "strlen", "__stack_chk_fail"}

# The same, as spelled when fortified.
PURE |= {"__memcpy_chk", "__memmove_chk", "__memset_chk"}

# Bits counted by the compiler's own library, where the processor is not known to have an instruction for it.
PURE |= {"__popcountdi2"}

# Quotients of 128 bits, by the same.
PURE |= {"__udivti3", "__umodti3", "__udivmodti4"}

# What one library may call besides: a failed CHECK reports on standard error and aborts; the ledger writes and reads
# the numbers in names of accounts that it makes itself.
ALSO = {
    "ledger_core": {"snprintf", "__snprintf_chk", "strchr", "strtoull"},
    "base": {"strnlen", "abort", "fprintf", "__fprintf_chk", "stderr"},
}

# Time, chance, files, sockets, threads and processes: what makes two runs differ.
WORLD = set("""
    time gettimeofday clock clock_gettime localtime gmtime nanosleep clock_nanosleep usleep sleep
    rand random rand_r srand drand48 getrandom arc4random RAND_bytes getenv secure_getenv getpid
    open open64 openat fopen fopen64 read write pread pwrite mmap rename unlink stat fstat
    socket connect accept accept4 bind listen send sendto sendmsg recv recvfrom recvmsg poll ppoll select epoll_wait
    pthread_create pthread_mutex_lock fork execve system popen
""".split())

# Added by the build, not by us: linker names, sanitizers, coverage.
INSTRUMENTATION = re.compile(r"^(_GLOBAL_OFFSET_TABLE_|__tls_get_addr|__(asan|ubsan|tsan|sanitizer|sancov|gcov)_\w+"
                             r"|__start___sancov_\w+|__stop___sancov_\w+)$")


def symbols(library, defined):
    """The names a library defines for others, or the names it needs."""
    option = "--defined-only" if defined else "--undefined-only"
    output = subprocess.run(["nm", "-g", "-P", option, library], check=True, capture_output=True, text=True).stdout
    return {line.split()[0] for line in output.splitlines() if len(line.split()) > 1}


def needed_symbols(libraries):
    """What the first library needs, and none of them defines."""
    needed = symbols(libraries[0], defined=False)
    for library in libraries:
        needed -= symbols(library, defined=True)
    return needed


def worldly(libraries):
    """The names of the world that the first library needs."""
    return sorted(needed_symbols(libraries) & WORLD)


def impure(name, libraries):
    """The names that the first library needs, and may not."""
    needed = needed_symbols(libraries)
    allowed = PURE | ALSO.get(name, set())
    return sorted(symbol for symbol in needed - allowed if not INSTRUMENTATION.match(symbol))


SELF_TEST_CASES = [
    # (source, what must be reported)
    ("#include <string.h>\nvoid f(char *a, char *b, unsigned long n) { memcpy(a, b, n); }", []),
    ("#include <time.h>\ntime_t f(void) { return time(0); }", ["time"]),
    ("#include <stdlib.h>\nvoid *f(unsigned long n) { return malloc(n); }", ["malloc"]),
    ("#include <stdlib.h>\nint f(void) { return rand(); }", ["rand"]),
    ("#include <unistd.h>\nlong f(int d, char *b) { return write(d, b, 1); }", ["write"]),
    ("#include <errno.h>\nint f(void) { return errno; }", ["__errno_location"]),
]


def self_test(compiler):
    failures = 0
    with tempfile.TemporaryDirectory() as directory:
        for number, (source, expected) in enumerate(SELF_TEST_CASES):
            code = Path(directory, f"case{number}.c")
            object_file = Path(directory, f"case{number}.o")
            code.write_text(source + "\n", encoding="ascii")
            subprocess.run([compiler, "-O0", "-c", "-o", object_file, code], check=True)
            reported = impure("case", [object_file])
            is_world_seen = worldly([object_file]) == [symbol for symbol in expected if symbol in WORLD]
            if reported != expected or not is_world_seen:
                print(f"case {number}: reported {reported}, expected {expected}")
                failures += 1
    print(f"{len(SELF_TEST_CASES)} cases, {failures} failed")
    return failures


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--self-test":
        return 1 if self_test(arguments[1]) else 0
    if len(arguments) < 2:
        print(__doc__)
        return 2
    if arguments[0] == "--world":
        found = worldly(arguments[2:])
        for symbol in found:
            print(f"{arguments[1]} calls {symbol}: it is of the world (see WORLD in {Path(__file__).name})")
        return 1 if found else 0
    name, libraries = arguments[0], arguments[1:]
    found = impure(name, libraries)
    for symbol in found:
        print(f"{name} calls {symbol}: a core may not (see PURE and ALSO in {Path(__file__).name})")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
