#!/usr/bin/env python3
"""tally.py with made-up logs."""

import contextlib
import io
import os
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True  # the sources stay as they were committed
import tally

RUNNING = "    Finished `test` profile [unoptimized + debuginfo] target(s) in 0.12s\n     Running tests/{0}.rs (target/debug/deps/{0}-1)\n"


def result(passed, failed=0):
    return f"\ntest result: {'FAILED' if failed else 'ok'}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 9 filtered out; finished in 1.0s\n"


# One test is run by one target, one by another, one by two.
BUILD = (
    RUNNING.format("real") + "a: test\nb::c: test\nd: test\n\n3 tests, 0 benchmarks\n" + RUNNING.format("real")
    + "test a ... ignored, make test-one\ntest b::c ... ignored, make test-two\ntest d ... ignored, make test-one, make test-two\n"
    + result(0)
)
# All tests: beside these, one that needs no server.
LIST = RUNNING.format("quick") + "q: test\n\n1 test, 0 benchmarks\n" + RUNNING.format("real") + "a: test\nb::c: test\nd: test\n\n3 tests, 0 benchmarks\n"
ONE = RUNNING.format("real") + "test a ... ok\ntest d ... 5 kills, SEED=7\n5 kills by phase: 3 records, 2 partitions\nok\n" + result(2)
TWO = RUNNING.format("real") + "test b::c ... ok\ntest d ... ok\n" + result(2)
FAST = RUNNING.format("quick") + "test q ... ok\n" + result(1)


