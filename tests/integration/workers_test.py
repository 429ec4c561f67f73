#!/usr/bin/env python3
"""Two workers behind one queue: the packets of a capture shared out by flow, what is shown of it, and that idle workers rest."""
import os
import pathlib
import struct
import tempfile
import time
import unittest

import devices
import node
import tap

PACKETS = 20_000
FLOWS = 256


def write_capture(path):
    packets = []
    for number in range(PACKETS):
        source = bytes([10, 0, 0, number % FLOWS])
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 46, 0, 0, 64, 17, 0, source, bytes([192, 0, 2, 1]))
        packets.append(bytes.fromhex("0200000000020200000000010800") + ip + struct.pack(">HHHH", 1000, 53, 26, 0) + bytes(18))
    devices.write_pcap(path, packets)


def cpu_seconds(pid):
    """CPU time of the workers among the threads of `pid`."""
    spent = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().startswith("rte-worker"):
            spent += int((task / "schedstat").read_text().split()[0])
    return spent / 1e9


@unittest.skipIf(os.cpu_count() < 2, "needs two processors")
class Workers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        capture = pathlib.Path(cls.folder.name) / "in.pcap"
        write_capture(capture)
        cls.node = node.Node(f"""
version: 1
workers: {{lcores: "0,1", idle: monitor}}
memory: {{hugepages: off, size: 256MiB}}
ports:
  in: {{device: "net_pcap0,rx_pcap={capture}", pass: drop}}
""").start()
        cls.node.wait_until(lambda: cls.node.stats()["total"]["drops"]["pass_drop"] == PACKETS, "the whole capture")

    @classmethod
    def tearDownClass(cls):
        cls.node.__exit__()
        cls.folder.cleanup()

    def test_both_work_and_nothing_is_lost(self):
        stats = self.node.stats()
        self.assertTrue(node.balanced(stats["total"]), stats["total"])
        self.assertEqual(stats["total"]["rx"], PACKETS)
        self.assertEqual(stats["total"]["in_flight"], 0)
        self.assertEqual(sum(worker["rx"] for worker in stats["workers"]), PACKETS)
        for worker in stats["workers"]:
            self.assertGreater(worker["rx"], PACKETS / 4)
            self.assertGreater(worker["cycles"]["rx"], 0)
            self.assertGreater(worker["latency_ns"]["max"], 0)
        handed = [queue["rx"] for worker in stats["workers"] for queue in worker["queues"] if "from_worker" in queue]
        self.assertEqual(handed, [stats["workers"][1]["rx"]])
        self.assertEqual([(chain["hook"], chain["packets"]) for chain in stats["chains"]], [("ingress", PACKETS), ("egress", 0)])

    def test_is_shown_to_people(self):
        text = self.node.weir("stats").stdout
        self.assertIn("\nworker 1: lcore 1, ", text)
        done = self.node.weir("top", "--interval", "0.2")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.startswith("weir  generation 1  in 0 pps"), done.stdout)
        self.assertIn("\nWORKER ", done.stdout)
        self.assertIn("\npass_drop ", done.stdout)
        self.assertNotIn("\033", done.stdout)
        for line in done.stdout.splitlines():
            self.assertLessEqual(len(line), 80, line)

    def test_idle_workers_rest_and_say_how(self):
        pid = self.node.child("weir-dataplane")
        sleeps = [worker["sleeps"] for worker in self.node.stats()["workers"]]
        start, spent = time.monotonic(), cpu_seconds(pid)
        time.sleep(1)
        share = (cpu_seconds(pid) - spent) / (time.monotonic() - start)
        later = [worker["sleeps"] for worker in self.node.stats()["workers"]]
        warned = [text for text in self.node.json("status")["warnings"] if text.startswith("workers.idle: worker ")]
        if warned:  # a processor that cannot wait on memory: sleep, as with adaptive
            self.assertEqual(len(warned), 2, warned)
            self.assertLess(share, 1, "two workers together")
        for before, after in zip(sleeps, later):
            self.assertGreater(after, before + 10)


if __name__ == "__main__":
    tap.main()
