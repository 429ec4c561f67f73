#!/usr/bin/env python3
"""What gdb says of generated code: functions, lines, and a backtrace through it. Argument: gdb_program."""
import re
import shutil
import subprocess
import sys
import unittest

PROGRAM = sys.argv.pop(1)
COMMANDS = ("set confirm off", "set debuginfod enabled off", "set breakpoint pending on", "break stop_here", "run", "echo SINGLE\\n",
            "bt", "continue", "echo BURST\\n", "bt", "info symbol $pc", "frame 1", "info symbol $pc", "finish", "next", "continue")


@unittest.skipUnless(shutil.which("gdb"), "no gdb here")
class Gdb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        words = ["gdb", "-nx", "-batch"]
        for command in COMMANDS:
            words += ["-ex", command]
        done = subprocess.run([*words, PROGRAM], capture_output=True, text=True, timeout=120, check=False)
        cls.said = done.stdout + done.stderr
        if "ptrace: Operation not permitted" in cls.said or "Could not trace the inferior" in cls.said:
            raise unittest.SkipTest("no right to trace a process")

    def frames(self, mark):
        """Functions of the backtrace behind `mark`, innermost first."""
        text = self.said.split(mark + "\n", 1)[1]
        return re.findall(r"^#\d+\s+(?:0x[0-9a-f]+ in )?(\S+) \(.*?\)(?: at (\S+))?", text, re.MULTILINE)

    def assert_through(self, mark, functions):
        frames = self.frames(mark)
        names = [name for name, _ in frames]
        self.assertEqual(names[:len(functions)], functions, self.said)
        self.assertIn("_start", names, self.said)
        self.assertEqual(frames[1][1], "stop.bpf.c:5", self.said)
        self.assertEqual(frames[2][1], "stop.bpf.c:11", self.said)

    def test_unwinds_from_a_helper_through_a_run_of_one_packet(self):
        self.assert_through("SINGLE", ["stop_here", "weir:stop:inner", "weir:stop:outer"])

    def test_unwinds_through_a_run_of_a_burst(self):
        self.assert_through("BURST", ["stop_here", "weir:stop:inner", "weir:stop:outer.burst"])

    def test_knows_the_functions(self):
        self.assertIn("weir:stop:inner", self.said.split("BURST\n", 1)[1].split("frame", 1)[-1])

    def test_lets_the_program_end(self):
        self.assertRegex(self.said, r"exited normally")


if __name__ == "__main__":
    unittest.main()
