"""Pages in Markdown: their blocks of code, what they name, and the parts that a command makes.

A block says in its info string what it is: ```LANGUAGE KIND [KEY=VALUE...]

    power-host              run on a POWER host, one after the other: each has to succeed
        expect=REGEX        its output has to hold that
        beside=NAME         a user of the driver runs at the same time (checks/pages.py)
        background=REGEX    it stays: the next block is run when its output holds that
        after=guest         the one in the background is ended first
        file=NAME           it is no command but a file, which the blocks behind it use
    kvm-guest               run in the guest that a block in the background is
    build-machine           for a build machine; its words are looked at only
    by-check NAME           run by another check, which has a part of its own for it
    output                  what a command says; picture: a picture
    not-run REASON          nobody runs it, and why

What stands between <!-- made by: COMMAND --> and <!-- until here --> is what the command prints.
"""

import contextlib
import dataclasses
import functools
import io
import re
import shlex
import subprocess
import sys

from . import module

PAGES = ("README.md", "scripts/tool/ADMIN.md")
WIDTH = 100
KINDS = {"power-host": {"expect", "beside", "background", "after", "file"}, "kvm-guest": {"expect"},
         "build-machine": set(), "output": set(), "picture": set(),
         "by-check": None, "not-run": None}     # plain words follow
_FENCE = re.compile(r"^(```+)(.*)$")
_MADE = re.compile(r"^<!-- made by: (.*) -->$")
_UNTIL = "<!-- until here -->"
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_INLINE = re.compile(r"`([^`]+)`")
_PATH = re.compile(r"^(?:src|include|kunit|scripts)/[\w./*-]+$")
_TOOL = module.TREE / "scripts/tool"


@dataclasses.dataclass
class Block:
    page: str
    line: int
    language: str = ""
    kind: str = ""
    words: dict = dataclasses.field(default_factory=dict)
    rest: str = ""                  # the words of by-check and not-run
    text: str = ""
    problem: str = ""               # what is wrong with the info string

    def place(self):
        return f"{self.page}:{self.line}"


def _read_info(block, info):
    try:
        plain = KINDS.get((info.split() + ["", ""])[1], set()) is None
        words = info.split() if plain else shlex.split(info)
    except ValueError as why:
        block.problem = f"info string: {why}"
        return
    block.language, block.kind = (words + ["", ""])[:2]
    known = KINDS.get(block.kind, set())
    if block.kind not in KINDS:
        block.problem = f"no block is {block.kind or 'without a kind'}; there are: {', '.join(KINDS)}"
    elif known is None:
        block.rest = " ".join(words[2:])
        block.problem = "" if block.rest else f"{block.kind} needs a word behind it"
    else:
        block.words = dict(word.partition("=")[::2] for word in words[2:])
        if unknown := sorted(set(block.words) - known):
            block.problem = f"{block.kind} knows no {', '.join(unknown)}"


def blocks(page, text):
    """The blocks of a page, those without a fence, which have no info string, included."""
    found, fence, before = [], None, ""
    in_list = False
    for number, line in enumerate(text.splitlines(), 1):
        match = _FENCE.match(line)
        if fence:
            if match and match[1] == fence and not match[2].strip():
                fence = None
            else:
                found[-1].text += line + "\n"
        elif match:
            fence = match[1]
            found.append(Block(page, number))
            _read_info(found[-1], match[2])
        elif line.strip():
            if re.match(r"\s*([-*]|\d+\.) ", line):
                in_list = True
            elif not line.startswith(" "):
                in_list = False
            if line.startswith(("    ", "\t")) and not before.strip() and not in_list:
                found.append(Block(page, number, problem="a block without a fence has no info string"))
        before = line
    if fence:
        found[-1].problem = "the block does not end"
    return found


def prose(text):
    """(line number, line) of what is in no block."""
    fence = None
    for number, line in enumerate(text.splitlines(), 1):
        match = _FENCE.match(line)
        if match and not fence:
            fence = match[1]
        elif match and match[1] == fence:
            fence = None
        elif not fence:
            yield number, line


@functools.cache
def _tool_parser():
    if str(_TOOL) not in sys.path:
        sys.path.insert(0, str(_TOOL))
    from vfio_tce import cli
    return cli.parser()


@functools.cache
def _targets():
    text = (module.TREE / "Makefile").read_text()
    return {word for line in re.findall(r"^([a-z][\w -]*):(?!=)", text, re.M) for word in line.split()}


