#!/usr/bin/env python3
"""`pass: kernel`: the host's stack behind a port, through its TAP interface. Both families, TCP, tags, large frames, an interface down."""
import pathlib
import subprocess
import unittest

import node
import tap

LAB = "weir-it-host"
HOST4, HOST6 = "198.51.100.9", "2001:db8:51::9"
LARGE_MTU = 9000
DOWNLOAD = pathlib.Path(__file__).with_name("download.py")
PORT, DOWNLOAD_MIB = 8080, 8


def config(device, more=""):
    return f"""
version: 1
workers: {{lcores: "0", idle: adaptive}}
memory: {{hugepages: off, size: 256MiB}}
ports:
  wan: {{device: "{device}", pass: kernel{more}}}
"""


def run(namespace, *command):
    return node.sh(*node.inside(namespace, *command))


def give_addresses(box):
    for command in (["address", "replace", f"{HOST4}/24", "dev", "wan"], ["address", "replace", f"{HOST6}/64", "dev", "wan", "nodad"]):
        done = node.sh("ip", "-n", box, *command)
        if done.returncode:
            raise AssertionError(done.stderr)


def pings(namespace, address, *more):
    return run(namespace, "ping", "-c", "2", "-i", "0.2", "-W", "2", *more, address).returncode == 0


TAGGED = ("import socket,sys\ns=socket.socket(socket.AF_PACKET,socket.SOCK_RAW)\ns.bind((sys.argv[1],0))\n"
          "s.send(bytes.fromhex('ffffffffffff02000000000181006005' '88b5')+bytes(60))")


@node.needs_root()
class Host(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = node.Lab(LAB)
        cls.lab.__enter__()
        cls.node = node.Node(config("net_af_xdp0,iface=box-client"), cls.lab.box)
        try:
            cls.node.start()
            give_addresses(cls.lab.box)
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            cls.node.__exit__()
        finally:
            cls.lab.__exit__()

    def counters(self):
        stats = self.node.stats()
        self.assertTrue(node.balanced(stats["total"]), stats["total"])
        return stats["ports"]["wan"]

    def test_the_interface_is_the_ports_and_up(self):
        port = next(each for each in self.node.json("status")["ports"] if each["name"] == "wan")
        shown = run(self.lab.box, "ip", "link", "show", "dev", "wan").stdout
        self.assertIn(f"mtu {port['mtu']} ", shown)
        self.assertIn(f"link/ether {port['mac']} ", shown)
        self.assertIn("UP", shown.splitlines()[0])

    def test_both_families_reach_the_host_and_the_host_reaches_out(self):
        before = self.counters()
        self.assertTrue(pings(self.lab.client, HOST4))
        self.assertTrue(pings(self.lab.client, HOST6))
        self.assertTrue(pings(self.lab.box, "198.51.100.1"))
        after = self.counters()
        # Requests, replies and who-has of both sides come in, by the device or from the host.
        self.assertGreaterEqual(after["to_kernel"] - before["to_kernel"], 6)
        self.assertGreaterEqual(after["tx"] - before["tx"], 6)
        self.assertGreaterEqual(after["rx"] - before["rx"], 12)

    def test_a_download_from_the_host_arrives_whole(self):
        server = subprocess.Popen(node.inside(self.lab.box, "python3", DOWNLOAD, "serve", PORT, DOWNLOAD_MIB), stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(server.stdout.readline().strip(), "ready")
            fetched = run(self.lab.client, "timeout", "20", "python3", DOWNLOAD, "fetch", HOST4, PORT)
            self.assertEqual(fetched.returncode, 0, fetched.stderr)
            self.assertEqual(fetched.stdout.split(), [str(DOWNLOAD_MIB << 20), server.stdout.readline().strip()])
        finally:
            server.kill()
            server.wait()
            server.stdout.close()

    def test_tags_stay_in_the_bytes_both_ways(self):
        for there, device, here, sender in ((self.lab.box, "wan", self.lab.client, "eth0"), (self.lab.client, "eth0", self.lab.box, "wan")):
            listener = subprocess.Popen(node.inside(there, "timeout", "10", "tcpdump", "-e", "-n", "-c", "1", "-l", "--immediate-mode",
                                                    "-Q", "in", "-i", device, "vlan 5"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            try:
                while listener.poll() is None:
                    run(here, "python3", "-c", TAGGED, sender)
                seen = listener.stdout.read()
            finally:
                listener.kill()
                listener.wait()
                listener.stdout.close()
            self.assertIn("vlan 5, p 3", seen)

    def test_an_interface_that_is_down_is_counted_and_comes_back(self):
        self.assertEqual(run(self.lab.box, "ip", "link", "set", "wan", "down").returncode, 0)
        before = self.counters()["drops"]["host_down"]
        run(self.lab.client, "ping", "-c", "1", "-W", "1", HOST4)
        self.node.wait_until(lambda: self.counters()["drops"]["host_down"] > before, "frames that nobody took")
        self.assertEqual(run(self.lab.box, "ip", "link", "set", "wan", "up").returncode, 0)
        give_addresses(self.lab.box)
        self.node.wait_until(lambda: pings(self.lab.client, HOST4), "the way back")

    def test_the_interface_goes_with_the_node(self):
        with node.Node(config("net_null7,no-rx=1").replace("wan:", "gone:"), self.lab.box):
            self.assertEqual(run(self.lab.box, "ip", "link", "show", "dev", "gone").returncode, 0)
        self.assertNotEqual(run(self.lab.box, "ip", "link", "show", "dev", "gone").returncode, 0)

    def test_a_name_that_is_taken_is_refused(self):
        refused = node.Node(config("net_null8,no-rx=1").replace("wan:", "box-server:"), self.lab.box)
        try:
            refused.start(wait=False)
            self.assertNotEqual(refused.process.wait(timeout=node.READY_SECONDS), 0)
            self.assertIn("ports.box-server: pass: kernel: interface box-server", refused.log.read_text())
        finally:
            refused.__exit__()


@node.needs_root()
class LargeFrames(unittest.TestCase):
    def test_nine_thousand_bytes_both_ways(self):
        with node.Lab(LAB + "-l") as lab:
            for namespace, device in ((lab.client, "eth0"), (lab.box, "box-client")):
                self.assertEqual(node.sh("ip", "-n", namespace, "link", "set", device, "mtu", LARGE_MTU).returncode, 0)
            device = "net_af_packet0,iface=box-client,blocksz=36864,framesz=9216,framecnt=512"
            with node.Node(config(device), lab.box) as running:
                give_addresses(lab.box)
                sent = str(LARGE_MTU - 28)
                self.assertTrue(pings(lab.client, HOST4, "-M", "do", "-s", sent))
                self.assertTrue(pings(lab.box, "198.51.100.1", "-M", "do", "-s", sent))
                self.assertTrue(node.balanced(running.stats()["total"]))


if __name__ == "__main__":
    tap.main()
