#!/usr/bin/env python3
"""Rules that no compiler checks. A finding is printed as file:line: rule.

  tidy.py [ROOT]        checks every file of ours below ROOT (here, if left out)
  tidy.py --self-test   proves that each rule finds what it is for, and nothing else

The rules are the table below. A rule looks at one line at a time, of the files whose path it matches.
"""
import re
import subprocess
import sys
from pathlib import Path

C_FILE = r"\.[ch]$"
# The pure part of the ledger: everything in actors/ledger but its shell.
LEDGER_CORE = r"^actors/ledger/(?!shell/)[^/]*" + C_FILE
RATEFEED_CORE = r"^actors/ratefeed/(?!shell/)[^/]*" + C_FILE

# (what is wrong, which paths, which of them not, what a line must not contain)
RULES = [
    ("a TODO needs the number of its issue: TODO(#12)",
     r"", r"^tests/unit/tidy\.py$", r"\b(TODO|FIXME|XXX:)(?!\(#\d+\))"),
    ("a path that only one machine has", r"", r"^tests/unit/tidy\.py$", r"(^|[\s\"'(=:])/(home|root|work)/"),
    ("tab", r"\.(c|h|py|sh|md|json|txt|yml)$|^dev$|^\.ci/", None, r"\t"),
    ("space at the end of the line", r"\.(c|h|py|sh|txt|json|yml)$|^dev$|^\.ci/", None, r"[ \t]+$"),
    ("money is never a float", r"^(actors/(base|ledger|ratefeed|bank)|adapters)/.*" + C_FILE, None, r"^(?!\s*/?\*)(?:(?!/\*).)*\b(float|double)\b"),
    ("no test sleeps", r"^tests/.*" + C_FILE, None, r"\b(sleep|usleep|nanosleep|clock_nanosleep|zclock_sleep)\s*\("),
    ("base stands below everything", r"^actors/base/.*" + C_FILE, None,
     r'#include "(?!actors/base/)'),
    ("a core includes cores only", LEDGER_CORE, None,
     r'#include ("(?!actors/(base|ledger)/)|<(zmq|czmq|lmdb|msgpack|time|unistd|pthread|sys/))'),
    ("the publisher's core includes cores only", r"^actors/publisher/(?!shell/)[^/]*" + C_FILE, None,
     r'#include ("(?!actors/(base|ledger/fact|ledger/remittance_states|publisher)[/.])|<(zmq|czmq|lmdb|msgpack|time|unistd|pthread|sys/))'),
    ("the publisher knows no adapter: HTTP is brought to it", r"^actors/publisher/.*" + C_FILE, None,
     r'#include "(adapters|sim|clients|tests)/'),
    ("the rate feed's core includes itself and base only", RATEFEED_CORE, None,
     r'#include ("(?!actors/(base|ratefeed)/)|<(zmq|czmq|lmdb|time|unistd|pthread|sys/))'),
    ("the rate feed knows no adapter and no ledger: sheets are brought to it", r"^actors/ratefeed/.*" + C_FILE, None,
     r'#include "(actors/ledger/(?!shell/(mailbox|memory|requests)\.h)|adapters|sim|clients|tests)'),
    ("the bank adapter's core includes itself and base only", r"^actors/bank/(?!shell/)[^/]*" + C_FILE, None,
     r'#include ("(?!actors/(base|bank)/)|<(zmq|czmq|lmdb|time|unistd|pthread|sys/))'),
    ("the bank adapter knows no rail and no ledger: they are brought to it", r"^actors/bank/.*" + C_FILE, None,
     r'#include "(actors/ledger/(?!shell/(mailbox|memory|requests)\.h)|adapters|sim|clients|tests)'),
    ("store knows no ledger and no broker", r"^store/.*" + C_FILE, None, r'#include "(actors/(ledger|ratefeed|bank)|broker|adapters|sim)/'),
    ("the ledger's shell stands below the broker's other parts", r"^actors/ledger/.*" + C_FILE, None,
     r'#include "(adapters|sim|clients|tests)/'),
    ("adapters stand on base, and rails on what a rail is", r"^adapters/.*" + C_FILE, None,
     r'#include "(?!(actors/base/|adapters/|actors/bank/rail\.h))'),
    ("production code knows no test", r"^(actors|broker|store|adapters|clients)/.*" + C_FILE, None,
     r'#include "(tests|sim)/'),
    ("includes are by path from the top", C_FILE, None, r'#include "[^/"]*"'),
    ("assert vanishes in release: CHECK stays", r"^(actors|broker|store|adapters|clients|sim)/.*" + C_FILE, None,
     r"#include <assert\.h>"),
]
COMPILED = [(text, re.compile(path), re.compile(but) if but else None, re.compile(line))
            for text, path, but, line in RULES]

LINES_MAX = 1200
SKIPPED_SUFFIXES = {".gz", ".bin", ".msgpack", ".png", ".svg", ".jpg", ".ico", ".woff2"}


def findings_in(path, text):
    """(line number, what is wrong) for each finding in one file."""
    rules = [(what, line) for what, paths, but, line in COMPILED
             if paths.search(path) and not (but and but.search(path))]
    lines = text.split("\n")
    for number, content in enumerate(lines, 1):
        for what, pattern in rules:
            if pattern.search(content):
                yield number, what
    if re.search(r"\.(c|h|py)$", path) and len(lines) > LINES_MAX + 1:
        yield LINES_MAX, f"a file of more than {LINES_MAX} lines holds more than one idea"
    if text and not text.endswith("\n"):
        yield len(lines), "no line end at the end of the file"


