#!/usr/bin/env python3
"""Bad input of every kind: one line that names place, value and what would be right; the exit status; nothing left behind."""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import node
import tap

LAB = "weir-it-no"


def null_config(**replacements):
    text = node.wire_config(("net_null0", "net_null1"))
    for before, after in replacements.get("replace", []):
        assert before in text, before
        text = text.replace(before, after)
    return text


class Refusal(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-refusal-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_weir(self, config, *arguments, namespace=None, prefix=(), verb="run"):
        path = self.folder / "weir.yaml"
        path.write_text(config)
        options = ["--run-dir", self.folder / "run", "--duration", "2"] if verb == "run" else []
        return node.sh(*node.inside(namespace, *prefix, node.WEIR, verb, path, *options, *arguments), timeout=60)

    def assert_refused(self, done, *words, status=2):
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertTrue(node.one_line(done.stderr), done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        run_dir = self.folder / "run"
        left = [str(path) for path in run_dir.glob("*.sock")] if run_dir.exists() else []
        self.assertEqual(left, [])


class Configuration(Refusal):
    def check(self, before, after, *words, status=2):
        done = self.run_weir(null_config(replace=[(before, after)]), verb="check")
        self.assert_refused(done, *words, status=status)

    def test_wrong_key(self):
        self.check("workers:", "wokers:", "weir.yaml:3:1", "wokers", "did you mean", "workers")

    def test_wrong_type(self):
        self.check("entries: [203.0.113.0/24,", "entries: [203.0.113.0/33,", "203.0.113.0/33", "weir.yaml:")

    def test_wrong_unit(self):
        self.check("size: 128MiB", "size: 128MB/s", "128MB/s", "weir.yaml:4:")

    def test_unknown_port(self):
        self.check("pass: inside", "pass: insid", "insid", "inside")

    def test_missing_object(self):
        self.check(str(node.FIREWALL), "/nowhere/firewall.o", "/nowhere/firewall.o")

    def test_object_is_no_elf(self):
        self.check(str(node.FIREWALL), str(node.BUILD / "build.ninja"), "ELF")

    def test_truncated_object(self):
        cut = self.folder / "cut.o"
        cut.write_bytes(node.FIREWALL.read_bytes()[:1000])
        self.check(str(node.FIREWALL), str(cut), "cut.o")

    def test_object_for_another_machine(self):
        self.check(str(node.FIREWALL), str(node.WEIR), "weir")

    def test_unknown_program_of_the_object(self):
        self.check("program: firewall\n", "program: firewal\n", "firewal")

    def test_later_keys_are_refused_by_name(self):
        self.check("sets:", "policy: {}\nsets:", "policy")

    def test_unknown_global(self):
        self.check("blocked_tcp_port: 2323", "blocked_tcp_prt: 2323", "blocked_tcp_prt")

    def test_missing_file(self):
        done = node.sh(node.WEIR, "check", "/nowhere/weir.yaml")
        self.assert_refused(done, "/nowhere/weir.yaml")

    def test_good_one_passes(self):
        done = self.run_weir(null_config(), verb="check")
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Start(Refusal):
    def test_lcore_that_does_not_exist(self):
        done = self.run_weir(null_config(replace=[('lcores: "0"', 'lcores: "99"')]))
        self.assert_refused(done, "99")

    def test_unknown_driver(self):
        done = self.run_weir(null_config(replace=[("net_null0", "net_nothing0")]))
        self.assert_refused(done, "net_nothing0")

    def test_devices_that_are_wrong_in_themselves(self):
        table = [
            ("eth0", "eth0", "net_af_packet, net_af_xdp"),
            ("net_null0,siz=64", "no key 'siz'", "size, copy, no-rx"),
            ("net_null0,size=big", "size=big", "whole number"),
            ("net_null0,size=64,size=65", "size is there twice"),
            ("net_null1", "net_null1", "no other port uses"),
            ("net_pcap0,rx_pcap=/nowhere/in.pcap", "cannot read '/nowhere/in.pcap'"),
            ("net_pcap0,tx_pcap=/nowhere/out.pcap", "/nowhere/out.pcap"),
            ("net_pcap0", "needs rx_pcap="),
            ("net_af_xdp0", "needs iface="),
            ("net_memif0,role=master", "server or client"),
            ("net_virtio_user0,queues=1", "needs path="),
            ("net_virtio_user0,path=/nowhere/vhost.sock", "/nowhere/vhost.sock"),
            ("0000:ff:1f.7", "0000:ff:1f.7"),
        ]
        for device, *words in table:
            with self.subTest(device=device):
                done = self.run_weir(null_config(replace=[("net_null0", device)]))
                self.assert_refused(done, "ports.", *words)

    def test_numbers_that_a_device_or_this_machine_has_not(self):
        device = 'device: "net_null0",'
        table = [
            ([(device, 'device: "net_ring0", queues: 17,')], "queues: 17, but device 'net_ring0' has 16"),
            ([(device, device + " link_follow: outside,")], "link_follow"),
            ([(device, 'device: "net_memif0", rx_descriptors: 32768,'), ("size: 128MiB", "size: 64MiB")], "memory.size: ", "but it says 64 MiB"),
            ([('lcores: "0"', 'lcores: "0,700"')], "700"),
            ([("size: 128MiB", "size: 1MiB")], "memory.size"),
        ]
        for replacements, *words in table:
            with self.subTest(after=replacements):
                done = self.run_weir(null_config(replace=replacements))
                self.assert_refused(done, *words)

    def test_required_hugepages_that_are_not_there(self):
        pages = pathlib.Path("/proc/sys/vm/nr_hugepages").read_text().strip()
        if pages != "0":
            self.skipTest(f"{pages} hugepages are reserved here")
        done = self.run_weir(null_config(replace=[("hugepages: off", "hugepages: required")]))
        self.assert_refused(done, "nr_hugepages")

    def test_run_dir_in_use(self):
        with node.Node(null_config()) as first:
            path = self.folder / "weir.yaml"
            path.write_text(null_config())
            done = node.sh(node.WEIR, "run", path, "--run-dir", first.run_dir, "--duration", "2", timeout=60)
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            self.assertTrue(node.one_line(done.stderr), done.stderr)
            self.assertIn(str(first.run_dir), done.stderr)
            self.assertGreater(first.stats()["generation"], 0)

    def test_rejected_program_is_exit_1(self):
        unsafe = self.folder / "unsafe.bpf.c"
        unsafe.write_text(
            '__attribute__((section("xdp"), used)) int firewall(unsigned *ctx)\n'
            "{\n    return *(unsigned *)(unsigned long)ctx[0];\n}\n")
        built = self.folder / "unsafe.o"
        subprocess.run(["clang-14", "-O2", "-g", "-target", "bpf", "-c", unsafe, "-o", built], check=True)
        config = "\n".join(line for line in null_config(replace=[(str(node.FIREWALL), str(built))]).splitlines()
                           if "globals" not in line and "maps:" not in line and "blocked_v" not in line)
        for verb in ("check", "run"):
            done = self.run_weir(config, verb=verb)
            self.assert_refused(done, "firewall", "packet", status=1)


@node.needs_root()
class Interfaces(Refusal):
    def test_interface_that_does_not_exist(self):
        with node.Lab(LAB) as lab:
            config = node.wire_config(("net_af_xdp0,iface=box-clint", "net_af_xdp1,iface=box-server"))
            done = self.run_weir(config, namespace=lab.box)
            self.assert_refused(done, "box-clint")

    def test_port_already_in_use(self):
        with node.Lab(LAB) as lab, node.Node(node.wire_config(), lab.box):
            done = self.run_weir(node.wire_config(), namespace=lab.box)
            self.assert_refused(done, "box-client", "in use by another dataplane")

    def test_af_packet_on_an_interface_with_an_address(self):
        with node.Lab(LAB) as lab:
            node.sh("ip", "-n", lab.box, "address", "add", "192.0.2.1/24", "dev", "box-client")
            config = node.wire_config(("net_af_packet0,iface=box-client", "net_af_packet1,iface=box-server"))
            done = self.run_weir(config, namespace=lab.box)
            self.assert_refused(done, "box-client", "192.0.2.1", "ip addr flush dev box-client")

    def test_af_packet_below_the_mtu(self):
        with node.Lab(LAB) as lab:
            for namespace, interface in ((lab.box, "box-client"), (lab.client, "eth0")):
                node.sh("ip", "-n", namespace, "link", "set", interface, "mtu", "9000")
            config = node.wire_config(("net_af_packet0,iface=box-client", "net_af_packet1,iface=box-server"))
            done = self.run_weir(config, namespace=lab.box)
            self.assert_refused(done, "box-client", "9000")

    def test_af_packet_serves_where_nothing_else_sits_on_the_interface(self):
        with node.Lab(LAB) as lab:
            config = node.wire_config(("net_af_packet0,iface=box-client", "net_af_packet1,iface=box-server"))
            with node.Node(config, lab.box):
                done = node.sh(*node.inside(lab.client, "ping", "-c", "3", "-i", "0.2", "-W", "1", "198.51.100.2"))
                self.assertEqual(done.returncode, 0, done.stdout)

    def test_without_privileges(self):
        with node.Lab(LAB) as lab:
            self.folder.chmod(0o777)
            done = self.run_weir(node.wire_config(), namespace=lab.box,
                                 prefix=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))
            self.assert_refused(done)


if __name__ == "__main__":
    tap.main()
