#!/usr/bin/env python3
"""A wire that passes everything changes nothing; one that drops everything lets nothing by, whatever happens to it.

WEIR_DOWNLOAD_MIB=1024 makes the long run of the downloads (tests/LONG_RUNS.md).
"""
import json
import os
import pathlib
import select
import signal
import struct
import subprocess
import time
import unittest

import node
import tap

LAB = "weir-it-clear"
SERVER = "198.51.100.2"
PORT = 7010
DOWNLOAD_MIB = int(os.environ.get("WEIR_DOWNLOAD_MIB", "48"))
FRAMES = pathlib.Path(__file__).with_name("frames.py")
DOWNLOAD = pathlib.Path(__file__).with_name("download.py")
AF_XDP = ("net_af_xdp0,iface=box-client", "net_af_xdp1,iface=box-server")
AF_PACKET = ("net_af_packet0,iface=box-client", "net_af_packet1,iface=box-server")
US, THEM = bytes.fromhex("02000000000a"), bytes.fromhex("02000000000b")


def kinds_of_frames():
    """Name -> frame. Each has a mark of its own in its last bytes."""
    def frame(destination, rest, length, mark):
        body = destination + US + rest
        return body + bytes(length - 4 - len(body)) + struct.pack("!I", 0xC1EA0000 + mark)

    group = bytes.fromhex("0180c2000000")
    found = {
        "QinQ": frame(THEM, bytes.fromhex("88a80064810000c888b5"), 200, 1),
        "VLAN": frame(THEM, bytes.fromhex("8100e06488b5"), 100, 2),
        "priority tag": frame(THEM, bytes.fromhex("8100a00088b5"), 64, 3),
        "three tags": frame(THEM, bytes.fromhex("88a80001810000028100000388b5"), 128, 4),
        "BPDU": frame(group, bytes.fromhex("0027424203") + bytes(35), 60, 5),
        "LACP": frame(group[:5] + b"\x02", bytes.fromhex("88090101"), 124, 6),
        "EAPOL": frame(group[:5] + b"\x03", bytes.fromhex("888e0100"), 60, 7),
        "LLDP": frame(group[:5] + b"\x0e", bytes.fromhex("88cc0207"), 90, 8),
        "pause": frame(group[:5] + b"\x01", bytes.fromhex("88080001ffff"), 60, 9),
        "broadcast": frame(b"\xff" * 6, bytes.fromhex("88b5"), 60, 10),
        "multicast": frame(bytes.fromhex("333300000001"), bytes.fromhex("86dd60"), 86, 11),
    }
    for length in (18, 20, 59, 60, 61, 1513, 1514):
        found[f"{length} bytes"] = frame(THEM, bytes.fromhex("88b5"), length, 100 + length)
    found["largest with a tag"] = frame(THEM, bytes.fromhex("8100006488b5"), 1518, 12)
    return found