def our_files(root):
    """What git tracks or would track; without git, every file outside build and hidden folders."""
    git = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"],
                         capture_output=True, text=True, check=False)
    if git.returncode == 0:
        return sorted(git.stdout.splitlines())
    names = (str(path.relative_to(root)) for path in Path(root).rglob("*") if path.is_file())
    return sorted(name for name in names if not re.match(r"(build|\.git)(/|-)", name))


SELF_TEST_CASES = [
    # (path, content, number of findings)
    ("broker/main.c", "/* TODO: later */\n", 1),
    ("broker/main.c", "/* TODO(#12): later */\n", 0),
    ("broker/main.c", "\tx = 1;\n", 1),
    ("broker/main.c", "x = 1; \n", 1),
    ("broker/main.c", "x = 1;", 1),
    ("actors/base/money.c", "double rate;\n", 1),
    ("actors/ledger/post.c", "float f;\n", 1),
    ("actors/ledger/post.c", "int64_t rate; /* not a double */\n", 0),
    ("actors/ledger/post.c", " * never a float\n", 0),
    ("docs/TESTING.md", "See /home/me/notes\n", 1),
    ("tests/bench/run.c", "double seconds;\n", 0),
    ("tests/table/a.c", "usleep(10);\n", 1),
    ("tests/table/a.c", "asleep(10);\n", 0),
    ("actors/base/err.c", '#include "actors/ledger/fact.h"\n', 1),
    ("actors/base/err.c", '#include "actors/base/err.h"\n', 0),
    ("actors/ledger/post.c", '#include "store/journal.h"\n', 1),
    ("actors/ledger/post.c", "#include <zmq.h>\n", 1),
    ("actors/ledger/post.c", "#include <time.h>\n", 1),
    ("actors/ledger/shell/ledger_actor.c", '#include "store/journal.h"\n', 0),
    ("actors/ledger/shell/ledger_actor.c", "#include <czmq.h>\n", 0),
    ("actors/publisher/event.c", '#include "actors/ledger/fact.h"\n', 0),
    ("actors/publisher/event.c", '#include "actors/ledger/ledger.h"\n', 1),
    ("actors/publisher/event.c", '#include "broker/wire/msgpack.h"\n', 1),
    ("actors/publisher/shell/webhook_calls.c", '#include "adapters/http/http_client.h"\n', 1),
    ("store/journal.c", '#include "actors/ledger/fact.h"\n', 1),
    ("store/journal.c", '#include "actors/base/err.h"\n', 0),
    ("store/journal.c", '#include "journal.h"\n', 1),
    ("actors/ratefeed/ratefeed.c", '#include "store/rates.h"\n', 1),
    ("actors/ratefeed/ratefeed.c", '#include "actors/base/date.h"\n', 0),
    ("actors/ratefeed/shell/ratefeed_actor.c", '#include "store/rates.h"\n', 0),
    ("actors/ratefeed/shell/ratefeed_actor.c", '#include "adapters/http/http_client.h"\n', 1),
    ("actors/ratefeed/shell/ratefeed_actor.c", '#include "actors/ledger/ledger.h"\n', 1),
    ("adapters/rates/ecb.c", '#include "actors/base/err.h"\n#include "adapters/rates/ecb.h"\n', 0),
    ("adapters/rates/ecb.c", '#include "actors/ledger/fact.h"\n', 1),
    ("adapters/rates/ecb.c", '#include "store/journal.h"\n', 1),
    ("adapters/kftc/kftc.c", '#include "actors/bank/rail.h"\n', 0),
    ("adapters/kftc/kftc.c", '#include "actors/bank/bank.h"\n', 1),
    ("actors/bank/queue.c", '#include "actors/bank/rail.h"\n', 0),
    ("actors/bank/shell/calls.c", '#include "adapters/kftc/kftc.h"\n', 1),
    ("actors/bank/queue.c", '#include "store/outbox.h"\n', 1),
    ("actors/bank/shell/bank_actor.c", '#include "store/outbox.h"\n', 0),
    ("adapters/rates/ecb.c", "double rate;\n", 1),
    ("broker/main.c", "#include <assert.h>\n", 1),
    ("broker/main.c", '#include "sim/world.h"\n', 1),
    ("sim/world.c", '#include "sim/world.h"\n', 0),
    ("broker/main.c", "x;\n" * LINES_MAX, 0),
    ("broker/main.c", "x;\n" * (LINES_MAX + 1), 1),
    ("docs/WIRE.md", "two spaces break a line  \n", 0),
]


def self_test():
    failures = 0
    for path, content, expected in SELF_TEST_CASES:
        found = [what for _, what in findings_in(path, content)]
        if len(found) != expected:
            print(f"{path}: {content[:60]!r}: expected {expected}, found {found}")
            failures += 1
    print(f"{len(SELF_TEST_CASES)} cases, {failures} failed")
    return failures


def main(arguments):
    if arguments == ["--self-test"]:
        return 1 if self_test() else 0
    root = arguments[0] if arguments else "."
    count = 0
    for name in our_files(root):
        path = Path(root, name)
        if path.suffix in SKIPPED_SUFFIXES or not path.is_file():
            continue
        for number, what in findings_in(name, path.read_text(encoding="utf-8")):
            print(f"{name}:{number}: {what}")
            count += 1
    print(f"{count} findings")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
