#!/usr/bin/env python3
"""Judges a run of the tests and adds it up: what scripts/test.sh ends with.

    tally.py FOLDER PART=TARGET... [-- PART=TARGET...]

After `--` are the parts that were not asked for. FOLDER holds list.log, with what `cargo test -- --list` says (all tests),
build.log, with what it says of `--ignored` (those that need a server), and of each part PART.log, its output, PART.good once it
has ended well, and PART.limit, in seconds, where it did not end until it was made to; and seconds, which all of it took. Which
make target runs a test, cargo prints where it is ignored; all others are run by ORDINARY.

Prints for each part what it ran on and counted, then what was not run, what is wrong, and one line of totals. Wrong, and an
exit code of 1, is a test that failed; a part without its mark; a run of cargo in which no test passed, and a part without such
a run, where it should have one; a test that was not run although a target that runs it was among the parts; and more time than
LIMIT_MINUTES, where that is set.
A part says `NOT RUN WHAT (WHY)` of what it leaves out on purpose; WHAT may be the beginning of `PROGRAM: TEST`.
"""

import os
import re
import sys
from pathlib import Path

# Made of scripts alone: their mark has to do.
WITHOUT_CARGO = {"check", "chart", "shells", "image"}
ORDINARY = "test-fast"
# Of more tests of one kind only the first is named.
SHORT = 5

PROGRAM = re.compile(r"^\s+(?:Running (?:unittests )?(\S+)|Doc-tests (\S+))")
BUILT = re.compile(r"^\s+Finished ")  # cargo's last words before it runs test programs
TEST = re.compile(r"^test (.+?)(?: - should panic)? \.\.\. (ignored(?:, (.*))?$)?")
LISTED = re.compile(r"^(.+): test$")
RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed;")
NOT_RUN = re.compile(r"^NOT RUN (.+?) \((.+)\)$")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# Servers and figures; and an oddity of the servers that tests help them over.
WORTH_TELLING = re.compile(
    r"^ran on .*|image \S+ is (?:built here|official).*|\d+ kills by phase: .*|exporting ran again .*|the guard resumed exporting after .*|\d+ schedules: .*"
    r"|Operate and Tasklist are restarted"
)


class Log:
    """What the output of a part, or of the build, says."""

    def __init__(self, path):
        self.listed, self.ran, self.targets = set(), set(), {}
        self.left_out, self.told = {}, []
        self.passed = self.failed = 0
        self.runs = []  # of cargo: how many tests passed in each
        program, begins = "", True
        for line in COLOURS.sub("", path.read_text(errors="replace") if path.exists() else "").splitlines():
            if found := PROGRAM.match(line):
                program = found[1] or found[2]
            elif BUILT.match(line):
                begins = True
            elif found := LISTED.match(line):
                self.listed.add((program, found[1]))
            elif found := RESULT.match(line):
                if begins:
                    self.runs.append(0)
                    begins = False
                self.runs[-1] += int(found[1])
                self.passed, self.failed = self.passed + int(found[1]), self.failed + int(found[2])
            elif found := NOT_RUN.match(line):
                self.left_out[found[1]] = found[2]
            elif (found := TEST.match(line)) and found[2]:
                self.targets[program, found[1]] = re.findall(r"make (test-\S+?)(?:,|$)", found[3] or "")
            elif found:
                self.ran.add((program, found[1]))
            if (found := WORTH_TELLING.search(line)) and found[0] not in self.told:
                self.told.append(found[0])


def together(tests):
    """These tests, given as {test: why}, as lines: all of them, or of many with the same reason one and their number."""
    for why in dict.fromkeys(tests.values()):
        same = [test for test, reason in tests.items() if reason == why]
        if len(same) > SHORT:
            yield f"{len(same)} tests, such as {same[0]}", why
        else:
            yield from ((test, why) for test in same)


def too_long(folder, limit):
    """What is wrong with the time that all of it took."""
    if limit and not (folder / "seconds").exists():
        yield "seconds: nothing says how long it took"
    elif limit and (minutes := int((folder / "seconds").read_text()) / 60) > float(limit):
        yield f"it took {minutes:.1f} min, limit {limit}"


def main(folder, *pairs):
    folder = Path(folder)
    end = pairs.index("--") if "--" in pairs else len(pairs)
    parts, others = (dict(pair.split("=") for pair in some) for some in (pairs[:end], pairs[end + 1 :]))
    build, listed = Log(folder / "build.log"), Log(folder / "list.log").listed
    logs = {part: Log(folder / f"{part}.log") for part in parts}
    ran, targets, left_out = set(), dict(build.targets), {}
    wrong = [] if build.listed else ["build.log: it lists no test that needs a server"]
    if not listed - build.listed:
        wrong.append("list.log: it lists no test that needs no server")
    for part, log in logs.items():
        ran |= log.ran
        targets |= log.targets
        left_out |= log.left_out
        if log.runs:
            print(f"{part:12} {log.passed} passed, {log.failed} failed")
        for line in log.told:
            print(f"{part:12} {line}")
        if (limit := folder / f"{part}.limit").exists():
            wrong.append(f"{part}: it was ended at its limit of {limit.read_text().strip()} s")
        elif not (folder / f"{part}.good").exists():
            wrong.append(f"{part}: it did not end well")
        if 0 in log.runs or not log.runs and part not in WITHOUT_CARGO:
            wrong.append(f"{part}: cargo has run no test")
    skipped, missing = {}, {}  # and why
    tests = sorted((listed | build.listed) - ran)
    for program, name in tests:
        test = f"{program}: {name}"
        named = targets.get((program, name), []) if (program, name) in build.listed else [ORDINARY]
        on_purpose = any(test.startswith(what) for what in left_out)
        if not named:
            missing[test] = "not run, and nothing says which target does"
        elif not on_purpose and (here := set(named) & set(parts.values())):
            missing[test] = f"not run by make {' '.join(sorted(here))}"
        elif not on_purpose:
            skipped[test] = f"make {' or '.join(named)}"
    wrong += [f"{test}: {why}" for test, why in together(missing)]
    wrong += too_long(folder, os.environ.get("LIMIT_MINUTES"))
    for part, target in others.items():
        print(f"NOT RUN      part {part} (make {target})")
    for test, why in together(skipped):
        print(f"NOT RUN      {test} ({why})")
    for what, why in left_out.items():
        print(f"NOT RUN      {what} ({why})")
    for text in wrong:
        print(f"WRONG        {text}")
    passed, failed = (sum(getattr(log, count) for log in logs.values()) for count in ("passed", "failed"))
    print(f"{passed} passed, {failed} failed, {len(tests)} skipped")
    return 1 if failed or wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
