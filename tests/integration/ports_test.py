#!/usr/bin/env python3
"""Interfaces of the kernel as ports: what is refused with the command that mends it, what is completed, links that come and go."""
import pathlib
import struct
import tempfile
import time
import unittest

import devices
import node
import numbered_frames as frames
import tap

SPACE = "weir-it-ports"
SOL_PACKET, PACKET_VNET_HDR = 263, 15
NEEDS_CSUM, GSO_NONE, GSO_TCPV4 = 1, 0, 1


def folded(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) // 2 * 2]))
    total += data[-1] << 8 if len(data) % 2 else 0
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def ip_frame(protocol, layer4):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(layer4), 0, 0, 64, protocol, 0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
    head = head[:10] + struct.pack("!H", ~folded(head) & 0xFFFF) + head[12:]
    return frames.ADDRESSES + b"\x08\x00" + head + layer4


def pseudo_header(protocol, length):
    return bytes([192, 0, 2, 1, 192, 0, 2, 2, 0, protocol]) + struct.pack("!H", length)


def udp_frames(number):
    """A datagram as its sender leaves it to a device, and as the device would send it."""
    data = struct.pack("!I", number) + bytes(number % 50)
    length = 8 + len(data)
    pseudo = folded(pseudo_header(17, length))
    head = struct.pack("!HHH", 1000 + number, 53, length)
    right = ~folded(pseudo_header(17, length) + head + b"\0\0" + data) & 0xFFFF or 0xFFFF
    return [ip_frame(17, head + struct.pack("!H", checksum) + data) for checksum in (pseudo, right)]


class Offloading(frames.Wire):
    """A host that leaves checksums and segments to its device."""

    def __init__(self, namespace, interface):
        super().__init__(namespace, interface)
        self.socket.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)

    def send_unfinished(self, frame, checksum_offset, gso=GSO_NONE, segment=0):
        header = struct.pack("<BBHHHH", NEEDS_CSUM, gso, 54 if gso else 0, segment, 34, checksum_offset)
        self.socket.send(header + frame)


class Plain(frames.Wire):
    def receive_udp(self, seconds):
        deadline = time.monotonic() + seconds
        self.socket.settimeout(seconds)
        while time.monotonic() < deadline:
            try:
                frame = self.socket.recv(65536)
            except TimeoutError:
                return None
            if frame[12:14] == b"\x08\x00":
                return frame
        return None


