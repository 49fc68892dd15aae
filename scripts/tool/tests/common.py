"""What the tests of vfio-tce stand on: hosts below a folder, the command."""

import io
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from vfio_tce import cli
from vfio_tce.problem import INTERNAL

from . import tree

TOOL = pathlib.Path(__file__).resolve().parents[1]
TREE = TOOL.parents[1]
LAUNCHER = TOOL / "vfio-tce"
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
       "COLUMNS": "80"}


def command(*argv):
    """The words that run the tool with this Python."""
    return [sys.executable, "-I", str(LAUNCHER), *argv]


class Case(unittest.TestCase):
    """Has an empty folder, and looks at every answer of the tool."""

    def setUp(self):
        room = tempfile.TemporaryDirectory()
        self.addCleanup(room.cleanup)
        self.room = pathlib.Path(room.name)
        self.hosts = 0

    def host(self, files=None, **changes):
        """A host's folder: the good one, with files by path changed."""
        files = dict(tree.good() if files is None else files)
        for name, text in changes.items():
            files[name] = text
        self.hosts += 1
        place = self.room / f"host{self.hosts}"
        place.mkdir()
        return tree.write(place, {name: text for name, text in files.items()
                                  if text is not None})

    def with_books(self, text):
        return self.host({**tree.good(), tree.BOOKS_FILE: text})

    def judge(self, code, out, err):
        """There is never a traceback, nor a mistake of the tool."""
        for text in (out, err):
            self.assertNotIn("Traceback", text)
        self.assertNotEqual(code, INTERNAL, err)
        return code, out, err

    def run_tool(self, *argv, host=None, env=None):
        """(exit code, stdout, stderr), in this process: that is cheap."""
        words = ["--root", str(host), *argv] if host else list(argv)
        streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
                   for _ in range(2)]
        pipe = signal.getsignal(signal.SIGPIPE)
        try:
            with mock.patch.dict(os.environ, {**ENV, **(env or {})}), \
                    mock.patch("sys.stdout", streams[0]), \
                    mock.patch("sys.stderr", streams[1]):
                code = cli.main(words)
        except SystemExit as end:
            code = end.code
        finally:
            signal.signal(signal.SIGPIPE, pipe)
        texts = []
        for stream in streams:
            stream.flush()
            texts.append(stream.buffer.getvalue().decode("utf-8"))
        return self.judge(code, *texts)

    def run_process(self, *argv, host=None, stdin="", env=None):
        """The same as a process of its own."""
        words = ["--root", str(host), *argv] if host else argv
        done = subprocess.run(command(*words), input=stdin, text=True,
                              env={**ENV, **(env or {})}, capture_output=True,
                              timeout=300, check=False, errors="replace")
        return self.judge(done.returncode, done.stdout, done.stderr)

    def fails(self, code, words, *argv, **how):
        """It answers a code, and a sentence on stderr; words are in it."""
        got, _, err = self.run_tool(*argv, **how)
        self.assertEqual(got, code, err)
        self.assertIn(words, err)
        self.assertEqual(len(err.strip().splitlines()[-1:]), 1)
        return err
