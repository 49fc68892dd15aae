"""Static checks: sparse and checkpatch for C, clang-tidy and clang-format for C++, the rules of inclusion for both.

Every checker first proves on a few wrong lines that it is awake. Each function returns (number of files checked, list of
complaints), of which @_register makes a check.
"""

import concurrent.futures
import os
import pathlib
import re
import tempfile

from .. import cache, kernel_source, kernels, module, root
from ..log import LabError, step
from . import Counts, check

TREE = module.TREE
_SUITE = "trixie"
_SHOWN = 60


def _register(name, what):
    """Registers a function that returns (number of files checked, list of complaints) as a check."""
    def register(function):
        @check(name, what, order=30)
        def run():
            count, complaints = function()
            for line in complaints[:_SHOWN]:
                print(f"{name}: {line}")
            if len(complaints) > _SHOWN:
                print(f"{name}: and {len(complaints) - _SHOWN} more")
            return Counts(passed=max(count - len(complaints), 0), failed=len(complaints), note=f"{count} checked")
        return function
    return register


def _root():
    return root.build_root(_SUITE)


def _files(folders, pattern):
    """Files below folders of the tree, as names relative to its top."""
    found = set()
    for folder in folders:
        found |= {str(path.relative_to(TREE)) for path in (TREE / folder).rglob("*") if path.is_file()}
    return sorted(name for name in found if re.search(pattern, name))


def _inside(argv, *, binds=(), check=False, env=None):
    """Runs argv in the build root with the tree, read-only, at /src."""
    return _root().run(argv, binds=[(TREE, "/src", False), *binds], cwd="/src", check=check, env=env)


# --- sparse ------------------------------------------------------------------------------------------------------------

# kernel -> (folder of the Kbuild, folders with C files)
_SPARSE = {"6.12-4k": (".", ("src",)), "6.12-64k": (".", ("src",)), "kunit-debug": ("kunit", ("kunit",))}
_WRONG_C = """
#include <linux/types.h>
__be64 tce_wrong(u64 cpu);
__be64 tce_wrong(u64 cpu)
{
	return cpu;
}
"""


def _sparse_run(target, room, folder, objects):
    inside = os.path.normpath(f"/out/{folder}")
    argv = ["make", "-C", target.headers_dir, f"M={inside}", "W=1", "C=2", *module.make_words(), *objects]
    return target.root().compile(argv, binds=[*target.binds(), (room, "/out", True)], check=False)


@_register("sparse", "sparse is content with every C file")
def sparse():
    """Every C file, with the endianness checks that the kernel's own flags switch on."""
    count, complaints = 0, []
    for name, (folder, sources) in _SPARSE.items():
        target = kernels.get(name)
        room = module.OUT / name / "sparse"
        room.mkdir(parents=True, exist_ok=True)
        with step(f"sparse for {target.release}"), cache.lock(module.OUT / ".locks" / f"{name}-sparse"):
            module.mirror_sources(TREE, [each for each in module.SOURCES if (TREE / each).exists()], room)
            files = [file for file in _files(sources, r"\.c$")]
            wrong = room / folder / "sparse_wrong.c"
            wrong.write_text(_WRONG_C)
            objects = [os.path.relpath(file, folder)[:-1] + "o" for file in files]
            code, text = _sparse_run(target, room, folder, [*objects, "sparse_wrong.o"])
            wrong.unlink()
        lines = [line for line in text.splitlines() if re.search(r": (warning|error):", line)]
        if not any("sparse_wrong.c" in line for line in lines):
            raise LabError(f"sparse did not see what is wrong in its test file\n{text[-2000:]}")
        lines = [line for line in lines if "sparse_wrong.c" not in line]
        checked = set(re.findall(r"^  CHECK +/out/(\S+)$", text, re.M))
        missed = [file for file in files if file not in checked and file.removeprefix(f"{folder}/") not in checked]
        if code and not lines:
            raise LabError(f"the build for sparse failed\n{text[-3000:]}")
        complaints += [f"{name}: {line}" for line in dict.fromkeys(lines)]
        complaints += [f"{name}: {file} was not checked" for file in missed]
        count += len(files)
    return count, complaints


# --- checkpatch --------------------------------------------------------------------------------------------------------

