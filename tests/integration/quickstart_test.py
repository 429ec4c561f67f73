#!/usr/bin/env python3
"""The quickstart as a user starts it: it ends by itself with exit 0, and an interrupted one cleans up."""
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

import node
import tap

LAB = "weir-it-quick"


def machine():
    """What must be the same before and after."""
    return {
        "namespaces": sorted(line.split()[0] for line in node.sh("ip", "netns", "list").stdout.splitlines() if LAB in line),
        "hugepages": pathlib.Path("/proc/sys/vm/nr_hugepages").read_text(),
        "processes": [pid for pid in pathlib.Path("/proc").glob("[0-9]*")
                      if (pid / "cmdline").exists() and LAB.encode() in read(pid / "cmdline")],
    }


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def command(run_dir, *options):
    return ["python3", str(node.ROOT / "scripts" / "quickstart.py"), "--lab", LAB, "--run-dir", f"{run_dir}/{LAB}", *options]


@node.needs_root()
class Quickstart(unittest.TestCase):
    def test_ends_by_itself_with_a_summary(self):
        before = machine()
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(command(folder, "--seconds", "20"), capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for word in ("PASSED", "dropped by the firewall", "blocked_port", "blocked_source", "swap "):
            self.assertIn(word, done.stdout)
        self.assertEqual(machine(), before)

    def test_interrupted_it_leaves_the_machine_as_it_was(self):
        before = machine()
        with tempfile.TemporaryDirectory() as folder:
            process = subprocess.Popen(command(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            time.sleep(6)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
        self.assertIn("stopping", output)
        self.assertEqual(machine(), before)


if __name__ == "__main__":
    tap.main()
