#!/usr/bin/env python3
"""Weir as a wire over AF_XDP between namespaces: what passes, swaps under load, a killed control plane, the way out."""
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

import node
import tap

LAB = "weir-it-wire"
SERVER = "198.51.100.2"
PORT = 7007


class Numbered:
    """A numbered UDP stream across the wire."""

    def __init__(self, lab, rate, seconds):
        script = pathlib.Path(__file__).with_name("numbered.py")
        self.receiver = subprocess.Popen(node.inside(lab.server, "python3", script, "receive", PORT),
                                         stdout=subprocess.PIPE, text=True)
        assert self.receiver.stdout.readline().strip() == "ready"
        self.sender = subprocess.Popen(node.inside(lab.client, "python3", script, "send", SERVER, PORT, rate, seconds))

    def result(self):
        self.sender.wait()
        output, _ = self.receiver.communicate(timeout=60)
        return json.loads(output.splitlines()[-1])


class Sniffer:
    """tcpdump of the ICMP that comes in at an interface, from when it listens."""

    def __init__(self, namespace, interface):
        self.process = subprocess.Popen(
            node.inside(namespace, "tcpdump", "-i", interface, "-Q", "in", "-l", "--immediate-mode", "-n", "icmp"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        said = ""
        while not said.startswith("listening on"):
            said = self.process.stderr.readline()
            if not said:
                raise AssertionError(f"tcpdump on {interface} ended with {self.process.wait()} before it listened")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.seen()

    def seen(self):
        """Ends it, and says what it saw."""
        if self.process.poll() is None:
            self.process.terminate()
        if not self.process.stdout.closed:
            self.output = self.process.communicate()[0].strip()
        return self.output


def ping(lab, address, *more):
    return node.sh(*node.inside(lab.client, "ping", "-c", "2", "-i", "0.2", "-W", "1", *more, address)).returncode == 0


@node.needs_root()
class Wire(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = node.Lab(LAB)
        cls.lab.__enter__()
        cls.node = node.Node(node.wire_config(), cls.lab.box)
        cls.node.start()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.node.__exit__()
        finally:
            cls.lab.__exit__()

    def drops(self):
        rows = self.node.json("map", "dump", "firewall/drops")
        return {row["key"]: sum(value["packets"] for value in row["values"]) for row in rows}

    def test_passes_both_families_and_drops_the_blocked_prefix(self):
        self.assertTrue(ping(self.lab, SERVER))
        self.assertTrue(ping(self.lab, "2001:db8:51::2"))
        before = self.drops()
        self.assertFalse(ping(self.lab, "203.0.113.2", "-I", "203.0.113.1"))
        after = self.drops()
        self.assertEqual(after["blocked_source"] - before["blocked_source"], 2)

    def test_a_map_update_takes_effect_and_is_undone(self):
        self.assertTrue(ping(self.lab, SERVER))
        done = self.node.weir("map", "update", "firewall/blocked_v4", f"{SERVER}/32", "1")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertFalse(ping(self.lab, SERVER))
        done = self.node.weir("map", "delete", "firewall/blocked_v4", f"{SERVER}/32")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(ping(self.lab, SERVER))

    def blocked_v4(self):
        return [json.dumps(row["key"]) for row in self.node.json("map", "dump", "firewall/blocked_v4")]

    def test_swap_and_apply_replace_only_what_the_configuration_put_there(self):
        done = self.node.weir("map", "update", "firewall/blocked_v4", f"{SERVER}/32", "1")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        before = self.blocked_v4()
        self.assertEqual(len(before), 2)
        for path in (node.FIREWALL_V2, node.FIREWALL):
            self.assertIsNotNone(self.node.json("prog", "swap", "firewall", path))
            self.assertEqual(sorted(self.blocked_v4()), sorted(before))
            self.assertFalse(ping(self.lab, SERVER))
        pid = self.node.child("weir-controlplane")
        os.kill(pid, signal.SIGKILL)
        self.node.wait_until(lambda: self.node.child("weir-controlplane") not in (None, pid), "a new control plane")
        self.node.wait_until(lambda: self.node.stats() is not None, "an answer from the new control plane")
        other = self.node.folder / "other.yaml"
        other.write_text(node.wire_config().replace("203.0.113.0/24", "192.0.2.0/24"))
        for config, same in ((other, False), (self.node.config, True)):
            done = self.node.weir("apply", config)
            self.assertEqual(done.returncode, 0, done.stderr)
            now = self.blocked_v4()
            self.assertEqual(len(now), 2)
            self.assertEqual(sorted(now) == sorted(before), same)
            self.assertFalse(ping(self.lab, SERVER))
        done = self.node.weir("map", "delete", "firewall/blocked_v4", f"{SERVER}/32")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(ping(self.lab, SERVER))

    def test_deleting_an_absent_prefix_of_a_present_one_is_exit_1(self):
        done = self.node.weir("map", "delete", "firewall/blocked_v4", "203.0.113.7/32")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertTrue(node.one_line(done.stderr), done.stderr)
        self.assertIn("does not exist", done.stderr)
        self.assertFalse(ping(self.lab, "203.0.113.2", "-I", "203.0.113.1"))

    def test_a_hundred_swaps_under_load_lose_nothing(self):
        packets_before = sum(self.drops().values())
        stream = Numbered(self.lab, 4000, 8)
        time.sleep(0.3)
        generation = self.node.stats()["generation"]
        swaps = 0
        while swaps < 100:
            path = node.FIREWALL_V2 if swaps % 2 == 0 else node.FIREWALL
            answer = self.node.json("prog", "swap", "firewall", path)
            self.assertIsNotNone(answer)
            self.assertGreater(answer["generation"], generation)
            generation, swaps = answer["generation"], swaps + 1
            self.assertIsNone(stream.sender.poll(), "the stream ended before the swaps did")
        result = stream.result()
        self.assertEqual((result["lost"], result["doubled"], result["reordered"]), (0, 0, 0), result)
        self.assertGreaterEqual(result["sent"], 30_000)
        self.assertGreaterEqual(sum(self.drops().values()), packets_before, "counters must survive swaps")

    def test_killing_the_control_plane_costs_no_packet_and_it_comes_back(self):
        stream = Numbered(self.lab, 4000, 5)
        time.sleep(1)
        pid = self.node.child("weir-controlplane")
        dataplane = self.node.child("weir-dataplane")
        generation = self.node.stats()["generation"]
        os.kill(pid, signal.SIGKILL)
        self.node.wait_until(lambda: self.node.child("weir-controlplane") not in (None, pid), "a new control plane")
        self.node.wait_until(lambda: self.node.stats() is not None, "an answer from the new control plane")
        self.assertEqual(self.node.child("weir-dataplane"), dataplane)
        self.assertEqual(self.node.stats()["generation"], generation)
        self.assertEqual([program["name"] for program in self.node.json("prog", "list")], ["firewall"])
        result = stream.result()
        self.assertEqual((result["lost"], result["doubled"], result["reordered"]), (0, 0, 0), result)

    def test_counters_balance_under_load(self):
        stream = Numbered(self.lab, 8000, 2)
        readings = 0
        while stream.sender.poll() is None:
            stats = self.node.stats()
            self.assertTrue(node.balanced(stats["total"]), stats["total"])
            for name, port in stats["ports"].items():
                self.assertIn(name, ("outside", "inside"))
                self.assertGreaterEqual(port["rx"], 0)
            readings += 1
        self.assertGreater(readings, 5)
        self.assertEqual(stream.result()["lost"], 0)

    def test_a_rejected_program_changes_nothing(self):
        generation = self.node.stats()["generation"]
        done = self.node.weir("prog", "swap", "firewall", node.BUILD / "meson.build")
        self.assertEqual(done.returncode, 2)
        self.assertTrue(node.one_line(done.stderr), done.stderr)
        self.assertEqual(self.node.stats()["generation"], generation)
        self.assertTrue(ping(self.lab, SERVER))

    def test_an_unsafe_program_changes_nothing(self):
        with tempfile.TemporaryDirectory(prefix="weir-unsafe-") as folder:
            source, built = pathlib.Path(folder, "unsafe.bpf.c"), pathlib.Path(folder, "unsafe.o")
            # The quickstart with one load that nothing guards: its maps, globals and name are right.
            text = (node.ROOT / "dataplane" / "bpf" / "quickstart.bpf.c").read_text()
            begin = re.search(r"\bint firewall\(struct xdp_md\s*\*\s*(\w+)\)\s*\{", text)
            source.write_text(f"{text[:begin.end()]}\n    if (*(volatile char *)(long){begin[1]}->data == 1) return 1;{text[begin.end():]}")
            subprocess.run(["clang-14", "-O2", "-g", "-target", "bpf", f"-I/usr/include/{os.uname().machine}-linux-gnu", "-c", source, "-o", built],
                           check=True)
            generation = self.node.stats()["generation"]
            stream = Numbered(self.lab, 1000, 1)
            done = self.node.weir("prog", "swap", "firewall", built)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertTrue(node.one_line(done.stderr), done.stderr)
            self.assertIn("is rejected", done.stderr)
            self.assertIn(str(built), done.stderr)
            self.assertEqual(self.node.stats()["generation"], generation)
            result = stream.result()
            self.assertEqual((result["lost"], result["doubled"], result["reordered"]), (0, 0, 0), result)
            self.assertFalse(ping(self.lab, "203.0.113.2", "-I", "203.0.113.1"))

    def test_host_stack_of_the_box_sees_nothing(self):
        with Sniffer(self.lab.box, "box-client") as box, Sniffer(self.lab.client, "eth0") as client:
            self.assertTrue(ping(self.lab, SERVER))
            self.assertIn(f"{SERVER} > ", client.seen(), "the same sniffer must see what a host stack sees")
            self.assertEqual(box.seen(), "")


@node.needs_root()
class WireEnds(unittest.TestCase):
    def test_metrics_name_ports_reasons_and_protocols(self):
        with node.Lab(LAB) as lab:
            config = node.wire_config() + """
metrics:
  listen: 127.0.0.1:9477
  export:
    - {name: firewall_packets_total, type: counter, program: firewall, map: protocols, value: packets, labels: {protocol: key}}
"""
            with node.Node(config, lab.box):
                self.assertTrue(ping(lab, SERVER))
                text = node.sh(*node.inside(lab.box, "curl", "-s", "http://127.0.0.1:9477/metrics")).stdout
        self.assertRegex(text, r'firewall_packets_total\{protocol="icmp"\} [1-9]')
        self.assertRegex(text, r'port="outside"')
        self.assertRegex(text, r'worker="0"')
        self.assertRegex(text, r'reason="xdp_drop"')

    def test_sigterm_leaves_interfaces_as_they_were(self):
        with node.Lab(LAB) as lab:
            wire = node.Node(node.wire_config(), lab.box).start()
            children = node.children(wire.process.pid)
            self.assertEqual(wire.stop(signal.SIGTERM), 0)
            links = node.sh("ip", "-n", lab.box, "link").stdout
            self.assertNotIn("xdp", links)
            for pid in children.values():
                self.assertFalse(pathlib.Path(f"/proc/{pid}").exists())
            self.assertFalse(list(wire.run_dir.glob("*.sock")))
            wire.__exit__()

    def test_unfinished_checksums_are_noticed_with_the_command_that_mends_them(self):
        with node.Lab(LAB) as lab:
            node.sh(*node.inside(lab.client, "ethtool", "-K", "eth0", "tx", "on"))
            with node.Node(node.wire_config(), lab.box) as wire:
                node.sh(*node.inside(lab.client, "python3", "-c",
                                     "import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
                                     f"for _ in range(500): s.sendto(b'x'*64,('{SERVER}',9))"))
                wire.wait_until(lambda: "ethtool -K" in wire.weir("status").stdout, "the warning in weir status", 5)


if __name__ == "__main__":
    tap.main()