class Tally(unittest.TestCase):
    def setUp(self):
        # Of whoever runs us, such as .ci/run.
        os.environ.pop("LIMIT_MINUTES", None)

    def judged(self, *parts, marks=None, rest=(), notes=None, build=BUILD, list=LIST, **logs):
        """The exit code and the lines for these parts; each has its mark, but where `marks` says which have."""
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out:
            for name, text in {"build": build, "list": list, **logs}.items():
                Path(folder, f"{name}.log").write_text(text)
            for name, text in (notes or {}).items():
                Path(folder, name).write_text(text)
            for name in parts if marks is None else marks:
                Path(folder, f"{name}.good").touch()
            code = tally.main(folder, *(f"{part}=test-{part}" for part in parts), "--", *(f"{part}=test-{part}" for part in rest))
        return code, out.getvalue().splitlines()

    def assert_wrong(self, text, judged):
        code, lines = judged
        self.assertEqual((code, [line for line in lines if line.startswith("WRONG")]), (1, [f"WRONG        {text}"]), lines)

    def test_all_of_it(self):
        code, lines = self.judged("one", "two", "fast", one=ONE, two=TWO, fast=FAST)
        self.assertEqual(code, 0, lines)
        self.assertEqual(lines, [
            "one          2 passed, 0 failed", "one          5 kills by phase: 3 records, 2 partitions",
            "two          2 passed, 0 failed", "fast         1 passed, 0 failed", "5 passed, 0 failed, 0 skipped",
        ])

    def test_what_no_part_runs_is_only_listed(self):
        code, lines = self.judged("one", one=ONE)
        self.assertEqual((code, lines[-3:]), (0, [
            "NOT RUN      tests/quick.rs: q (make test-fast)", "NOT RUN      tests/real.rs: b::c (make test-two)", "2 passed, 0 failed, 2 skipped",
        ]))

    def test_what_needs_no_server_and_is_skipped_everywhere_is_wrong(self):
        new = LIST.replace("q: test\n", "q: test\nsome_new_one_ends_safely: test\n")
        self.assert_wrong("tests/quick.rs: some_new_one_ends_safely: not run by make test-fast",
                          self.judged("one", "two", "fast", one=ONE, two=TWO, fast=FAST, list=new))

    def test_what_needs_no_server_may_be_run_by_another_part(self):
        new = LIST.replace("q: test\n", "q: test\nends_safely: test\n")
        other = RUNNING.format("quick") + "test ends_safely ... ok\n" + result(1)
        self.assertEqual(self.judged("fast", "faults", fast=FAST, faults=other, list=new)[0], 0)

    def test_many_of_a_kind_are_counted(self):
        many = LIST.replace("q: test\n", "".join(f"q{i}: test\n" for i in range(6)))
        code, lines = self.judged("one", one=ONE, list=many)
        self.assertEqual(code, 0, lines)
        self.assertIn("NOT RUN      6 tests, such as tests/quick.rs: q0 (make test-fast)", lines)
        self.assertEqual(lines[-1], "2 passed, 0 failed, 7 skipped")
        self.assert_wrong("6 tests, such as tests/quick.rs: q0: not run by make test-fast",
                          self.judged("fast", fast=RUNNING.format("quick") + "test z ... ok\n" + result(1), list=many))

    def test_parts_that_were_not_asked_for_are_listed(self):
        code, lines = self.judged("one", one=ONE, rest=["two", "ship"])
        self.assertEqual(code, 0, lines)
        self.assertEqual([line for line in lines if " part " in line], ["NOT RUN      part two (make test-two)", "NOT RUN      part ship (make test-ship)"])

    def test_names_with_spaces(self):
        doc = LIST + "   Doc-tests camunda_backup\nsrc/lib.rs - plan (line 5): test\n"
        ran = FAST + "   Doc-tests camunda_backup\ntest src/lib.rs - plan (line 5) ... ok\n" + result(1)
        self.assertEqual(self.judged("fast", fast=ran, list=doc)[0], 0)
        self.assert_wrong("camunda_backup: src/lib.rs - plan (line 5): not run by make test-fast", self.judged("fast", fast=FAST, list=doc))

    def test_what_a_part_should_have_run_is_wrong(self):
        some = RUNNING.format("real") + "test d ... ok\n" + result(1)
        self.assert_wrong("tests/real.rs: a: not run by make test-one", self.judged("one", "two", one=some, two=TWO))

    def test_what_another_part_has_run_is_not_missed(self):
        some = RUNNING.format("real") + "test b::c ... ok\n" + result(1)
        self.assertEqual(self.judged("one", "two", one=ONE, two=some)[0], 0)

    def test_what_is_left_out_on_purpose_is_listed_with_its_reason(self):
        some = RUNNING.format("real") + "test d ... ok\n" + result(1) + "NOT RUN tests/real.rs: b:: (the cluster is a given one)\n"
        code, lines = self.judged("one", "two", one=ONE, two=some)
        self.assertEqual(code, 0, lines)
        self.assertIn("NOT RUN      tests/real.rs: b:: (the cluster is a given one)", lines)
        self.assertEqual(lines[-1], "3 passed, 0 failed, 2 skipped")

    def test_what_no_target_names_is_wrong(self):
        build = BUILD.replace("ignored, make test-two", "ignored, some day")
        self.assert_wrong("tests/real.rs: b::c: not run, and nothing says which target does", self.judged("one", one=ONE, build=build))

    def test_a_failed_test(self):
        code, lines = self.judged("one", one=ONE + RUNNING.format("more") + "test z ... FAILED\n" + result(3, 1))
        self.assertEqual((code, lines[-1]), (1, "5 passed, 1 failed, 2 skipped"))

    def test_a_part_without_its_mark(self):
        self.assert_wrong("one: it did not end well", self.judged("one", "two", one=ONE, two=TWO, marks=["two"]))

    def test_a_part_that_was_ended_at_its_limit(self):
        self.assert_wrong("one: it was ended at its limit of 2700 s",
                          self.judged("one", "two", one=ONE, two=TWO, marks=["two"], notes={"one.limit": "2700\n"}))

    def test_all_of_it_may_take_any_time_unless_there_is_a_limit(self):
        self.addCleanup(os.environ.pop, "LIMIT_MINUTES", None)
        long = {"seconds": "2830\n"}
        self.assertEqual(self.judged("one", one=ONE, notes=long)[0], 0)
        os.environ["LIMIT_MINUTES"] = "48"
        self.assertEqual(self.judged("one", one=ONE, notes=long)[0], 0)
        os.environ["LIMIT_MINUTES"] = "45"
        self.assert_wrong("it took 47.2 min, limit 45", self.judged("one", one=ONE, notes=long))
        self.assert_wrong("seconds: nothing says how long it took", self.judged("one", one=ONE))

    def test_a_part_that_never_began(self):
        code, lines = self.judged("one", "two", one=ONE, marks=["one"])
        self.assertEqual(code, 1)
        self.assertIn("WRONG        two: it did not end well", lines)

    def test_a_filter_that_matches_nothing(self):
        self.assert_wrong("slow: cargo has run no test", self.judged("slow", slow=RUNNING.format("quick") + result(0)))

    def test_one_of_several_runs_without_a_test(self):
        runs = ONE + RUNNING.format("real") + result(0)
        self.assert_wrong("one: cargo has run no test", self.judged("one", one=runs))

    def test_programs_of_one_run_count_together(self):
        run = FAST + "     Running tests/other.rs (target/debug/deps/other-1)\n" + result(0) + "   Doc-tests camunda_backup\n" + result(0)
        self.assertEqual(self.judged("fast", fast=run)[0], 0)

    def test_a_part_of_scripts_has_no_cargo_and_others_must(self):
        self.assertEqual(self.judged("chart", chart="test-chart: as it should be\n")[0], 0)
        self.assert_wrong("slow: cargo has run no test", self.judged("slow", slow="nothing\n"))

    def test_a_list_of_nothing(self):
        self.assert_wrong("list.log: it lists no test that needs no server", self.judged("one", one=ONE, list=""))
        self.assert_wrong("build.log: it lists no test that needs a server", self.judged("one", one=ONE, build=""))

    def test_what_is_worth_telling(self):
        log = "03:24:22 image elasticsearch:8.19.21 is built here\nNOT RUN cargo-deny (it is not installed)\nran on Camunda 8.6.0\nran on Camunda 8.6.0\n"
        code, lines = self.judged("check", check=log)
        self.assertEqual(code, 0, lines)
        self.assertEqual(lines[:2], ["check        image elasticsearch:8.19.21 is built here", "check        ran on Camunda 8.6.0"])
        self.assertIn("NOT RUN      cargo-deny (it is not installed)", lines)
        self.assertEqual(lines[-1], "0 passed, 0 failed, 4 skipped")


if __name__ == "__main__":
    unittest.main()
