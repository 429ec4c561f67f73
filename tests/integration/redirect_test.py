#!/usr/bin/env python3
"""Devmaps and cpumaps on a running node, filled by the operator. No privileges: null devices make the packets."""
import pathlib
import signal
import subprocess
import time
import unittest

import node
import tap

OBJECTS = node.BUILD / "tests" / "integration"
OBJECT, NEXT = OBJECTS / "redirect.bpf.o", OBJECTS / "redirect-next.bpf.o"
BEHIND_DEVMAP, BEHIND_CPUMAP, NEXT_BEHIND_DEVMAP = range(3)


def config(function, lcores="0"):
    return f"""
version: 1
workers: {{lcores: "{lcores}", idle: adaptive}}
memory: {{hugepages: off, size: 128MiB}}
ports:
  wan: {{device: "net_null0", pass: drop, ifindex: 1, ingress: [{{program: fw}}]}}
  lan: {{device: "net_null1,no-rx=1", pass: drop, ifindex: 2}}
  dmz: {{device: "net_null2,no-rx=1", pass: drop, ifindex: 3}}
programs:
  fw: {{object: {OBJECT}, program: {function}}}
"""


class Redirects(unittest.TestCase):
    def counters(self, running, port):
        stats = running.stats()
        self.assertTrue(node.balanced(stats["total"]), stats["total"])
        return stats["ports"][port]

    def count(self, running, which):
        rows = running.json("map", "dump", "fw/counts")
        return next(int.from_bytes(bytes.fromhex(row["value_hex"]), "little") for row in rows
                    if int.from_bytes(bytes.fromhex(row["key_hex"]), "little") == which)

    def grows(self, running, read, what):
        before = read()
        running.wait_until(lambda: read() > before, f"{what} above {before}")

    def done(self, running, *words):
        result = running.weir(*words)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def refused(self, running, *words, says):
        result = running.weir(*words)
        self.assertNotEqual(result.returncode, 0)
        self.assertTrue(node.one_line(result.stderr), result.stderr)
        self.assertIn(says, result.stderr)

    def log_of_a_replay(self, folder, saved):
        """What a dataplane alone says of the file until it runs the generation in it, and of its end."""
        log = folder.with_suffix(".log")
        with open(log, "w", encoding="utf-8") as file, \
                subprocess.Popen([node.DATAPLANE, "--run-dir", folder, "--replay", saved], stdout=file, stderr=file) as dataplane:
            try:
                deadline = time.monotonic() + 2 * node.READY_SECONDS
                while "generation 1: 1 programs" not in log.read_text() and dataplane.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.05)
                dataplane.send_signal(signal.SIGINT)
                dataplane.wait(timeout=node.READY_SECONDS)
            finally:
                dataplane.kill()
        return log.read_text()

    def test_a_devmap_with_a_program_over_a_swap_and_a_restart(self):
        running = node.Node(config("by_devmap"))
        try:
            running.start()
            # No entry yet: the helper's third argument.
            self.grows(running, lambda: self.counters(running, "wan")["drops"]["xdp_aborted"], "aborted")
            program = next(each for each in running.json("prog", "list") if each["name"] == "fw")
            self.assertEqual(len(program["aborted"]), 1)
            self.assertIn("at insn", running.weir("stats").stdout)
            self.done(running, "map", "update", "fw/out", "1", "lan:fw/stamp")
            self.grows(running, lambda: self.counters(running, "lan")["tx"], "sent by lan")
            self.grows(running, lambda: self.count(running, BEHIND_DEVMAP), "runs behind the entry")
            self.done(running, "map", "update", "fw/out", "1", "dmz:fw/stamp")
            self.grows(running, lambda: self.counters(running, "dmz")["drops"]["redirect_drop"], "dropped behind the entry")
            self.done(running, "map", "update", "fw/out", "1", "3")
            self.grows(running, lambda: self.counters(running, "dmz")["tx"], "sent by dmz")
            self.done(running, "map", "update", "fw/out", "1", "lan:fw/stamp")
            self.refused(running, "map", "update", "fw/out", "1", "7", says="no port has ifindex 7: 1 is wan, 2 is lan, 3 is dmz")
            self.refused(running, "map", "update", "fw/out", "1", "nan", says="no port is called 'nan', there are wan, lan, dmz")
            self.refused(running, "map", "update", "fw/out", "1", "lan:fw", says="expected one of section xdp/devmap")
            self.refused(running, "map", "update", "fw/out", "9", "lan", says="the index is 9, expected at most 3")
            # The entry goes on, over the new program of that name.
            self.done(running, "prog", "swap", "fw", str(NEXT), "--prog", "by_devmap")
            self.grows(running, lambda: self.count(running, NEXT_BEHIND_DEVMAP), "runs of the next version")
            self.grows(running, lambda: self.counters(running, "lan")["tx"], "sent by lan after the swap")
            saved = pathlib.Path(running.run_dir) / "confirmed.replay"
            running.wait_until(lambda: b"stamp" in saved.read_bytes(), "the replay file")
            running.stop()
            log = self.log_of_a_replay(running.folder / "again", saved)
            self.assertIn("generation 1: 1 programs", log)
            self.assertNotIn("error", log)
        finally:
            running.__exit__()

    def test_a_broadcast_goes_to_all_but_where_it_came_from(self):
        with node.Node(config("to_all")) as running:
            for key, port in enumerate(("wan", "lan", "dmz")):
                self.done(running, "map", "update", "fw/all", str(key), port)
            self.grows(running, lambda: self.counters(running, "lan")["tx"], "sent by lan")
            self.grows(running, lambda: self.counters(running, "dmz")["tx"], "sent by dmz")
            self.assertEqual(self.counters(running, "wan")["tx"], 0)
            self.grows(running, lambda: self.counters(running, "wan")["cloned"], "copies")
            traced = running.json("trace", "-c", "1")["packets"][0]
            self.assertEqual((sorted(traced["leaves_by"]), traced["drops"]), (["dmz", "lan"], []))
            self.refused(running, "map", "update", "fw/all", "1", "lan:fw/stamp", says="no room for a program")

    def test_a_cpumap_leads_to_another_worker(self):
        with node.Node(config("by_cpumap", lcores="0,1")) as running:
            self.done(running, "map", "update", "fw/cpus", "1", "64:fw/there")
            self.grows(running, lambda: self.count(running, BEHIND_CPUMAP), "runs behind the entry")
            self.grows(running, lambda: self.counters(running, "wan")["drops"]["redirect_drop"], "dropped there")
            self.assertEqual(self.counters(running, "wan")["drops"]["redirect_aborted"], 0)
            # Where the queue is full at the moment, the next one.
            running.wait_until(lambda: running.json("trace", "-c", "1")["packets"][0]["to_workers"] == [1], "a hand-over")
            running.wait_until(lambda: "  goes on with worker 1\n" in running.weir("trace", "-c", "1").stdout, "its line")
            for _ in range(20):
                stats = running.stats()
                self.assertTrue(node.balanced(stats["total"]), stats["total"])
                self.assertLess(stats["total"]["in_flight"], 1 << 32)
            self.refused(running, "map", "update", "fw/cpus", "1", "64:fw", says="expected one of section xdp/cpumap")
            self.refused(running, "map", "update", "fw/cpus", "1", "lan", says="expected the length of a queue")
            self.done(running, "map", "delete", "fw/cpus", "1")
            self.grows(running, lambda: self.counters(running, "wan")["drops"]["xdp_drop"], "dropped without an entry")


if __name__ == "__main__":
    tap.main()
