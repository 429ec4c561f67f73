#!/usr/bin/env python3
"""Every virtual device: numbered packets over each, none lost, doubled, damaged or out of order, every one accounted for."""
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

import node
import numbered_frames as frames
import tap
from devices import config, port_of, read_pcap, write_pcap

SPACE = "weir-it-dev"
PACKETS = 2000


class Devices(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-devices-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def assert_accounted(self, running):
        stats = running.stats()
        self.assertTrue(node.balanced(stats["total"]), stats["total"])
        return stats

    def assert_wire(self, running, sender, receiver, lengths=(60,), count=PACKETS):
        sent = [frames.numbered(number, lengths[number % len(lengths)]) for number in range(count)]
        arrived = frames.exchange(sender, receiver, sent)
        self.assertEqual(frames.differences(sent, arrived), frames.UNCHANGED)
        self.assert_accounted(running)


class Files(Devices):
    def capture(self, name, first, count=PACKETS):
        packets = [frames.numbered(number, 60 + number % 1400) for number in range(first, first + count)]
        write_pcap(self.folder / name, packets)
        return packets

    def run_until_written(self, text, out, count):
        with node.Node(text) as running:
            running.wait_until(lambda: running.stats()["ports"]["out"]["tx"] >= count, f"{count} packets")
            self.assert_accounted(running)
        return read_pcap(self.folder / out)

    def test_pcap_to_pcap(self):
        sent = self.capture("in.pcap", 0)
        text = config([("in", f"net_pcap0,rx_pcap={self.folder}/in.pcap", "out"), ("out", f"net_pcap1,tx_pcap={self.folder}/out.pcap", "drop")])
        self.assertEqual(self.run_until_written(text, "out.pcap", PACKETS), sent)

    def test_two_captures_are_two_queues_on_two_workers(self):
        sent = self.capture("a.pcap", 0) + self.capture("b.pcap", PACKETS)
        text = config([("in", f"net_pcap0,rx_pcap={self.folder}/a.pcap,rx_pcap={self.folder}/b.pcap", "out"),
                       ("out", f"net_pcap1,tx_pcap={self.folder}/out0.pcap,tx_pcap={self.folder}/out1.pcap", "drop")], "0,1")
        with node.Node(text) as running:
            running.wait_until(lambda: running.stats()["ports"]["out"]["tx"] >= 2 * PACKETS, "all packets")
            self.assertEqual(port_of(running, "in")["queues"], 2)
            self.assert_accounted(running)
        written = read_pcap(self.folder / "out0.pcap") + read_pcap(self.folder / "out1.pcap")
        self.assertEqual(sorted(map(frames.number_of, written)), list(range(2 * PACKETS)))
        self.assertEqual(set(written), set(sent))

    def test_a_ring_gives_back_what_it_is_sent(self):
        sent = self.capture("in.pcap", 0)
        text = config([("in", f"net_pcap0,rx_pcap={self.folder}/in.pcap", "ring"), ("ring", "net_ring0", "out"),
                       ("out", f"net_pcap1,tx_pcap={self.folder}/out.pcap", "drop")])
        self.assertEqual(self.run_until_written(text, "out.pcap", PACKETS), sent)

    def test_null_devices_have_a_queue_for_each_worker(self):
        with node.Node(config([("in", "net_null0,size=64", "out"), ("out", "net_null1,no-rx=1", "drop")], "0,1")) as running:
            running.wait_until(lambda: all(worker["rx"] > PACKETS for worker in running.stats()["workers"]), "packets on both workers")
            stats = self.assert_accounted(running)
            self.assertEqual(port_of(running, "in")["queues"], 2)
        self.assertEqual(stats["ports"]["out"]["rx"], 0)


@node.needs_root()
class Interfaces(Devices):
    """A namespace with the devices' interfaces, `wan` and `lan` with their other ends `left` and `right`."""

    def setUp(self):
        super().setUp()
        node.sh("ip", "netns", "del", SPACE)
        self.assertEqual(node.sh("ip", "netns", "add", SPACE).returncode, 0)
        self.addCleanup(node.sh, "ip", "netns", "del", SPACE)
        self.box("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")

    def box(self, *command):
        done = node.sh(*node.inside(SPACE, *command))
        self.assertEqual(done.returncode, 0, f"{command}: {done.stderr}")
        return done.stdout

    def pairs(self, queues=1):
        for inner, outer in (("wan", "left"), ("lan", "right")):
            several = ["numrxqueues", str(queues), "numtxqueues", str(queues)] if queues > 1 else []
            self.box("ip", "link", "add", "name", inner, *several, "type", "veth", "peer", "name", outer)
            if queues > 1:
                self.box("ethtool", "-L", inner, "rx", str(queues))
            for name in (inner, outer):
                self.box("ip", "link", "set", "dev", name, "up")

    def node(self, ports, lcores="0"):
        return node.Node(config(ports, lcores), SPACE)

    def both_ways(self, running, left="left", right="right", lengths=(60, 61, 999, 1514)):
        with frames.Wire(SPACE, left) as one, frames.Wire(SPACE, right) as other:
            self.assert_wire(running, one, other, lengths)
            self.assert_wire(running, other, one, lengths)

    def test_af_packet(self):
        self.pairs()
        with self.node([("in", "net_af_packet0,iface=wan", "out"), ("out", "net_af_packet1,iface=lan", "in")]) as running:
            self.both_ways(running)

    def test_af_packet_with_two_queues_on_two_workers(self):
        self.pairs()
        with self.node([("in", "net_af_packet0,iface=wan,qpairs=2", "out"), ("out", "net_af_packet1,iface=lan,qpairs=2", "in")], "0,1") as running:
            self.assertEqual(port_of(running, "in")["queues"], 2)
            self.both_ways(running)

    def test_af_xdp(self):
        self.pairs()
        with self.node([("in", "net_af_xdp0,iface=wan", "out"), ("out", "net_af_xdp1,iface=lan", "in")]) as running:
            self.both_ways(running)

    def test_af_xdp_reads_two_queues_as_two_ports(self):
        self.pairs(queues=2)
        with self.node([("in", "net_af_xdp0,iface=wan,start_queue=0", "out"), ("in1", "net_af_xdp1,iface=wan,start_queue=1", "out"),
                        ("out", "net_af_xdp2,iface=lan,start_queue=0", "in"), ("out1", "net_af_xdp3,iface=lan,start_queue=1", "in")]) as running:
            self.both_ways(running)

    def test_tap(self):
        with self.node([("in", "net_tap0,iface=tapa", "out"), ("out", "net_tap1,iface=tapb", "in")]) as running:
            self.both_ways(running, "tapa", "tapb")

    def test_memif_between_two_processes(self):
        path = f"socket={self.folder}/memif.sock,socket-abstract=no,id=3"
        with self.node([("host", "net_tap0,iface=tapa", "peer"), ("peer", f"net_memif0,role=server,{path}", "host")]) as one, \
                self.node([("host", "net_tap0,iface=tapb", "peer"), ("peer", f"net_memif0,role=client,{path}", "host")]) as other:
            for running in (one, other):
                running.wait_until(lambda: port_of(running, "peer")["link_up"], "the memif link")
            self.both_ways(one, "tapa", "tapb")
            self.assert_accounted(other)

    def test_virtio_user_against_a_vhost_user_backend(self):
        path = self.folder / "vhost.sock"
        with open(self.folder / "testpmd.log", "w", encoding="utf-8") as log:
            backend = subprocess.Popen(
                ["dpdk-testpmd", "-l", "0,1", "--no-huge", "-m", "128", "--no-pci", "--no-shconf", "--no-telemetry",
                 "--file-prefix", "weir_it_vhost", "--vdev", f"net_vhost0,iface={path}", "--",
                 "--auto-start", "--forward-mode=io", "--port-topology=loop", "--total-num-mbufs=4096", "--nb-cores=1"],
                stdin=subprocess.PIPE, stdout=log, stderr=log)
        try:
            ports = [("host", "net_tap0,iface=tapa", "peer"), ("peer", f"net_virtio_user0,path={path}", "host")]
            running = self.node(ports)
            self.wait_for(path, backend)
            with running:
                running.wait_until(lambda: port_of(running, "peer")["link_up"], "the vhost link")
                with frames.Wire(SPACE, "tapa") as host:
                    self.assert_wire(running, host, host, (60, 999, 1514), 500)
        finally:
            backend.kill()
            backend.wait()
            backend.stdin.close()

    def wait_for(self, path, process):
        deadline = time.monotonic() + node.READY_SECONDS
        while not path.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.folder / "testpmd.log").read_text())
            time.sleep(0.05)


if __name__ == "__main__":
    tap.main()
