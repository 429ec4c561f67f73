#!/usr/bin/env python3
"""`weir capture` on numbered packets of every verdict, under a flood that never ends."""
import contextlib
import json
import signal
import struct
import subprocess
import time
import unittest

import node
import pcapng
import tap
from appliance import Appliance
from devices import write_pcap

JUDGE = node.BUILD / "tests" / "integration" / "capture.bpf.o"
VERDICTS = {"aborted": 0, "drop": 1, "pass": 2, "tx": 3, "redirect": 4}
STAMP, TTL = 99, 64
PACKETS = 500


def write_kinds(path):
    """Numbered packets: number in the IP identification, verdict in the UDP port."""
    packets = []
    for number in range(PACKETS):
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 86, number, 0, TTL, 17, 0, bytes([10, 0, 0, 1]), bytes([192, 0, 2, 1]))
        packets.append(bytes(12) + b"\x08\x00" + ip + struct.pack("!HHHH", 1024, 1000 + number % 5, 66, 0) + bytes(58))
    write_pcap(path, packets)


def config(folder):
    write_kinds(folder / "kinds.pcap")
    return f"""
version: 1
workers: {{lcores: "0"}}
memory: {{hugepages: off, size: 128MiB}}
ports:
  wan: {{device: "net_pcap0,rx_pcap={folder}/kinds.pcap,infinite_rx=1", pass: lan, ingress: [{{program: judge}}]}}
  lan: {{device: "net_null0,no-rx=1", pass: wan, ifindex: 7}}
programs:
  judge: {{object: {JUDGE}}}
"""


def port_of(packet):
    return struct.unpack_from("!H", packet.data, 36)[0]


def adds_up(info):
    return info["captured"] + info["dropped"] == info["matched"]