# Types of complaints that do not hold here: (type, where, why).
_CHECKPATCH_ALLOWED = (
    ("PARENTHESIS_ALIGNMENT", r"/trace\.h:", "TRACE_EVENT() has a form of its own in the kernel"),
    ("OPEN_ENDED_LINE", r"/trace\.h:", "the same"),
    ("INCLUDE_LINUX", r"asm/mmu_context\.h", "mm_iommu_*() is declared only there"),
    ("NEW_TYPEDEFS", r"^include/tce/|^kunit/(cases|rig)/", "the boundary cannot have u64 and u32 of the kernel"),
    ("PREFER_DEFINED_ATTRIBUTE_MACRO", r"^include/tce/|^kunit/fake/", "nor its __printf()"),
    ("COMPLEX_MACRO", r"^kunit/|^include/tce/port/|^src/port/stats", "lists by macro"),
    ("MACRO_ARG_REUSE", r"^kunit/|^include/tce/port/|^src/port/stats", "lists by macro"),
    ("MACRO_ARG_UNUSED", r"^include/tce/port/|^src/port/stats", "lists by macro"),
    ("BRACKET_SPACE", r"^src/port/(lock_class|misc)", "an entry of a table, by macro"),
    ("TRAILING_SEMICOLON", r"^kunit/", "lists by macro"),
    ("MACRO_ARG_REUSE", r"^src/compat/vfio_layout", "names of members, nothing that is evaluated"),
    ("SPACING", r"^src/compat/vfio_layout", "a type, not a call: ret (*)(...)"),
)
_COMPLAINT = re.compile(r"^(\S+?):(\d+): (?:ERROR|WARNING|CHECK):(\w+): ")


def _checkpatch(files, binds=()):
    argv = ["perl", kernel_source.program("scripts/checkpatch.pl"), f"--root={kernel_source.INSIDE}", "--strict",
            "--terse", "--show-types", "--color=never", "--no-summary", "-f", *files]
    # GIT_DIR: or it would run a checker of licenses that needs more Python than there is
    _, text = _inside(argv, binds=[*kernel_source.binds(), *binds], env={"GIT_DIR": "/nowhere"})
    return text.splitlines()


@_register("checkpatch", "checkpatch is content with every C file")
def checkpatch():
    files = _files(("src", "include", "kunit"), r"\.[ch]$")
    with tempfile.TemporaryDirectory() as room:
        (pathlib.Path(room) / "wrong.c").write_text("// SPDX-License-Identifier: GPL-2.0-only\nint f( void ) { return(0) ; }\n")
        if not any(_COMPLAINT.match(line) for line in _checkpatch(["/out/wrong.c"], [(room, "/out", False)])):
            raise LabError("checkpatch did not see what is wrong in its test file")
    complaints = []
    for line in _checkpatch(files):
        found = _COMPLAINT.match(line)
        if not found:
            if line.strip():
                complaints.append(line)
        elif not any(found[3] == kind and re.search(where, line) for kind, where, _ in _CHECKPATCH_ALLOWED):
            complaints.append(line)
    return len(files), complaints


# --- clang-format ------------------------------------------------------------------------------------------------------

def _cxx_files():
    return _files(("src", "include", "kunit"), r"\.(cc|hpp|cpp)$")


@_register("clang-format", "every C++ file is formatted")
def clang_format():
    files = _cxx_files()
    code, text = _inside(["clang-format", "--dry-run", "-Werror", "--style=file", *files])
    wrong = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error:", text, re.M)))
    if code and not wrong:
        raise LabError(text)
    with tempfile.TemporaryDirectory() as room:
        path = pathlib.Path(room) / "wrong.cc"
        path.write_text("int  f( ){return 0 ;}\n")
        if not _inside(["clang-format", "--dry-run", "-Werror", "--style=file:/src/.clang-format", "/out/wrong.cc"],
                       binds=[(room, "/out", False)])[0]:
            raise LabError("clang-format did not see what is wrong in its test file")
    return len(files), [f"{name} is not formatted (scripts/lab format)" for name in wrong]


def format_files(names=()):
    """Formats files of the tree in place, all C++ ones when none is named."""
    _root().run(["clang-format", "-i", "--style=file", *(names or _cxx_files())], binds=[(TREE, "/src", True)], cwd="/src")


# --- clang-tidy --------------------------------------------------------------------------------------------------------

_FREESTANDING = ("--target=powerpc64le-linux-gnu", "-std=gnu++20", "-ffreestanding", "-fno-exceptions", "-fno-rtti",
                 "-mlong-double-64", "-Wall", "-Wextra", "-Iinclude", "-Iinclude/tce/port/checked_locks", "-Ikunit/rig",
                 "-Isrc/engine", "-Isrc/engine/any_cpu")
# sources -> flags
_TIDY = {("src/engine",): (*_FREESTANDING, "-Isrc/engine/unwatched"),
         ("kunit/fake", "kunit/rig", "kunit/cases"): (*_FREESTANDING, "-Ikunit/rig/watched")}
