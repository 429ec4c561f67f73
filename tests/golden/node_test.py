#!/usr/bin/env python3
"""A real node on capture files, without privileges: run, swap, maps, metrics, kill -9 of either process, Ctrl-C.
Arguments: weir, dataplane, control plane, object, object that drops all, object with another map, capture."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="weir-node-"))
WEIR, DATAPLANE, CONTROLPLANE, OBJECT, DROP_ALL, OTHER_MAP, CAPTURE = (str(pathlib.Path(word).resolve()) for word in sys.argv[1:8])
BIN = SCRATCH / "bin"
BIN.mkdir()
for binary in (WEIR, DATAPLANE, CONTROLPLANE):
    shutil.copy(binary, BIN)  # weir looks beside itself
WEIR = str(BIN / "weir")

CONFIG = """version: 1
run_dir: run
workers: {{lcores: "{lcore}"}}
memory: {{hugepages: off, size: 128MiB}}
ports:
  capture: {{device: "net_pcap0,rx_pcap={capture},tx_pcap=back.pcap", pass: result, ingress: [{{program: counter}}]}}
  result: {{device: "net_pcap1,rx_pcap=empty.pcap,tx_pcap=out.pcap", pass: capture}}
programs:
  counter: {{object: {object}, program: count, maps: {{blocked_v4: {{set: blocked, family: ipv4}}}}}}
sets:
  blocked: {{type: prefix, entries: [{entries}]}}
