#!/usr/bin/env python3
"""Adds up what cargo's test programs have said.

    tally.py LIST LOG...

LIST is the output of `cargo test -- --ignored --list` (stdout and stderr together): the tests that need a server. Each LOG is the
output of a part of the run. Prints a line per part, the tests of LIST that no part has run, and at the end one line of totals.
Exits with 1 when a test failed.
"""

import re
import sys
from pathlib import Path

PROGRAM = re.compile(r"^\s+(?:Running (?:unittests )?(\S+)|Doc-tests (\S+))")
TEST = re.compile(r"^test (\S+)(?: - should panic)? \.\.\. (ignored)?")
LISTED = re.compile(r"^(\S+): test$")
RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed;")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def lines(path):
    """The lines of a log, each with the test program that it is from."""
    program = ""
    for line in Path(path).read_text(errors="replace").splitlines():
        line = COLOURS.sub("", line)
        if found := PROGRAM.match(line):
            program = found[1] or found[2]
        yield program, line


def main(listed, *logs):
    need_a_server = {(p, found[1]) for p, line in lines(listed) if (found := LISTED.match(line))}
    ran = set()
    passed = failed = 0
    for log in logs:
        good = bad = 0
        for program, line in lines(log):
            if (found := TEST.match(line)) and not found[2]:
                ran.add((program, found[1]))
            if found := RESULT.match(line):
                good, bad = good + int(found[1]), bad + int(found[2])
        if good or bad:
            print(f"{Path(log).stem:12} {good} passed, {bad} failed")
        passed, failed = passed + good, failed + bad
    skipped = sorted(need_a_server - ran)
    for program, test in skipped:
        print(f"NOT RUN      {program}: {test}")
    print(f"{passed} passed, {failed} failed, {len(skipped)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
