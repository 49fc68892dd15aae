"""The table of mutations: small faults in the engine that the cases on the build machine have to notice.

kunit/mutations/*.toml, any number of engine files in each:

    ["charge.cc"]
    name_of_the_fault = ['what stands there', 'what stands there instead']

    ["charge.cc".equivalent]
    name_of_the_fault = "why nobody can notice it"

    ["charge.cc".unnoticed]
    name_of_the_fault = "why no case notices it"

Blanks and line ends in what stands there are any blanks, so that a line, or a comment, may be wrapped anew. It must be found exactly
once, and every file of the engine must have a mutation: a table that has rotted is an error.
"""

import dataclasses
import pathlib
import re
import tomllib

from . import module
from .log import LabError

ENGINE = module.TREE / "src" / "engine"
TABLE = module.TREE / "kunit" / "mutations"
_NOTES = ("equivalent", "unnoticed")


@dataclasses.dataclass(frozen=True)
class Mutation:
    file: str
    name: str
    text: str = dataclasses.field(repr=False, compare=False)    # of the whole file, mutated
    kind: str = ""              # of _NOTES; "": it has to be noticed
    reason: str = ""

    def __str__(self):
        return f"{self.file}:{self.name}"


def replace_once(text, old, new):
    """text with new where old stands, blanks aside; LabError when it does not stand there exactly once."""
    pattern = r"\s+(?:\*\s+)??".join(re.escape(word) for word in old.split())
    found = list(re.finditer(pattern, text)) if pattern else []
    if len(found) != 1:
        raise LabError(f"found {len(found)} times: {old.strip()}")
    return text[:found[0].start()] + new + text[found[0].end():]


def _of_file(file, entries, engine):
    """The mutations of one engine file, and what is wrong with its table."""
    mutations, wrong = [], []
    path = engine / file
    if not path.is_file():
        return [], [f"{file}: the engine has no such file"]
    text = path.read_text()
    notes = {kind: dict(entries.get(kind, {})) for kind in _NOTES}
    for name, pair in entries.items():
        if name in _NOTES:
            continue
        try:
            old, new = pair
            mutated = replace_once(text, old, new)
        except (ValueError, LabError) as why:
            wrong.append(f"{file}:{name}: {why}")
            continue
        kinds = [kind for kind in _NOTES if name in notes[kind]]
        reason = notes[kinds[0]].pop(name) if kinds else ""
        mutations.append(Mutation(file, name, mutated, kinds[0] if kinds else "", reason))
    wrong += [f"{file}: a reason for {name}, which is no mutation" for kind in _NOTES for name in notes[kind]]
    twice = {each.text for each in mutations if [other.text for other in mutations].count(each.text) > 1}
    wrong += [f"{each}: stands there twice" for each in mutations if each.text in twice]
    return mutations, wrong


def load(table=TABLE, engine=ENGINE):
    """All mutations; LabError with all that is wrong in the table."""
    mutations, wrong, seen = [], [], set()
    for path in sorted(pathlib.Path(table).glob("*.toml")):
        try:
            files = tomllib.loads(path.read_text())
        except tomllib.TOMLDecodeError as why:
            wrong.append(f"{path.name}: {why}")
            continue
        for file, entries in files.items():
            if file in seen:
                wrong.append(f"{file}: it is in two files of the table")
            seen.add(file)
            found, complaints = _of_file(file, entries, engine)
            mutations += found
            wrong += complaints
    names = sorted(path.name for path in engine.iterdir() if path.suffix in (".cc", ".hpp"))
    have = {each.file for each in mutations}
    wrong += [f"{name}: no mutation" for name in names if name not in have]
    if wrong:
        raise LabError("the table of mutations is out of date:\n" + "\n".join(wrong))
    return mutations
