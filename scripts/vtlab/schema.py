"""All mutations of the engine in one program: which of them is alive is chosen when it runs.

A function that mutations change becomes

    {
        TCE_REACHED(3);
        if (TCE_MUTANT(17)) { the body with mutation 17 } else if (TCE_MUTANT(18)) { ... } else { the body as it is }
    }

(kunit/native/mutants.h), so that a thousand mutants take one build, and the cases that reach a function at all are known.
Mutations of what is not a function's body are left to whoever builds mutants one by one.
"""

import dataclasses
import re

_BLANKED = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', re.S | re.M)
_SCOPE = re.compile(r'(?:^|\s)(?:namespace|class|struct|union|extern)\b')
# what a function's head ends with: its parameters, words behind them, an attribute with arguments, a member's initialiser
_HEAD = re.compile(r'[)}]\s*(?:(?:const|noexcept|override|final|mutable)\s*)*(?:->[\w\s:<>*&]*)?$')


def bodies(text):
    """Where functions' bodies are: [(offset behind the brace, offset of the closing one)], in order."""
    blank = _BLANKED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    found, stack, begin = [], [], 0
    for at, char in enumerate(blank):
        if char == "{":
            head = blank[begin:at]
            if any(kind != "scope" for kind, _ in stack):
                kind = "inner"
            elif _HEAD.search(head) and "(" in head and blank[at - 1].isspace() and not re.search(r"=\s*$", head):
                kind = "body"
            elif _SCOPE.search(head) and not re.search(r"=\s*$", head) and blank[at - 1].isspace():
                kind = "scope"
            else:
                kind = "inner"      # an initialiser or an enum
            stack.append((kind, at + 1))
            if kind == "scope":
                begin = at + 1
        elif char == "}":
            kind, start = stack.pop()
            if kind == "body":
                found.append((start, at))
            if kind != "inner":
                begin = at + 1
        elif char in ";:" and not any(kind != "scope" for kind, _ in stack):
            # a label of a class; the colon of a head's initialisers or of a name's scope is none
            if char == ";" or re.search(r"\b(?:public|private|protected)\s*$", blank[begin:at]):
                begin = at + 1
    return found


def _words(text):
    return [(found[0], found.start(), found.end()) for found in re.finditer(r"\w+|[^\w\s]", text)]


def mutated_body(text, mutated, known):
    """Which of the known bodies a mutation changes, blanks aside, and what stands in it then: ((begin, end), body).
    None when it changes anything else."""
    old, new = _words(text), _words(mutated)
    short = min(len(old), len(new))
    low = next((at for at in range(short) if old[at][0] != new[at][0]), short)
    high = next((at for at in range(short - low) if old[-1 - at][0] != new[-1 - at][0]), short - low)
    behind = {end: at for at, (_, _, end) in enumerate(old)}
    before = {begin: at for at, (_, begin, _) in enumerate(old)}
    for begin, end in known:
        opening, closing = behind[begin], len(old) - before[end]
        if opening < low and closing <= high:
            return (begin, end), mutated[new[opening][2]:new[len(new) - closing][1]]
    return None


@dataclasses.dataclass
class Schema:
    files: dict         # name -> text with all its mutants
    numbers: dict       # mutation -> its number
    functions: dict     # mutation -> number of its function
    constant: set       # mutations of constexpr functions: what constant expressions say of them is not seen
    rest: list          # mutations that are not part of it


def build(chosen, engine, without=()):
    """Puts the chosen mutations of the engine's files (a directory) into one schema, but for some."""
    schema = Schema({}, {}, {}, set(), [])
    files = {}
    for each in chosen:
        files.setdefault(each.file, []).append(each)
    functions = 0
    for name, mutations in sorted(files.items()):
        text = (engine / name).read_text()
        known = bodies(text)
        inside = {}
        for each in mutations:
            found = None if each in without else mutated_body(text, each.text, known)
            if not found:
                schema.rest.append(each)
                continue
            where, body = found
            number = len(schema.numbers) + 1
            schema.numbers[each] = number
            inside.setdefault(where, []).append((number, each, body))
        for (begin, end), mine in sorted(inside.items(), reverse=True):
            functions += 1
            head = text[max(text.rfind(mark, 0, begin) for mark in (";", "}", "\n\n", "public:", "private:")) + 1:begin]
            chain = []
            for number, each, body in mine:
                schema.functions[each] = functions
                if "constexpr" in head:
                    schema.constant.add(each)
                chain.append(f'if (TCE_MUTANT({number})) {{\n#line 1 "mutant/{number}"\n{body}\n}} else ')
            line = text.count("\n", 0, begin) + 1
            text = (f'{text[:begin]}\nTCE_REACHED({functions});\n{"".join(chain)}{{\n#line {line} "{name}"\n'
                    f'{text[begin:end]}\n}}\n{text[end:]}')
        schema.files[name] = text
    return schema
