#!/usr/bin/env python3
"""The plug-in's protocol: `plugin_test.py PLUGIN`."""

import subprocess
import sys
import unittest

PLUGIN = sys.argv.pop()
EXIT = "95 00 00 00 00 00 00 00"


def run(program, *arguments):
    return subprocess.run([PLUGIN, *arguments], input=program, capture_output=True, text=True, timeout=30, check=False)


class Plugin(unittest.TestCase):
    def test_prints_all_bits_of_r0_in_hex(self):
        for engine in ([], ["--engine", "jit"], ["--engine", "interp"]):
            done = run(f"b7 00 00 00 ff ff ff ff {EXIT}", *engine)
            self.assertEqual((done.returncode, done.stdout), (0, "ffffffffffffffff\n"), done.stderr)

    def test_memory_comes_first_and_options_after_it(self):
        for engine in ("jit", "interp"):
            load = f"71 10 02 00 00 00 00 00 0f 20 00 00 00 00 00 00 {EXIT}"  # r0 = memory[2] + length
            done = run(load, "0a 0b 0c 0d", "--engine", engine)
            self.assertEqual((done.returncode, done.stdout), (0, "10\n"), done.stderr)

    def test_helper_5_returns_its_first_argument(self):
        for engine in ("jit", "interp"):
            done = run(f"b7 01 00 00 2a 00 00 00 85 00 00 00 05 00 00 00 {EXIT}", "--engine", engine)
            self.assertEqual((done.returncode, done.stdout), (0, "2a\n"), done.stderr)

    def test_refuses_what_cannot_run_with_one_line(self):
        for program, arguments, message in (
            ("ff 00 00 00 00 00 00 00", [], "unknown opcode 0xff"),
            ("95 00 00", [], "3 bytes, expected a multiple of 8 above 0"),
            ("", [], "0 bytes, expected a multiple of 8 above 0"),
            ("9x", [], "program: character 1: expected two hex digits"),
            (EXIT, ["zz"], "memory: character 1: expected two hex digits"),
            (EXIT, ["--engine", "gpu"], "engine 'gpu', expected jit, jit_blinded or interp"),
            (EXIT, ["00", "--speed"], "unexpected argument '--speed'"),
            (f"79 10 00 00 00 00 00 00 {EXIT}", ["00", "--engine", "interp"], "outside memory and stack"),
            ("05 00 ff ff 00 00 00 00", ["--engine", "interp"], "step limit"),
            (f"85 00 00 00 07 00 00 00 {EXIT}", ["--engine", "interp"], "helper that does not exist"),
            (f"b7 01 00 00 00 00 00 00 79 10 00 00 00 00 00 00 {EXIT}", ["--engine", "jit"], "program crashed: signal 11"),
            ("05 00 ff ff 00 00 00 00", ["--engine", "jit"], "program did not end within 10 s"),
        ):
            done = run(program, *arguments)
            self.assertNotEqual(done.returncode, 0, program)
            self.assertGreater(done.returncode, 0, "died of a signal")
            self.assertEqual(done.stdout, "")
            self.assertEqual(done.stderr.count("\n"), 1)
            self.assertIn(message, done.stderr)


if __name__ == "__main__":
    unittest.main()