@node.needs_root()
class Ports(unittest.TestCase):
    """Interfaces `wan` and `lan` of the namespace, with their other ends `left` and `right`."""

    def setUp(self):
        node.sh("ip", "netns", "del", SPACE)
        self.assertEqual(node.sh("ip", "netns", "add", SPACE).returncode, 0)
        self.addCleanup(node.sh, "ip", "netns", "del", SPACE)
        self.box("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        for inner, outer in (("wan", "left"), ("lan", "right")):
            self.box("ip", "link", "add", "name", inner, "type", "veth", "peer", "name", outer)
            for name in (inner, outer):
                self.box("ip", "link", "set", "dev", name, "up")

    def box(self, *command):
        done = node.sh(*node.inside(SPACE, *command))
        self.assertEqual(done.returncode, 0, f"{command}: {done.stderr}")
        return done.stdout

    def text(self, driver, follow=False):
        text = devices.config([("in", f"{driver}0,iface=wan", "out"), ("out", f"{driver}1,iface=lan", "in")])
        return text.replace("pass: out}", "pass: out, link_follow: out}").replace("pass: in}", "pass: in, link_follow: in}") if follow else text


class Refused(Ports):
    def assert_refused(self, driver, *words):
        with tempfile.TemporaryDirectory(prefix="weir-ports-") as folder:
            path = pathlib.Path(folder, "weir.yaml")
            path.write_text(self.text(driver))
            done = node.sh(*node.inside(SPACE, node.WEIR, "run", path, "--run-dir", f"{folder}/run", "--duration", "1"), timeout=60)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertTrue(node.one_line(done.stderr), done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_an_interface_with_another_on_top(self):
        self.box("ip", "link", "add", "name", "m0", "link", "wan", "type", "macvlan")
        for driver in ("net_af_xdp", "net_af_packet"):
            self.assert_refused(driver, "ports.in", "m0 (macvlan) sits on wan", "ip link del dev m0")

    def test_a_port_of_a_bridge(self):
        self.box("ip", "link", "add", "name", "br0", "type", "bridge")
        self.box("ip", "link", "set", "dev", "lan", "master", "br0")
        for driver in ("net_af_xdp", "net_af_packet"):
            self.assert_refused(driver, "ports.out", "lan is a port of br0", "ip link set dev lan nomaster")

    def test_segments_put_together_on_receipt(self):
        self.box("ethtool", "-K", "wan", "gro", "on")
        self.assert_refused("net_af_packet", "ports.in", "rx-gro", "ethtool -K wan gro off")

    def test_queues_that_nobody_reads(self):
        self.box("ethtool", "-L", "wan", "rx", "2")
        self.assert_refused("net_af_xdp", "wan has 2 receive queues", "ethtool -L wan rx 1")

    def test_an_mtu_whose_frames_no_buffer_holds(self):
        for name in ("wan", "left"):
            self.box("ip", "link", "set", "dev", name, "mtu", "9000")
        self.assert_refused("net_af_xdp", "ports.in", "wan has MTU 9000", "ip link set dev wan mtu ")
        self.assert_refused("net_af_packet", "ports.in", "wan has MTU 9000", "ip link set dev wan mtu ")


class Frames(Ports):
    def assert_completed(self, driver):
        with node.Node(self.text(driver), SPACE) as running, Offloading(SPACE, "left") as sender, Plain(SPACE, "right") as receiver:
            for number in range(60):
                unfinished, finished = udp_frames(number)
                sender.send_unfinished(unfinished, 6)
                self.assertEqual(receiver.receive_udp(5), finished, number)
            warnings = "\n".join(running.json("status")["warnings"])
            self.assertRegex(warnings, r"port in \(wan\): 60 TCP or UDP frames came without their checksum.*ethtool -K INTERFACE tx off")
            self.assertEqual(next(port["bad_checksums"] for port in running.json("status")["ports"] if port["name"] == "in"), 0)

    def test_checksums_left_to_a_device_are_completed_by_af_xdp(self):
        self.assert_completed("net_af_xdp")

    def test_checksums_left_to_a_device_are_completed_by_af_packet(self):
        self.assert_completed("net_af_packet")

    def assert_tags(self, driver, tags):
        with node.Node(self.text(driver), SPACE) as running, frames.Wire(SPACE, "left") as one, frames.Wire(SPACE, "right") as other:
            sent = [frames.numbered(number, 60 + number, tags[number % len(tags)]) for number in range(200)]
            arrived = frames.exchange(one, other, sent)
            self.assertEqual(frames.differences(sent, arrived), frames.UNCHANGED)
            self.assertTrue(node.balanced(running.stats()["total"]))

    def test_tags_stay_in_the_bytes_with_af_xdp(self):
        self.assert_tags("net_af_xdp", [b"\x81\x00\x00\x05", b"\x88\xa8\x00\x06\x81\x00\x00\x07", b"\x81\x00\x00\x01\x81\x00\x00\x02"])

    def test_customer_tags_are_put_back_with_af_packet(self):
        self.assert_tags("net_af_packet", [b"\x81\x00\x00\x05", b"\x81\x00\x20\x01\x81\x00\x00\x02"])

    def test_what_af_packet_would_damage_is_turned_away_and_named(self):
        with node.Node(self.text("net_af_packet"), SPACE) as running, Offloading(SPACE, "left") as sender, \
                frames.Wire(SPACE, "left") as plain, frames.Wire(SPACE, "right") as receiver:
            for number in range(20):
                plain.send(frames.numbered(number, 100, b"\x88\xa8\x00\x06"))
            tcp = struct.pack("!HHIIBBHHH", 1, 2, 0, 0, 0x50, 0x10, 100, folded(pseudo_header(6, 6020)), 0) + bytes(6000)
            sender.send_unfinished(ip_frame(6, tcp), 16, GSO_TCPV4, 1400)
            plain.send(frames.numbered(1000))
            self.assertEqual(receiver.receive(5), frames.numbered(1000), "only what can be handed on as it came")
            running.wait_until(lambda: len(running.json("status")["warnings"]) >= 2, "the warnings")
            warnings = "\n".join(running.json("status")["warnings"])
            self.assertRegex(warnings, r"port in \(wan\): 20 frames with an 802.1ad tag were turned away.*net_af_xdp")
            self.assertRegex(warnings, r"port in \(wan\): 1 frames were turned away, longer than the MTU.*ethtool -K INTERFACE tso off gso off")
            self.assertEqual(running.stats()["total"]["rx"], 1)


class Links(Ports):
    def carrier(self, interface):
        return self.box("cat", f"/sys/class/net/{interface}/operstate").strip() == "up"

    def port(self, running, name):
        return devices.port_of(running, name)

    def assert_follows(self, driver):
        with node.Node(self.text(driver, follow=True), SPACE) as running, frames.Wire(SPACE, "left") as one:
            self.assertTrue(self.carrier("left"))
            self.box("ip", "link", "set", "dev", "right", "down")
            began = time.monotonic()
            running.wait_until(lambda: not self.carrier("left"), "the loss at the other side", 5)
            self.assertLess(time.monotonic() - began, 2)
            running.wait_until(lambda: not self.port(running, "out")["link_up"], "the loss in weir status")
            self.assertIn("port in: follows the link of port out, which is down", "\n".join(running.json("status")["warnings"]))
            self.assertEqual((self.port(running, "in")["link_downs"], self.port(running, "out")["link_downs"]), (0, 1))
            self.box("ip", "link", "set", "dev", "right", "up")
            running.wait_until(lambda: self.carrier("left") and self.port(running, "in")["link_up"], "the return at the other side")
            with frames.Wire(SPACE, "right") as other:
                sent = [frames.numbered(number) for number in range(100)]
                self.assertEqual(frames.differences(sent, frames.exchange(one, other, sent)), frames.UNCHANGED)
            self.assertNotIn("follows", "\n".join(running.json("status")["warnings"]))

    def test_a_link_follows_its_pair_with_af_xdp(self):
        self.assert_follows("net_af_xdp")

    def test_a_link_follows_its_pair_with_af_packet(self):
        self.assert_follows("net_af_packet")

    def test_an_interface_that_is_held_down_comes_back_with_the_end_of_the_node(self):
        with node.Node(self.text("net_af_xdp", follow=True), SPACE) as running:
            self.box("ip", "link", "set", "dev", "right", "down")
            running.wait_until(lambda: not self.carrier("left"), "the loss at the other side")
        deadline = time.monotonic() + node.READY_SECONDS  # the kernel follows in its own time
        while not self.carrier("left") and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertTrue(self.carrier("left"))

    def assert_survives_removal(self, driver):
        with node.Node(self.text(driver), SPACE) as running, frames.Wire(SPACE, "left") as one:
            self.box("ip", "link", "del", "dev", "lan")
            running.wait_until(lambda: self.port(running, "out")["removed"], "the removal in weir status")
            for number in range(500):
                one.send(frames.numbered(number))
            running.wait_until(lambda: running.stats()["ports"]["in"]["rx"] == 500, "packets at the port that is left")
            running.wait_until(lambda: running.stats()["total"]["in_flight"] == 0, "the end of all packets")
            self.assertTrue(node.balanced(running.stats()["total"]))
            self.assertRegex("\n".join(running.json("status")["warnings"]), "port out: its device lan is gone")
            self.assertTrue(self.port(running, "in")["link_up"])
            self.assertIsNone(running.process.poll())

    def test_an_interface_that_disappears_ends_nothing_with_af_xdp(self):
        self.assert_survives_removal("net_af_xdp")

    def test_an_interface_that_disappears_ends_nothing_with_af_packet(self):
        self.assert_survives_removal("net_af_packet")


if __name__ == "__main__":
    tap.main()
