"""What the tool answers to the shell: exit codes, and errors in a sentence."""

OK = 0
WARN = 1            # check: something to look at; why: nothing is known of it
BAD = 2             # check: something that does not work
USAGE = 64          # the command line
DATA = 65           # books that this version does not read
UNAVAILABLE = 69    # no driver, or nothing that could be read
INTERNAL = 70       # a mistake in this tool
OUTPUT = 74         # what it wrote did not arrive
NOPERM = 77         # not root
INTERRUPTED = 130


class Problem(Exception):
    """Ends the command: a sentence for stderr and an exit code."""

    def __init__(self, text, code=UNAVAILABLE):
        super().__init__(text)
        self.code = code
