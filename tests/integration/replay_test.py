#!/usr/bin/env python3
"""A capture file through the same appliance, by a user without privileges."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import node
import tap

NOBODY = 65534


class Replay(unittest.TestCase):
    def test_shipped_configuration_runs_without_privileges(self):
        with tempfile.TemporaryDirectory() as folder:
            tree = pathlib.Path(folder)
            tree.chmod(0o755)
            # The configuration names its files relative to itself, so a copy of the two folders is a whole clone to it.
            shutil.copytree(node.ROOT / "configs", tree / "configs")
            (tree / "build" / "dataplane" / "bpf").mkdir(parents=True)
            shutil.copy(node.FIREWALL, tree / "build" / "dataplane" / "bpf")
            run_dir = tree / "run"
            run_dir.mkdir()
            prefix = []
            if os.geteuid() == 0:
                for path in (tree / "configs", tree / "build", run_dir):
                    shutil.chown(path, NOBODY, NOBODY)
                prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            done = subprocess.run(
                [*prefix, str(node.WEIR), "run", str(tree / "configs" / "replay.yaml"), "--run-dir", str(run_dir),
                 "--exit-when-idle", "1"], capture_output=True, text=True, cwd=tree / "configs", timeout=60)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("xdp_drop", done.stdout + done.stderr)

    def test_prog_run_and_the_appliance_agree_on_the_capture(self):
        capture = node.ROOT / "configs" / "replay.pcap"
        done = node.sh(node.WEIR, "prog", "run", node.FIREWALL, "--pcap-in", capture, "-j")
        self.assertEqual(done.returncode, 0, done.stderr)
        jit = json.loads(done.stdout)
        interp = json.loads(node.sh(node.WEIR, "prog", "run", node.FIREWALL, "--pcap-in", capture, "--engine", "interp", "-j").stdout)
        self.assertEqual(jit, interp)
        self.assertEqual({packet["verdict"] for packet in jit["packets"]}, {"XDP_PASS", "XDP_DROP"})


if __name__ == "__main__":
    tap.main()