def _refused(parse):
    """What a parser of arguments says against them; empty: nothing."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            parse()
    except SystemExit as end:
        if end.code:
            return (said.getvalue().strip().splitlines() or ["it is refused"])[-1]
    return ""


def _wrong_tool(words):
    return _refused(lambda: _tool_parser().parse_args(words))


def _wrong_lab(words):
    from . import cli       # which imports this file
    return _refused(lambda: cli.parse(words))


def wrong_command(words):
    """What is wrong with a command of the tree; empty for others."""
    while words and re.match(r"^(\w+=.*|sudo)$", words[0]):
        words = words[1:]
    name = words[0].rpartition("/")[2] if words else ""
    if name == "vfio-tce":
        return _wrong_tool(words[1:])
    if words and words[0].endswith("scripts/lab"):
        return _wrong_lab(words[1:])
    if name == "make" and not {"-C", "-f"} & set(words):
        goals = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
        unknown = [word for word in goals if word not in _targets()]
        return f"the Makefile has no {', '.join(unknown)}" if unknown else ""
    return ""


def commands(text):
    """The simple commands of a script, as words."""
    text = re.sub(r"\\\n", " ", text)
    inner = re.findall(r"\$\(([^()]*)\)", text)
    for line in [*re.sub(r"\$\([^()]*\)", "X", text).splitlines(), *inner]:
        try:
            lexer = shlex.shlex(line, posix=True, punctuation_chars="();|&<>")
            lexer.whitespace_split = True
            words = list(lexer)
        except ValueError:      # a quote that goes on in the next line
            continue
        simple, skip = [], False
        for word in [*words, ";"]:
            if set(word) <= set(";|&()"):
                yield from [simple] if simple else []
                simple = []
            elif set(word) <= set("<>&"):
                skip = True
            elif skip:
                skip = False
            else:
                simple.append(word)


def _wrong_script(block):
    done = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True, check=False)
    if done.returncode:
        yield f"bash: {done.stderr.strip().splitlines()[-1]}"
    for words in commands(block.text):
        if why := wrong_command(words):
            yield f"{shlex.join(words)}: {why}"


def _slug(heading):
    return re.sub(r"[^\w -]", "", heading.replace("`", "").lower()).strip().replace(" ", "-")


def _wrong_link(page, target):
    if re.match(r"^[a-z]+:", target):
        return ""
    name, _, anchor = target.partition("#")
    path = (module.TREE / page).parent / name if name else module.TREE / page
    if not path.exists():
        return f"the link leads nowhere: {target}"
    if anchor:
        headings = (re.match(r"^#+ (.*)", line) for _, line in prose(path.read_text()))
        if anchor not in {_slug(each[1]) for each in headings if each}:
            return f"there is no heading for {target}"
    return ""


def links(page, text):
    """(line, what is wrong) of every link; what is right is empty."""
    for number, line in prose(text):
        for target in _LINK.findall(_INLINE.sub("", line)):
            yield number, _wrong_link(page, target)


def named(text):
    """(line, what is wrong) of every command and file that the prose names in `quotes`."""
    for number, line in prose(text):
        if line.startswith("|"):
            continue
        for inline in _INLINE.findall(line):
            if _PATH.match(inline):
                yield number, "" if list(module.TREE.glob(inline.rstrip("/"))) else f"there is no {inline}"
            elif re.match(r"^(make|vfio-tce|scripts/lab) [a-z-]", inline):
                words = [re.sub(r"^\.\.\.$", "1", word) for word in shlex.split(re.sub(r"\b[A-Z]{3,}\b", "1", inline))]
                yield number, wrong_command(words) and f"{inline}: {wrong_command(words)}"


def too_wide(text):
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > WIDTH and not line.startswith(("|", "```")):
            yield number, f"{len(line)} columns, not {WIDTH}"


def _made(command):
    """What a command of the tree prints, run at its top."""
    words = shlex.split(command)
    if words[0] == "vfio-tce":
        words[0] = str(_TOOL / "vfio-tce")
    done = subprocess.run(words, cwd=module.TREE, text=True, capture_output=True, stdin=subprocess.DEVNULL, check=False,
                          env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "COLUMNS": "80"})
    return done.stdout if not done.returncode else f"{command}: exit code {done.returncode}: {done.stderr}"


def generated(text):
    """(line, command, the text with its fence as it is, as it should be) of the parts that a command makes."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        match = _MADE.match(line)
        if match:
            end = lines.index(_UNTIL, number) if _UNTIL in lines[number:] else len(lines)
            old = lines[number + 1:end]
            new = _made(match[1]).strip("\n").splitlines()
            if old and old[0].startswith("```"):
                new = [old[0], *new, "```"]
            yield number + 1, match[1], old, new


def renewed(text):
    """The page with its generated parts made anew."""
    lines, moved = text.splitlines(), 0
    for number, _, old, new in list(generated(text)):
        begin = number + moved
        lines[begin:begin + len(old)] = new
        moved += len(new) - len(old)
    return "\n".join(lines) + "\n"


def look(page, text):
    """(line, what is wrong) of everything that was looked at; what is right is empty."""
    from . import checks
    for block in blocks(page, text):
        yield block.line, block.problem
        if block.problem:
            continue
        if block.language == "sh" and block.kind not in ("output", "picture") and "file" not in block.words:
            for why in _wrong_script(block):
                yield block.line, why
        if block.kind == "by-check" and block.rest.split()[0] not in checks.all_checks():
            yield block.line, f"there is no check {block.rest.split()[0]}"
    yield from links(page, text)
    yield from named(text)
    yield from too_wide(text)
    for number, command, old, new in generated(text):
        yield number, "" if old == new else f"not what {command} prints now: scripts/lab pages makes it anew"
