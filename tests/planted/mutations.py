"""Reads the bugs of mutations/*.txt and puts them into copies of sources.

A file holds records. A record is a name, a sentence that says what is wrong, and edits:

    == frozen-payer
    A frozen account pays.
    @ actors/ledger/posting.c
    - if (account->state == ACCOUNT_FROZEN) {
    + if (account->state == ACCOUNT_FROZEN && !(PLANTED && field == FIELD_FROM_ACCOUNT)) {

The lines behind "- " are the text as it stands in the file named above them, those behind "+ " what comes instead. Where a line
begins does not matter for the first one. PLANTED is true while this bug is on. A text must occur exactly once, after
the edits of all other records: so a bug that no longer fits the code is noticed, and not silently absent. Lines that
begin with # are comments.
"""
from pathlib import Path

# Files whose bugs are hunted in a world of their own, `teller sim --events`; all others: the ledger's.
WORLDS = ("events", "rates", "remittances")
FOLDER = Path(__file__).parent / "mutations"
# Proves the alarm: it is so plain that the first seed must find it.
ALARM = "alarm"


class Misfit(Exception):
    """A record cannot be used as it stands."""


class Mutation:
    def __init__(self, name, world=""):
        self.name = name
        self.world = world  # "": the ledger's
        self.sentence = ""
        self.edits = []  # [path, old lines, new lines]


def _add_line(mutation, line, where):
    kind, text = line[:1], line[2:]
    if kind == "@":
        mutation.edits.append([text, [], []])
    elif kind in "-+" and mutation.edits:
        path, old, new = mutation.edits[-1]
        if kind == "-" and new:
            old, new = [], []
            mutation.edits.append([path, old, new])
        (old if kind == "-" else new).append(text)
    elif not mutation.edits:
        mutation.sentence = (mutation.sentence + " " + line).strip()
    else:
        raise Misfit(f"{where}: not understood: {line}")


def read_text(text, where):
    mutations = []
    world = where.removesuffix(".txt")
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("== "):
            mutations.append(Mutation(line[3:].strip(), world if world in WORLDS else ""))
        elif mutations:
            _add_line(mutations[-1], line, f"{where}:{number}")
        else:
            raise Misfit(f"{where}:{number}: a record begins with ==")
    return mutations


def read_all(folder=FOLDER):
    """All records, in the order of files and lines: number n is the nth."""
    mutations = []
    for path in sorted(folder.glob("*.txt")):
        mutations += read_text(path.read_text(encoding="utf-8"), path.name)
    names = [mutation.name for mutation in mutations]
    for mutation in mutations:
        if names.count(mutation.name) > 1:
            raise Misfit(f"{mutation.name}: two records of this name")
        if not mutation.sentence or not mutation.edits:
            raise Misfit(f"{mutation.name}: a record needs a sentence and an edit")
    return mutations


def apply_all(mutations, read):
    """{path: changed text}. read(path) gives the text as it is. Raises Misfit with every edit that does not fit."""
    texts, misfits = {}, []
    for number, mutation in enumerate(mutations, 1):
        for path, old_lines, new_lines in mutation.edits:
            text = texts[path] if path in texts else read(path)
            old = "\n".join(old_lines)
            new = "\n".join(new_lines).replace("PLANTED", f"planted_is({number})")
            count = text.count(old)
            if count != 1:
                misfits.append(f"{mutation.name}: {path} has its text {count} times, not once:\n{old}")
                continue
            texts[path] = text.replace(old, new)
    for mutation in mutations:
        if not any("PLANTED" in line for edit in mutation.edits for line in edit[2]):
            misfits.append(f"{mutation.name}: nothing in it depends on PLANTED")
    if misfits:
        raise Misfit("\n\n".join(misfits))
    return {path: '#include "tests/planted/planted.h"\n' + text for path, text in texts.items()}