class Listener:
    """What comes in at an interface."""

    def __init__(self, namespace, interface):
        self.process = subprocess.Popen(node.inside(namespace, "python3", FRAMES, "listen", interface),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        if self.process.stdout.readline().strip() != b"ready":
            raise AssertionError(f"no listener on {interface}: {self.process.wait()}")

    def wait_for(self, frames, seconds=10):
        """All frames that came until `frames` were among them, and which of them were not."""
        got, missing = [], {frame.hex() for frame in frames}
        deadline = time.monotonic() + seconds
        while missing and time.monotonic() < deadline:
            readable, _, _ = select.select([self.process.stdout], [], [], 0.2)
            line = self.process.stdout.readline().strip().decode() if readable else ""
            got += [line] if line else []
            missing.discard(line)
        return got, missing

    def end(self):
        """All that came and was not asked for."""
        output, _ = self.process.communicate()
        return output.decode().splitlines()


def send(namespace, interface, frames):
    subprocess.run(node.inside(namespace, "python3", FRAMES, "send", interface), check=True, text=True,
                   input="".join(frame.hex() + "\n" for frame in frames))


def set_mtu(lab, mtu):
    for namespace, interface in ((lab.client, "eth0"), (lab.box, "box-client"), (lab.box, "box-server"), (lab.server, "eth0")):
        node.sh("ip", "-n", namespace, "link", "set", interface, "mtu", mtu, check=True)


@node.needs_root()
class Transparency(unittest.TestCase):
    def run_wire(self, devices, check):
        with node.Lab(LAB) as lab, node.Node(node.wire_config(devices, chain=False), lab.box) as wire:
            check(lab, wire)
            stats = wire.stats()
            self.assertTrue(node.balanced(stats["total"]), stats["total"])

    def frames_arrive(self, lab, _, keeps_8021ad=True):
        frames = {name: frame for name, frame in kinds_of_frames().items() if keeps_8021ad or frame[12:14] != b"\x88\xa8"}
        for source, destination in ((lab.client, lab.server), (lab.server, lab.client)):
            listener = Listener(destination, "eth0")
            send(source, "eth0", frames.values())
            got, missing = listener.wait_for(frames.values())
            got += listener.end()
            self.assertFalse(missing, [name for name, frame in frames.items() if frame.hex() in missing])
            for name, frame in frames.items():
                self.assertEqual(got.count(frame.hex()), 1, name)

    def download_is_whole(self, lab, _):
        server = subprocess.Popen(node.inside(lab.server, "python3", DOWNLOAD, "serve", PORT, DOWNLOAD_MIB),
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.assertEqual(server.stdout.readline().strip(), "ready")
        began = time.monotonic()
        done = node.sh(*node.inside(lab.client, "python3", DOWNLOAD, "fetch", SERVER, PORT))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.split(), [str(DOWNLOAD_MIB << 20), server.stdout.readline().strip()])
        server.wait()
        print(f"# {DOWNLOAD_MIB} MiB in {time.monotonic() - began:.1f} s", flush=True)

    def iperf_arrives(self, lab):
        server = subprocess.Popen(node.inside(lab.server, "iperf3", "-s", "-1", "--forceflush"), stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.communicate)
        while "listening" not in server.stdout.readline():
            self.assertIsNone(server.poll())
        done = node.sh(*node.inside(lab.client, "iperf3", "-c", SERVER, "-t", "2", "-J"))
        self.assertEqual(done.returncode, 0, done.stdout[-500:])
        self.assertGreater(json.loads(done.stdout)["end"]["sum_received"]["bytes"], 1 << 20)

    def test_frames_of_every_kind_pass_af_xdp_byte_for_byte(self):
        self.run_wire(AF_XDP, self.frames_arrive)

    def test_frames_of_every_kind_but_8021ad_pass_af_packet_byte_for_byte(self):
        # Linux takes the outer tag out before a packet socket, and the driver does not ask which type it was of.
        self.run_wire(AF_PACKET, lambda lab, wire: self.frames_arrive(lab, wire, keeps_8021ad=False))

    def test_a_download_and_iperf_pass_af_xdp_whole(self):
        def both(lab, wire):
            self.download_is_whole(lab, wire)
            self.iperf_arrives(lab)
        self.run_wire(AF_XDP, both)

    def test_a_download_passes_af_packet_whole(self):
        self.run_wire(AF_PACKET, self.download_is_whole)

    def test_frames_of_4000_bytes_pass_af_packet_with_frames_that_hold_them(self):
        with node.Lab(LAB) as lab:
            set_mtu(lab, 4000)
            devices = [f"{device},framesz=4096,blocksz=65536,framecnt=512" for device in AF_PACKET]
            with node.Node(node.wire_config(devices, chain=False), lab.box):
                self.long_frames_arrive(lab)

    def test_frames_of_4000_bytes_arrive_or_the_port_is_refused_for_its_mtu(self):
        with node.Lab(LAB) as lab:
            set_mtu(lab, 4000)
            wire = node.Node(node.wire_config(AF_XDP, chain=False), lab.box)
            self.addCleanup(wire.__exit__)
            try:
                wire.start()
            except AssertionError as refusal:
                self.assertRegex(str(refusal), r"ports\.(outside|inside): .*(mtu|MTU) ")
                return
            self.long_frames_arrive(lab)

    def long_frames_arrive(self, lab):
        frames = [THEM + US + bytes.fromhex("88b5") + bytes(length - 14) for length in (1515, 3000, 3999, 4000, 4014)]
        listener = Listener(lab.server, "eth0")
        send(lab.client, "eth0", frames)
        _, missing = listener.wait_for(frames)
        listener.end()
        self.assertFalse(missing, [len(frame) // 2 for frame in missing])


def scan(lab, address):
    """True when anything at all answers a neighbour request, a ping or a connection."""
    node.sh("ip", "-n", lab.client, "neigh", "flush", "dev", "eth0")
    if node.sh(*node.inside(lab.client, "ping", "-c", "2", "-i", "0.2", "-W", "1", address)).returncode == 0:
        return True
    # With a neighbour entry by hand, connections are tried for real.
    mac = json.loads(node.sh("ip", "-n", lab.box, "-j", "link", "show", "box-client").stdout)[0]["address"]
    node.sh("ip", "-n", lab.client, "neigh", "replace", address, "lladdr", mac, "dev", "eth0", "nud", "permanent", check=True)
    done = node.sh(*node.inside(lab.client, "python3", "-c", f"""
import errno, socket
for port in range(1, 65):
    with socket.socket() as one:
        one.settimeout(0.01)
        if one.connect_ex(('{address}', port)) in (0, errno.ECONNREFUSED):
            raise SystemExit('answered')
"""))
    node.sh("ip", "-n", lab.client, "neigh", "flush", "dev", "eth0", "nud", "permanent")
    return done.returncode != 0


@node.needs_root()
class NoBypass(unittest.TestCase):
    ADDRESS = "198.51.100.9"

    def test_a_scan_of_an_address_on_a_port_that_drops_everything_sees_nothing_nor_does_the_host(self):
        with node.Lab(LAB) as lab:
            node.sh("ip", "-n", lab.box, "address", "add", f"{self.ADDRESS}/24", "dev", "box-client", check=True)
            config = node.wire_config(chain=False).replace("pass: inside", "pass: drop").replace("pass: outside", "pass: drop")
            wire = node.Node(config, lab.box).start()
            self.addCleanup(wire.__exit__)
            host = Listener(lab.box, "box-client")
            self.assertFalse(scan(lab, self.ADDRESS))
            self.assertGreater(wire.stats()["ports"]["outside"]["drops"]["pass_drop"], 60)
            # The dataplane alone dies, and then all of it.
            os.kill(wire.child("weir-dataplane"), signal.SIGKILL)
            self.assertFalse(scan(lab, self.ADDRESS))
            os.killpg(wire.process.pid, signal.SIGKILL)
            wire.process.wait()
            self.assertFalse(scan(lab, self.ADDRESS))
            self.assertEqual(host.end(), [])
            # The same eyes see a host that is open.
            node.sh("ip", "-n", lab.box, "link", "set", "box-client", "xdp", "off", check=True)
            host = Listener(lab.box, "box-client")
            self.assertTrue(scan(lab, self.ADDRESS))
            self.assertNotEqual(host.end(), [])


if __name__ == "__main__":
    tap.main()
