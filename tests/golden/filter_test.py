#!/usr/bin/env python3
"""The contract of 'weir filter': listings, matches, errors; captures of every shape. Argument: weir."""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

WEIR = str(pathlib.Path(sys.argv[1]).resolve())
SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="weir-filter-"))
ETHERNET, RAW, NULL = 1, 101, 0


def weir(*words):
    return subprocess.run([WEIR, *words], capture_output=True, text=True, timeout=60)


def udp(port, payload=b"payload", source="10.0.0.1"):
    datagram = struct.pack(">HHHH", 40001, port, 8 + len(payload), 0) + payload
    addresses = bytes(int(part) for part in source.split(".")) + bytes([192, 168, 0, 1])
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(datagram), 1, 0, 64, 17, 0) + addresses + datagram


def ethernet(packet, kind=0x0800):
    return bytes(range(12)) + struct.pack(">H", kind) + packet


def pcap(name, packets, link=ETHERNET, order="<", snap=None):
    """Packets are bytes, or (bytes, length on the wire)."""
    path = SCRATCH / name
    data = struct.pack(order + "IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, link)
    for packet in packets:
        body, wire = packet if isinstance(packet, tuple) else (packet, len(packet))
        body = body[:snap] if snap else body
        data += struct.pack(order + "IIII", 1, 0, len(body), wire) + body
    path.write_bytes(data)
    return str(path)


def pcapng(name, packets):
    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))
    data = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)) + block(1, struct.pack("<HHI", ETHERNET, 0, 0))
    for body in packets:
        data += block(6, struct.pack("<IIIII", 0, 0, 0, len(body), len(body)) + body)
    path = SCRATCH / name
    path.write_bytes(data)
    return str(path)


PACKETS = [ethernet(udp(53)), ethernet(udp(80)), ethernet(b"\0" * 46, 0x0806), b"", b"\x01" * 13,
           ethernet(udp(53, b"x" * 9000))]


class Filter(unittest.TestCase):
    def matched(self, capture, expression, *words):
        found = []
        for engine in ("jit", "interp"):
            done = weir("filter", "run", expression, "--pcap-in", capture, "--engine", engine, "-j", *words)
            self.assertEqual(done.returncode, 0, done.stderr)
            document = json.loads(done.stdout)
            self.assertEqual(document["count"], len(document["matched"]))
            found.append(document["matched"])
        self.assertEqual(found[0], found[1], expression)
        return found[0]

    def refused(self, *words, says):
        done = weir("filter", *words)
        self.assertEqual(done.returncode, 2, (words, done.stderr))
        self.assertEqual(done.stdout, "", words)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(says, done.stderr)

    def test_run_takes_frames_of_any_length(self):
        capture = pcap("any.pcap", PACKETS)
        self.assertEqual(self.matched(capture, "udp port 53"), [0, 5])
        self.assertEqual(self.matched(capture, "arp"), [2])
        self.assertEqual(self.matched(capture, ""), [0, 1, 2, 3, 4, 5])
        self.assertEqual(self.matched(capture, "not ip and not arp"), [])
        self.assertEqual(self.matched(capture, "len < 14"), [3, 4])
        self.assertEqual(self.matched(capture, "ether[9041] = 0x78"), [5])
        self.assertEqual(self.matched(capture, "ip[(ip[0] & 0xf) * 4 - 1] = 1"), [0, 1, 5])

    def test_run_reads_pcapng_and_either_byte_order(self):
        for capture in (pcapng("a.pcapng", PACKETS), pcap("big.pcap", PACKETS, order=">")):
            self.assertEqual(self.matched(capture, "udp port 53"), [0, 5])

    def test_run_matches_the_bytes_at_hand_and_the_length_on_the_wire(self):
        capture = pcap("cut.pcap", [(ethernet(udp(53)), 1514), (ethernet(udp(53)), 60)], snap=30)
        self.assertEqual(self.matched(capture, "len = 1514"), [0])
        self.assertEqual(self.matched(capture, "greater 60"), [0, 1])
        self.assertEqual(self.matched(capture, "udp"), [0, 1])
        self.assertEqual(self.matched(capture, "udp port 53"), [])  # the ports were cut off

    def test_run_compiles_for_the_link_type_of_the_capture(self):
        self.assertEqual(self.matched(pcap("raw.pcap", [udp(53), udp(80)], link=RAW), "udp port 80"), [1])
        for order in "<>":
            family = struct.pack(order + "I", 2)
            capture = pcap("null.pcap", [family + udp(53), family + udp(80)], link=NULL, order=order)
            self.assertEqual(self.matched(capture, "udp port 80"), [1])

    def test_run_goes_beyond_what_a_program_can_see(self):
        capture = pcap("huge.pcap", [b"\0" * 100_000 + b"\x09", b"\0" * 65_535])
        done = weir("filter", "run", "ether[100000] = 9", "--pcap-in", capture, "-j")
        self.assertEqual(json.loads(done.stdout)["matched"], [0])
        self.assertIn("1 of 2 packets", done.stderr)

    def test_run_is_readable(self):
        done = weir("filter", "run", "udp port 53", "--pcap-in", pcap("r.pcap", [(PACKETS[0], 99), PACKETS[1]]))
        self.assertEqual(done.stdout, "0  49 bytes of 99\n1 of 2 packets match\n")

    def test_compile_lists_both_programs(self):
        done = weir("filter", "compile", "udp port 53")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith("; classic BPF for EN10MB: "), done.stdout)
        self.assertIn("(000) ldh      [12]\n", done.stdout)
        self.assertIn("\n; eBPF: ", done.stdout)
        self.assertNotIn("skb", done.stdout)  # no legacy packet loads

    def test_compile_gives_one_document(self):
        document = json.loads(weir("filter", "compile", "ip", "--link-type", "RAW", "-j").stdout)
        self.assertEqual((document["expression"], document["link_type"]), ("ip", "RAW"))
        self.assertEqual(document["cbpf"][-1], {"code": 6, "jt": 0, "jf": 0, "k": 0, "text": document["cbpf"][-1]["text"]})
        self.assertTrue(all(len(slot) == 16 for slot in document["ebpf"]["insns"]))
        self.assertIn("exit", document["ebpf"]["listing"])

    def test_errors_say_what_was_expected(self):
        capture = pcap("e.pcap", PACKETS)
        self.refused("compile", says="EXPR is missing")
        self.refused("compile", "udp prot 5", says="syntax error")
        self.refused("compile", "host no-such-host.example", says="unknown host")
        self.refused("compile", "inbound", says="ancillary load 'packet type'")
        self.refused("compile", "ip6 protochain 6", says="protochain")
        self.refused("compile", "ip", "--link-type", "ETHER", says="link type 'ETHER'")
        self.refused("compile", "ip or " * 2000 + "ip", says="expected at most 8192")
        self.refused("run", "ip", says="--pcap-in is missing")
        self.refused("run", "ip", "--pcap-in", str(SCRATCH / "none"), says="No such file")
        self.refused("run", "ip", "--pcap-in", capture, "--engine", "gpu", says="gpu")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