class Capture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.node = cls.stack.enter_context(Appliance(config))
        cls.file = cls.node.folder / "out.pcapng"

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def capture(self, *words):
        """Runs to its end; what it said, and the file."""
        done = self.node.weir("capture", "-w", self.file, "-j", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), pcapng.File(self.file)

    def start(self, *words, **options):
        return subprocess.Popen([node.WEIR, "capture", "--run-dir", self.node.run_dir, *map(str, words)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def running(self):
        return self.node.json("capture", "--list")

    def wait_until(self, condition, what):
        deadline = time.monotonic() + 15
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"{what}\n{self.node.logs()}")
            time.sleep(0.02)

    def test_every_verdict_alone_with_its_bytes_as_received(self):
        for word, verdict in VERDICTS.items():
            with self.subTest(word):
                info, file = self.capture("--verdict", word, "-c", "20")
                self.assertEqual((info["captured"], len(file.packets)), (20, 20))
                for packet in file.packets:
                    self.assertEqual(port_of(packet) % 10, verdict)
                    self.assertEqual(packet.data[22], TTL)
                    self.assertEqual(packet.verdict, (2, verdict))
                    self.assertEqual(packet.comment["verdict"], "XDP_" + word.upper())
                    self.assertEqual(packet.comment["program"], "judge")
                    self.assertEqual(packet.comment["generation"], "1")
                    self.assertEqual((packet.interface, packet.direction), ("wan", "in"))
                    dropped = {"drop": "xdp_drop", "aborted": "xdp_aborted"}.get(word)
                    self.assertEqual(packet.comment.get("reason"), dropped)
                self.assertEqual(sum(each["delivered"] for each in file.statistics), 20)

    def test_numbered_packets_come_in_order_and_none_is_missing(self):
        _, file = self.capture("-c", "1000")
        numbers = [struct.unpack_from("!H", packet.data, 18)[0] for packet in file.packets]
        self.assertEqual(numbers, [(numbers[0] + i) % PACKETS for i in range(1000)])
        times = [packet.time_ns for packet in file.packets]
        self.assertEqual(times, sorted(times))
        self.assertLess(abs(times[-1] / 1e9 - time.time()), 60)

    def test_before_and_after_belong_together(self):
        _, file = self.capture("--at", "both", "--verdict", "tx,redirect", "-c", "40")
        before = {packet.number: packet for packet in file.packets if packet.comment["at"] == "before"}
        after = {packet.number: packet for packet in file.packets if packet.comment["at"] == "after"}
        self.assertEqual(before.keys(), after.keys())
        for number, packet in after.items():
            self.assertEqual((before[number].data[22], packet.data[22]), (TTL, STAMP))
            self.assertEqual(packet.data[:22] + packet.data[23:], before[number].data[:22] + before[number].data[23:])
            out = "wan" if packet.comment["verdict"] == "XDP_TX" else "lan"
            self.assertEqual((packet.interface, packet.direction, before[number].comment["out"]), (out, "out", out))

    def test_what_leaves_by_a_port(self):
        _, file = self.capture("--at", "after", "--port", "lan", "-c", "20")
        self.assertEqual({packet.interface for packet in file.packets}, {"lan"})
        self.assertEqual({port_of(packet) % 10 for packet in file.packets}, {2, 4})

    def test_filter_snap_length_and_sampling(self):
        info, file = self.capture("--filter", "udp dst port 1003", "--snaplen", "40", "--sample", "10", "-c", "30")
        self.assertEqual(set(file.filters), {"udp dst port 1003"})
        for packet in file.packets:
            self.assertEqual((port_of(packet), len(packet.data), packet.wire_bytes), (1003, 40, 100))
        self.assertEqual(info["skipped"], 9 * 29)
        done = node.sh(node.WEIR, "filter", "run", "udp", "--pcap-in", self.file, "-j")  # libpcap reads it, too
        self.assertEqual(json.loads(done.stdout)["count"], 30, done.stderr)

    def test_a_reason_and_a_program_choose(self):
        info, file = self.capture("--reason", "xdp_aborted", "--program", "judge", "--hook", "ingress", "-c", "10")
        self.assertEqual({packet.comment["reason"] for packet in file.packets}, {"xdp_aborted"})
        self.assertEqual(info["ended"], "10 packets are captured")

    def test_a_pipe_ends_it(self):
        with self.start("-w", "-") as process:
            begin = process.stdout.read(100_000)
            process.stdout.close()
            self.assertEqual(process.wait(timeout=10), 0, process.stderr.read())
        self.assertEqual(struct.unpack_from("<I", begin)[0], pcapng.SECTION)
        self.wait_until(lambda: self.running() == [], "the capture's end")

    def test_duration_and_signals_end_it_whole(self):
        info, file = self.capture("--duration", "0.3", "--filter", "udp dst port 1001", "--snaplen", "60")
        self.assertTrue(adds_up(info), info)
        self.assertEqual(len(file.packets), info["captured"])
        for which in (signal.SIGINT, signal.SIGTERM):
            with self.start("-w", self.file, "-j", "--sample", "100") as process:
                self.wait_until(self.running, "a capture")
                process.send_signal(which)
                info = json.loads(process.communicate(timeout=10)[0])
            self.assertEqual((process.returncode, len(pcapng.File(self.file).packets)), (0, info["captured"]))

    def test_kill_of_the_command_line_ends_the_capture_and_nothing_else(self):
        with self.start("-w", self.file, "--sample", "50") as process:
            self.wait_until(lambda: any(info["written"] for info in self.running()), "packets in the file")
            process.kill()
        self.wait_until(lambda: self.running() == [], "the capture's end")
        self.assertTrue(pcapng.File(self.file).statistics)
        before = self.node.json("stats")["total"]["rx"]
        self.wait_until(lambda: self.node.json("stats")["total"]["rx"] > before, "traffic")

    def test_two_storms_at_once_add_up_on_every_read(self):
        with self.start("-w", self.file, "--sample", "20") as one, self.start("-w", "/dev/null", "--at", "both") as two:
            self.wait_until(lambda: len(self.running()) == 2, "two captures")
            for _ in range(20):
                for info in self.running():
                    self.assertTrue(adds_up(info), info)
                self.assertTrue(node.balanced(self.node.json("stats")["total"]))
            status = self.node.json("status")["captures"]
            self.assertEqual([adds_up(info) for info in status], [True, True])
            for process in (one, two):
                process.send_signal(signal.SIGINT)
            for process in (one, two):
                process.communicate(timeout=20)
                self.assertEqual(process.returncode, 0)
        file = pcapng.File(self.file)
        self.assertEqual(sum(each["delivered"] for each in file.statistics), len(file.packets))

    @node.needs_root()
    def test_a_full_disk_is_said_and_stalls_nobody(self):
        with node.small_disk() as folder:
            self.full_disk(folder / "full.pcapng")

    def full_disk(self, path):
        done = self.node.weir("capture", "-w", path, "-j")
        info = json.loads(done.stdout)
        self.assertEqual((done.returncode, info["ended"]), (2, "output: No space left on device"), done.stderr)
        self.assertTrue(adds_up(info) and info["dropped"], info)
        self.assertEqual(len(pcapng.File(path).packets), info["captured"])
        with self.start("-w", path, "-j", "--when-full", "drop") as process:
            self.wait_until(lambda: any(info["trouble"] for info in self.running()), "a full disk")
            before = self.node.json("stats")["total"]["rx"]
            self.wait_until(lambda: self.node.json("stats")["total"]["rx"] > before + 10_000, "traffic")
            process.send_signal(signal.SIGINT)
            info = json.loads(process.communicate(timeout=10)[0])
        self.assertEqual(process.returncode, 0)
        self.assertTrue(adds_up(info) and info["dropped"], info)
        self.assertEqual(len(pcapng.File(path).packets), info["captured"])

    def test_works_without_a_control_plane(self):
        self.node.controlplane.kill()
        self.node.controlplane.wait()
        _, file = self.capture("--verdict", "drop", "-c", "5")
        self.assertEqual(len(file.packets), 5)
        self.node.start_controlplane()
        self.node.wait_ready()

    def test_what_cannot_be_is_refused_in_a_line(self):
        for words, message in (
                (("--filter", "udp or"), "--filter: "), (("--verdict", "no"), "--verdict: value 'no', expected one of: drop"),
                (("--port", "dmz"), "no port is called 'dmz'"), (("--reason", "rain"), "no drop reason is called 'rain'"),
                (("--sample", "0"), "--sample: value '0'"), (("--at", "noon"), "--at: value 'noon'"),
                (("-w", "/nowhere/x"), "/nowhere/x: No such file")):
            with self.subTest(words):
                given = words if "-w" in words else ("-w", self.file, *words)
                done = self.node.weir("capture", *given)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(message, done.stderr)
                self.assertTrue(node.one_line(done.stderr), done.stderr)


if __name__ == "__main__":
    tap.main()