_WRONG_CXX = """
namespace {
int *leak(bool yes)
{
	int *p;
	if (yes)
		return 0;
	return p;
}
}
bool tce_wrong(int x);
bool tce_wrong(int x) { return leak(x == 1) != nullptr; }
"""


def _tidy_one(file, flags):
    """The complaints about one file; a file without any is remembered in the cache by the content of all it can see."""
    headers = [TREE / name for name in _files(("include", "src/engine", "kunit/fake", "kunit/rig", "kunit/cases"), r"\.(h|hpp|inc)$")]
    key = cache.digest(_root().path.name, TREE / ".clang-tidy", TREE / "kunit/.clang-tidy", flags, file, TREE / file, *headers)
    if (cache.top() / "tidy" / key).exists():
        return []
    code, text = _inside(["clang-tidy", "--quiet", file, "--", *flags])
    complaints = [line.replace("/src/", "", 1) for line in text.splitlines() if re.search(r": (warning|error): ", line)]
    if code and not complaints:
        raise LabError(f"clang-tidy failed on {file}\n{text[-2000:]}")
    if not complaints:
        cache.entry("tidy", key, lambda path: path.write_text(file + "\n"))
    return complaints


def _tidy_is_awake():
    with tempfile.TemporaryDirectory() as room:
        (pathlib.Path(room) / "wrong.cc").write_text(_WRONG_CXX)
        text = _inside(["clang-tidy", "--quiet", "--config-file=/src/.clang-tidy", "/out/wrong.cc", "--", *_FREESTANDING],
                       binds=[(room, "/out", False)])[1]
    for name in ("modernize-use-nullptr", "cppcoreguidelines-init-variables", "clang-analyzer-core"):
        if name not in text:
            raise LabError(f"clang-tidy did not see what is wrong in its test file ({name})\n{text}")


@_register("clang-tidy", "clang-tidy is content with the C++ of the engine, the fake port and the cases")
def clang_tidy():
    _tidy_is_awake()
    jobs = [(file, flags) for folders, flags in _TIDY.items() for file in _files(folders, r"\.cc$")]
    with step(f"clang-tidy, {len(jobs)} files"), concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(lambda job: _tidy_one(*job), jobs))
    return len(jobs), list(dict.fromkeys(line for each in found for line in each))


@_register("nolint", "exceptions for clang-tidy name the check")
def bare_exceptions():
    """A NOLINT must say which check it silences, and a reason must stand with it."""
    files = _cxx_files()
    complaints = []
    for name in files:
        for number, line in enumerate((TREE / name).read_text().splitlines(), 1):
            if "NOLINT" in line and not re.search(r"NOLINT(NEXTLINE|BEGIN|END)?\([\w.,*-]+\)(: \S| \*/)?", line):
                complaints.append(f"{name}:{number}: a bare NOLINT")
    return len(files), complaints


# --- Comments ----------------------------------------------------------------------------------------------------------

_COMMENT_WIDTH = 80
# A comment, not code that begins with a star; and what has to stand in one line.
_COMMENT = re.compile(r"\s*(/\*|\*[ \t]|//)")
_ONE_LINE = re.compile(r"NOLINT|SPDX-License-Identifier|^\s*(/\*)?\*+ (struct )?\w+(\(\))? - ")


@_register("comments", f"comments are {_COMMENT_WIDTH} columns wide at most")
def comments():
    files = _files(("src", "include", "kunit"), r"\.(c|h|cc|hpp)$")
    complaints = []
    for name in files:
        for number, line in enumerate((TREE / name).read_text().splitlines(), 1):
            if len(line.expandtabs(8)) > _COMMENT_WIDTH and _COMMENT.match(line) and not _ONE_LINE.search(line):
                complaints.append(f"{name}:{number}: a comment wider than {_COMMENT_WIDTH} columns")
    return len(files), complaints


# --- Headers -----------------------------------------------------------------------------------------------------------

@_register("headers", "who includes what; every header compiles alone")
def headers():
    count, complaints = 0, []
    for compiler in (("gcc", "g++"), ("clang", "clang++")):
        code, text = _inside(["scripts/check-headers.sh"], env={"CC": compiler[0], "CXX": compiler[1]})
        found = re.search(r"^(\d+) passed, (\d+) failed$", text, re.M)
        if not found or bool(code) != bool(int(found[2])):
            raise LabError(f"check-headers.sh ended with {code}\n{text[-2000:]}")
        count += int(found[1]) + int(found[2])
        complaints += [f"{compiler[0]}: {line}" for line in text.splitlines()[:-1] if re.match(r"^\S+ .*:$", line)]
    return count, complaints
