#!/usr/bin/env python3
"""What `weir prog verify` prints, as text and as JSON, against tests/golden/verify. Arguments: weir, object, an object with unsafe
programs. What differs between
machines and with every change of the verifier (time, instructions walked, states, memory) stands there as N.
WEIR_GOLDEN_REWRITE=1 writes the files anew."""
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

WEIR, OBJECT, UNSAFE = (str(pathlib.Path(word).resolve()) for word in sys.argv[1:4])
FOLDER = pathlib.Path(__file__).resolve().parent / "verify"
VARYING = [(re.compile(r"\d+ visited, \d+ us"), "N visited, N us"),
           (re.compile(r"at most \d+ states in \d+ KiB"), "at most N states in N KiB"),
           (re.compile(r"[^\s\"(]*/(costs|memory)\.bpf\.c"), r"\1.bpf.c")]


def weir(*words):
    return subprocess.run([WEIR, *words], capture_output=True, text=True, timeout=60)


class Verify(unittest.TestCase):
    maxDiff = None

    def same(self, name, text):
        for pattern, stand_in in VARYING:
            text = pattern.sub(stand_in, text)
        path = FOLDER / name
        if os.environ.get("WEIR_GOLDEN_REWRITE"):
            path.write_text(text)
        self.assertEqual(text, path.read_text())

    def test_the_text_says_verdicts_costs_and_uses(self):
        done = weir("prog", "verify", OBJECT)
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.same("costs.txt", done.stdout)

    def test_the_json_says_the_same(self):
        done = weir("prog", "verify", OBJECT, "-j")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        entries = json.loads(done.stdout)
        for entry in entries:
            accepted = entry["accepted"]
            for key in ("visited_insns", "time_us", "states_peak", "bytes_peak"):
                self.assertEqual(isinstance(entry[key], int), accepted or key in ("visited_insns", "time_us"), (key, entry))
                entry[key] = "N" if accepted else None
        self.same("costs.json", json.dumps(entries, indent=1) + "\n")

    def test_an_unsafe_program_is_shown_at_work(self):
        done = weir("prog", "verify", UNSAFE, "--prog", "one_byte_too_far")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertLessEqual(len(done.stdout.splitlines()), 40)
        self.same("unsafe.txt", done.stdout)
        done = weir("prog", "verify", UNSAFE, "--prog", "one_byte_too_far", "-j")
        error = json.loads(done.stdout)[0]["error"]
        self.assertEqual(error["verdict"], "unsafe")
        self.assertEqual(error["counterexample"]["packet_hex"], "00" * 64)
        self.assertEqual(error["counterexample"]["insn"], error["insn"])
        self.same("unsafe.json", json.dumps(error, indent=1) + "\n")

    def test_nothing_is_run_where_that_is_not_wanted(self):
        done = weir("prog", "verify", UNSAFE, "--prog", "one_byte_too_far", "--no-replay")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.same("no_replay.txt", done.stdout)
        done = weir("prog", "verify", UNSAFE, "--prog", "one_byte_too_far", "--no-replay", "-j")
        error = json.loads(done.stdout)[0]["error"]
        self.assertEqual((error["verdict"], error["counterexample"]), ("not proven", None))
        self.assertEqual(error["no_counterexample"], "nothing was run (--no-replay)")

    def test_what_is_not_offered_alone_is_no_rejection(self):
        done = weir("prog", "verify", OBJECT, "--prog", "shaped")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.same("not_offered.txt", done.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
