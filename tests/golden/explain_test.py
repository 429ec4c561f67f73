#!/usr/bin/env python3
"""Texts of `weir explain` for the quickstart's firewall, by its configuration. WEIR_GOLDEN_REWRITE=1 writes them anew.

  explain_test.py WEIR OBJECT CAPTURE
"""
import difflib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

WEIR, OBJECT, CAPTURE = (str(pathlib.Path(word).resolve()) for word in sys.argv[1:4])
GOLDEN = pathlib.Path(__file__).parent / "trace"

CONFIG = """
version: 1
workers: {lcores: "0"}
ports:
  outside: {device: net_null0, pass: inside, ingress: [{program: firewall}]}
  inside: {device: net_null1, pass: outside}
  watch: {device: net_null2, pass: drop, ingress: [{program: firewall}]}
  wide: {device: net_null3, pass: narrow}
  narrow: {device: net_null4, pass: drop, mtu: 1280}
programs:
  firewall:
    object: firewall.bpf.o
    globals: {blocked_tcp_port: 2323}
    maps:
      blocked_v4: {set: blocked, family: ipv4, value: 1}
      blocked_v6: {set: blocked, family: ipv6, value: 1}
sets:
  blocked: {type: prefix, entries: [203.0.113.0/24, "2001:db8:bad::/48"]}
"""

CASES = {
    "blocked_port": ["tcp 192.0.2.1:40000 -> 198.51.100.2:2323"],
    "blocked_v4": ["udp 203.0.113.9:1000 -> 198.51.100.2:53"],
    "blocked_v6": ["udp [2001:db8:bad::7]:1000 -> [2001:db8::2]:53"],
    "passed": ["tcp 192.0.2.1:40000 -> 198.51.100.2:443 flags=SA"],
    "passed_v6": ["tcp [2001:db8::1]:40000 -> [2001:db8::2]:443"],
    "vlan": ["icmp 192.0.2.1 -> 198.51.100.2 vlan 7 vlan 100"],
    "fragment": ["udp 192.0.2.1 -> 198.51.100.2 frag 1480"],
    "fragment_v6": ["udp [2001:db8::1] -> [2001:db8::2] frag 1480+"],
    "cut": ["tcp 192.0.2.1:40000 -> 198.51.100.2:443 len 40"],
    "runt": ["arp 192.0.2.1 -> 192.0.2.2 len 7"],
    "arp_every_insn": ["arp 192.0.2.1 -> 192.0.2.2", "-v"],
    "pass_drop": ["udp 192.0.2.1:1 -> 198.51.100.2:53", "--port", "watch"],
}


class Explain(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="weir-explain-")
        path = pathlib.Path(cls.folder.name)
        (path / "firewall.bpf.o").symlink_to(OBJECT)
        cls.config = path / "weir.yaml"
        cls.config.write_text(CONFIG)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def weir(self, *words):
        return subprocess.run([WEIR, "explain", "--config", str(self.config), *words], capture_output=True, text=True,
                              cwd=self.folder.name, timeout=60)

    def explained(self, packet, *words):
        done = self.weir("--packet", packet, *words)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout.replace(self.folder.name + "/", "")

    def test_texts_are_those_that_were_agreed_upon(self):
        for name, words in CASES.items():
            with self.subTest(name):
                text = self.explained(*words)
                file = GOLDEN / f"{name}.txt"
                if os.environ.get("WEIR_GOLDEN_REWRITE"):
                    GOLDEN.mkdir(exist_ok=True)
                    file.write_text(text)
                wanted = file.read_text()
                difference = "".join(difflib.unified_diff(wanted.splitlines(True), text.splitlines(True), str(file), "now"))
                self.assertEqual(difference, "")

    def test_json_says_the_same_as_the_text(self):
        document = json.loads(self.explained(CASES["blocked_v4"][0], "-j"))
        packet = document["packets"][0]
        program = packet["programs"][0]
        self.assertEqual((program["verdict"], packet["drops"], packet["leaves_by"]),
                         ("XDP_DROP", [{"port": "outside", "reason": "xdp_drop"}], []))
        hit = [event for event in program["events"] if event["kind"] == "map" and event.get("hit")]
        self.assertEqual((hit[0]["map"], hit[0]["key"], hit[0]["value"]), ("firewall/blocked_v4", "203.0.113.9/32", 1))
        write = [event for event in program["events"] if event["kind"] == "write" and event["field"] == ".packets"][0]
        self.assertEqual((write["map"], write["key"], write["before"], write["after"]), ("firewall/drops", "blocked_source", 0, 1))
        self.assertIn("is_blocked_port", json.dumps(json.loads(self.explained(CASES["passed"][0], "-j"))["packets"][0]["programs"][0]["events"]))

    def test_a_frame_beyond_the_mtu_and_two_tags_does_not_leave(self):
        for size, leaves_by, drops in ((1302, ["narrow"], []), (1303, [], [{"port": "narrow", "reason": "exceeds_mtu"}])):
            packet = json.loads(self.explained(f"udp 192.0.2.1:7 -> 192.0.2.2:9 len {size}", "--port", "wide", "-j"))["packets"][0]
            self.assertEqual((packet["leaves_by"], packet["drops"]), (leaves_by, drops), size)

    def test_the_packets_of_a_capture_share_the_maps(self):
        packets = json.loads(self.explained(CAPTURE, "-j"))["packets"]
        self.assertGreater(len(packets), 1)
        alone = json.loads(self.explained(f"{CAPTURE}:1", "-j"))["packets"]
        self.assertEqual(alone[0]["packet"], packets[1]["packet"])
        counted = [event["after"] for packet in packets for event in packet["programs"][0]["events"]
                   if event["kind"] == "write" and event["field"] == ".packets" and event["map"] == "firewall/protocols"]
        self.assertGreater(max(counted), 1)

    def test_wrong_words_are_one_line_and_exit_2(self):
        for words, said in ((["--packet", "tcp 1.2.3.4 -> 5.6.7.8:1"], "packet: column 5: '1.2.3.4', expected a port"),
                            (["--packet", "arp 1.2.3.4 -> 1.2.3.5", "--port", "nowhere"], "--port: value 'nowhere', expected one of outside"),
                            (["--packet", "missing.pcap"], "missing.pcap"), (["--packet", f"{CAPTURE}:9999"], "packet 9999, expected 0 to"), ([], "--packet")):
            done = self.weir(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertIn(said, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
