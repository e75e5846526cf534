#!/usr/bin/env python3
"""Judges a run of the tests and adds it up: what scripts/test.sh ends with.

    tally.py FOLDER PART=TARGET...

FOLDER holds build.log, with what `cargo test -- --ignored --list` says (the tests that need a server), and of each part
PART.log, its output, and PART.good once it has ended well. Which make target runs a test, cargo prints where it is ignored.

Prints for each part what it ran on and counted, then what was not run, what is wrong, and one line of totals. Wrong, and an
exit code of 1, is a test that failed; a part without its mark; a run of cargo in which no test passed, and a part without such
a run, where it should have one; and a test that was not run although a target that runs it was among the parts.
A part says `NOT RUN WHAT (WHY)` of what it leaves out on purpose; WHAT may be the beginning of `PROGRAM: TEST`.
"""

import re
import sys
from pathlib import Path

# Made of scripts alone: their mark has to do.
WITHOUT_CARGO = {"check", "chart", "shells", "image"}

PROGRAM = re.compile(r"^\s+(?:Running (?:unittests )?(\S+)|Doc-tests (\S+))")
BUILT = re.compile(r"^\s+Finished ")  # cargo's last words before it runs test programs
TEST = re.compile(r"^test (\S+)(?: - should panic)? \.\.\. (ignored(?:, (.*))?$)?")
LISTED = re.compile(r"^(\S+): test$")
RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed;")
NOT_RUN = re.compile(r"^NOT RUN (.+?) \((.+)\)$")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# Servers and figures; and an oddity of the servers that tests help them over.
WORTH_TELLING = re.compile(
    r"^ran on .*|image \S+ is (?:built here|official).*|\d+ kills within .*|exporting ran again .*|\d+ schedules: .*"
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


def main(folder, *pairs):
    folder = Path(folder)
    parts = dict(pair.split("=") for pair in pairs)
    build = Log(folder / "build.log")
    logs = {part: Log(folder / f"{part}.log") for part in parts}
    ran, targets, left_out = set(), dict(build.targets), {}
    wrong = [] if build.listed else ["build.log: it lists no test that needs a server"]
    for part, log in logs.items():
        ran |= log.ran
        targets |= log.targets
        left_out |= log.left_out
        if log.runs:
            print(f"{part:12} {log.passed} passed, {log.failed} failed")
        for line in log.told:
            print(f"{part:12} {line}")
        if not (folder / f"{part}.good").exists():
            wrong.append(f"{part}: it did not end well")
        if 0 in log.runs or not log.runs and part not in WITHOUT_CARGO:
            wrong.append(f"{part}: cargo has run no test")
    skipped = {f"{program}: {test}": targets.get((program, test), []) for program, test in sorted(build.listed - ran)}
    for test, named in skipped.items():
        on_purpose = any(test.startswith(what) for what in left_out)
        if not named:
            wrong.append(f"{test}: not run, and nothing says which target does")
        elif not on_purpose and (here := set(named) & set(parts.values())):
            wrong.append(f"{test}: not run by make {' '.join(sorted(here))}")
        elif not on_purpose:
            print(f"NOT RUN      {test} (make {' or '.join(named)})")
    for what, why in left_out.items():
        print(f"NOT RUN      {what} ({why})")
    for text in wrong:
        print(f"WRONG        {text}")
    passed, failed = (sum(getattr(log, count) for log in logs.values()) for count in ("passed", "failed"))
    print(f"{passed} passed, {failed} failed, {len(skipped)} skipped")
    return 1 if failed or wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