metrics:
  listen: 127.0.0.1:{port}
  export:
    - {{name: kinds_total, program: counter, map: kinds, value: packets, labels: {{kind: key}}}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("did not come true in time")


class Node(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH))
        (self.folder / "empty.pcap").write_bytes(pathlib.Path(CAPTURE).read_bytes()[:24])
        self.port = free_port()
        self.config = self.folder / "weir.yaml"
        self.write(OBJECT)
        self.node = None

    def tearDown(self):
        if self.node and self.node.poll() is None:
            self.node.kill()
            self.node.wait()

    def write(self, program, entries="203.0.113.0/24", lcore=None):
        lcore = min(os.sched_getaffinity(0)) if lcore is None else lcore
        self.config.write_text(CONFIG.format(capture=CAPTURE, object=program, entries=entries, port=self.port, lcore=lcore))

    def weir(self, *words):
        return subprocess.run([WEIR, *words, "--run-dir", str(self.folder / "run")], capture_output=True, text=True, timeout=60)

    def ask(self, *words):
        done = self.weir(*words, "-j")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def start(self):
        self.node = subprocess.Popen([WEIR, "run", str(self.config)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertIn("ready", self.node.stdout.readline())
        wait_for(lambda: self.ask("stats")["total"]["rx"] == 400)

    def children(self):
        found = {}
        for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = entry.read_bytes().decode().split("\0")
            except OSError:
                continue
            if str(self.folder / "run") in words and "run" != words[1]:
                found.setdefault(pathlib.Path(words[0]).name, int(entry.parent.name))
        return found

    def end(self):
        self.node.send_signal(signal.SIGINT)
        out, err = self.node.communicate(timeout=30)
        self.assertEqual(self.node.returncode, 0, err)
        self.assertEqual(self.children(), {})
        self.assertFalse((self.folder / "run" / "control.sock").exists())
        self.assertFalse((self.folder / "run" / "dataplane.sock").exists())
        return out, err

    def test_filters_a_capture_and_ends_when_idle(self):
        done = subprocess.run([WEIR, "run", str(self.config), "--exit-when-idle", "0.5"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("XDP_DROP 100, XDP_PASS 300", done.stdout)
        self.assertEqual(self.children(), {})

    def test_the_control_plane_can_be_stopped_while_no_dataplane_answers(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            control = subprocess.Popen([BIN / pathlib.Path(CONTROLPLANE).name, "--run-dir", str(self.folder / "run"),
                                        "--config", str(self.config)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            wait_for((self.folder / "run").exists)
            time.sleep(0.2)
            control.send_signal(number)
            _, err = control.communicate(timeout=2)
            self.assertEqual((control.returncode, err), (0, ""))

    def test_shows_the_machine_code_that_runs(self):
        self.config.write_text(self.config.read_text() + "jit: {harden: true, symbols: all}\n")
        self.start()
        pid = self.ask("status")["pid"]
        done = self.weir("prog", "dump", "jited", "counter")
        self.assertEqual(done.returncode, 0, done.stderr)
        for said in ("count:", "count.burst:", ": seen++;", "$map[blocked_v4]", "map[.bss].value"):
            self.assertIn(said, done.stdout)
        self.assertNotRegex(done.stdout, r"(call|jmp) 0x[0-9a-f]{9,}")
        document = self.ask("prog", "dump", "jited", "counter")
        self.assertEqual(document["bytes"], self.ask("prog", "list")[0]["jited_bytes"])
        symbols = pathlib.Path(f"/tmp/perf-{pid}.map")
        named = [line.split()[2] for line in symbols.read_text().splitlines()]
        self.assertEqual(named, [f"weir:counter:{function['name']}" for function in document["functions"]])
        symbols.unlink()
        done = self.weir("prog", "dump", "jited", "nobody")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("program 'nobody' does not run here", done.stderr)
        self.end()

    def test_serves_maps_metrics_and_swaps(self):
        self.start()
        stats = self.ask("stats")
        total = stats["total"]
        self.assertEqual(total["rx"], total["tx"] + total["to_kernel"] + sum(total["drops"].values()) + total["in_flight"])
        self.assertEqual(stats["programs"]["counter"]["verdicts"]["XDP_DROP"], 100)
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5).read().decode()
        self.assertIn('kinds_total{kind="ipv4"} 400', text)
        self.assertIn('weir_port_receive_packets_total{port="capture"} 400', text)
        elements = self.ask("map", "dump", "counter/kinds")
        self.assertEqual(elements[0]["key"], "ipv4")
        self.assertEqual(sum(slot["packets"] for slot in elements[0]["values"]), 400)
        self.assertEqual(self.weir("map", "lookup", "counter/blocked_v4", "192.0.2.1").returncode, 1)
        self.assertEqual(self.weir("map", "update", "counter/blocked_v4", "192.0.2.0/24", "1").returncode, 0)
        self.assertEqual(self.ask("map", "lookup", "counter/blocked_v4", "192.0.2.1")["value"], 1)
        swapped = self.ask("prog", "swap", "counter", DROP_ALL, "--prog", "count")
        self.assertEqual(swapped["generation"], 2)
        self.assertEqual(sum(slot["packets"] for slot in self.ask("map", "dump", "counter/kinds")[0]["values"]), 400)
        self.assertEqual(self.ask("map", "dump", "counter/.bss")[0]["value_hex"], "00" * 8)  # globals start fresh
        refused = self.weir("prog", "swap", "counter", OTHER_MAP, "--prog", "count")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("max_entries 1000 -> 2000", refused.stderr)
        self.assertEqual(self.ask("status")["generation"], 2)
        self.end()

    def test_apply_makes_sets_exact_and_refuses_other_ports(self):
        self.start()
        self.write(OBJECT, entries="198.51.100.0/24, 192.0.2.0/24")
        self.assertEqual(self.weir("apply", str(self.config)).returncode, 0)
        keys = sorted(element["key_hex"] for element in self.ask("map", "dump", "counter/blocked_v4"))
        self.assertEqual(keys, ["18000000c0000200", "18000000c6336400"])
        self.config.write_text(self.config.read_text().replace("pass: result", "pass: drop"))
        refused = self.weir("apply", str(self.config))
        self.assertEqual(refused.returncode, 2)
        self.assertIn("ports.capture.pass", refused.stderr)
        self.end()

    def test_a_killed_control_plane_comes_back_to_what_runs(self):
        self.start()
        self.ask("prog", "swap", "counter", DROP_ALL, "--prog", "count")
        self.config.write_text("no longer a configuration")
        first = self.children()["weir-controlplane"]
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: self.children().get("weir-controlplane") not in (None, first))
        status = wait_for(lambda: self.ask("status"))
        self.assertEqual(status["generation"], 2)
        self.assertTrue(self.ask("prog", "list")[0]["object"].endswith(pathlib.Path(DROP_ALL).name))
        _, err = self.end()
        self.assertIn("the control plane ended (killed by signal 9", err)

    def test_a_killed_dataplane_boots_its_last_generation(self):
        self.start()
        time.sleep(5.5)  # one that dies young is not started again
        os.kill(self.children()["weir-dataplane"], signal.SIGKILL)
        wait_for(lambda: (self.ask("stats") or {"total": {"rx": 0}})["total"]["rx"] == 400)
        self.assertEqual(len(self.ask("map", "dump", "counter/blocked_v4")), 1)
        self.end()

    def test_errors_of_the_start_are_one_line_and_leave_nothing(self):
        self.write(OBJECT, lcore=4000)
        done = subprocess.run([WEIR, "run", str(self.config)], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
        self.assertIn("lcore", done.stderr)
        self.assertEqual(self.children(), {})

    def test_a_second_node_in_one_run_dir_is_refused(self):
        self.start()
        done = subprocess.run([WEIR, "run", str(self.config)], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
        self.assertIn("in use", done.stderr)
        self.assertEqual(self.ask("status")["generation"], 1)
        self.end()


try:
    unittest.main(argv=[sys.argv[0]], verbosity=0)
finally:
    shutil.rmtree(SCRATCH, ignore_errors=True)
