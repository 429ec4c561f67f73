#!/usr/bin/env python3
"""Maps that outlive the dataplane: killed at any moment, under traffic and under updates, and started from its replay file."""
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest

import node
import tap

FLOWS = node.BUILD / "tests" / "integration" / "flows.bpf.o"
LEARNED = ("flow/flows", "flow/by_core", "flow/recent")
KILLS = int(os.environ.get("WEIR_PERSIST_KILLS", "8"))
STORM_KEYS = 20_000
WORD = (1 << 64) - 1


def check_of(key):
    """As flows.bpf.c computes it."""
    source, destination, ports = struct.unpack("<IIQ", key)
    total = ((0xCBF29CE484222325 ^ source) * 0x9E3779B97F4A7C15) & WORD
    total = ((total ^ total >> 29 ^ destination) * 0x9E3779B97F4A7C15) & WORD
    return ((total ^ total >> 29 ^ ports) * 0x9E3779B97F4A7C15) & WORD


def storm_value(key):
    return (key * 0x9E3779B97F4A7C15 + 1) & WORD


def write_capture(path, flows):
    """One UDP packet of each flow."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for flow in range(flows):
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 46, flow & 0xFFFF, 0, 64, 17, 0,
                             bytes([10, flow >> 16, flow >> 8 & 255, flow & 255]), bytes([192, 0, 2, 1]))
            packet = bytes(12) + b"\x08\x00" + ip + struct.pack("!HHHH", 1024 + flow, 53, 26, 0) + bytes(18)
            file.write(struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet)


def config(capture, extra=""):
    return f"""
version: 1
workers: {{lcores: "0", idle: adaptive}}
memory: {{hugepages: off, size: 128MiB}}
ports:
  wan: {{device: "net_pcap0,rx_pcap={capture},infinite_rx=1", pass: drop, ingress: [{{program: flow}}]}}
programs:
  flow: {{object: {FLOWS}}}
maps:
  flows: {{persist: true{extra}}}
  flow/by_core: {{persist: true}}
  flow/recent: {{persist: true}}
  flow/storm: {{persist: true}}
"""


class Appliance:
    """Dataplane and control plane, each to be killed alone."""

    def __init__(self):
        memory = pathlib.Path("/dev/shm")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-persist-", dir=memory if memory.is_dir() else None))
        self.run_dir = self.folder / "run"
        self.config = self.folder / "weir.yaml"
        write_capture(self.folder / "flows.pcap", 2000)
        self.write(config(self.folder / "flows.pcap"))
        self.dataplane = self.controlplane = None

    def write(self, text):
        self.config.write_text(text)

    def start_dataplane(self, *options):
        with open(self.folder / "dataplane.log", "a", encoding="utf-8") as log:
            self.dataplane = subprocess.Popen([node.DATAPLANE, "--run-dir", self.run_dir, *options], stdout=log, stderr=log)

    def start_controlplane(self):
        with open(self.folder / "controlplane.log", "a", encoding="utf-8") as log:
            self.controlplane = subprocess.Popen(
                [node.CONTROLPLANE, "--run-dir", self.run_dir, "--config", self.config], stdout=log, stderr=log)

    def replay(self):
        self.start_dataplane("--replay", self.run_dir / "confirmed.replay")
        self.wait_ready()

    def kill_dataplane(self):
        self.dataplane.send_signal(signal.SIGKILL)
        self.dataplane.wait()

    def weir(self, *arguments):
        return node.sh(node.WEIR, *arguments, "--run-dir", self.run_dir)

    def json(self, *arguments):
        done = self.weir(*arguments, "-j")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def wait_ready(self):
        deadline = time.monotonic() + 2 * node.READY_SECONDS
        while not (self.json("status") or {}).get("ready"):
            if self.dataplane.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"not ready, dataplane's status {self.dataplane.poll()}:\n{self.logs()}")
            time.sleep(0.05)

    def logs(self):
        return "".join((self.folder / name).read_text() for name in ("dataplane.log", "controlplane.log")
                       if (self.folder / name).exists())

    def show(self, name):
        return self.json("map", "show", name)

    def elements(self, name):
        """Key -> values of all cpus, as bytes."""
        found = {}
        for element in self.json("map", "dump", name):
            found[bytes.fromhex(element["key_hex"])] = bytes.fromhex(element["value_hex"])
        return found

    def __enter__(self):
        self.start_dataplane()
        self.start_controlplane()
        self.wait_ready()
        return self

    def __exit__(self, *_):
        for process in (self.controlplane, self.dataplane):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Persist(unittest.TestCase):
    def assert_whole(self, appliance):
        for name in LEARNED:
            elements = appliance.elements(name)
            self.assertTrue(elements, name)
            for key, value in elements.items():
                check, _, *again = struct.unpack("<6Q", value[:48])
                self.assertEqual(check, check_of(key), f"{name} {key.hex()} {value.hex()}")
                self.assertEqual(again[3], check, f"{name} {key.hex()} {value.hex()}")
        for key, value in appliance.elements("flow/storm").items():
            number = int.from_bytes(key, "little")
            self.assertEqual(int.from_bytes(value, "little"), storm_value(number))

    def storm(self, appliance):
        """A process that imports for ever."""
        lines = appliance.folder / "storm.txt"
        lines.write_text("".join(f"{key} {storm_value(key)}\n" for key in range(STORM_KEYS)))
        return subprocess.Popen(
            ["sh", "-c", f"while :; do {node.WEIR} map import flow/storm {lines} --run-dir {appliance.run_dir}; done"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def test_killed_at_any_moment_under_traffic_and_updates_every_element_is_whole(self):
        with Appliance() as appliance:
            storm = self.storm(appliance)
            try:
                for _ in range(KILLS):
                    time.sleep(random.uniform(0.05, 0.6))
                    appliance.kill_dataplane()
                    appliance.replay()
                    shown = {name: appliance.show(name) for name in (*LEARNED, "flow/storm")}
                    for name in LEARNED:
                        self.assertGreater(shown[name]["restored_count"], 100, name)
                    for name, map_info in shown.items():
                        self.assertTrue(map_info["persists"])
                        self.assertEqual(map_info["torn_count"], 0, f"{name}: {map_info}")
                    self.assert_whole(appliance)
            finally:
                os.killpg(storm.pid, signal.SIGKILL)
                storm.wait()

    def test_what_was_imported_is_there_after_a_kill(self):
        with Appliance() as appliance:
            lines = appliance.folder / "lines.txt"
            lines.write_text("".join(f"{key} {storm_value(key)}\n" for key in range(STORM_KEYS)))
            done = appliance.weir("map", "import", "flow/storm", lines)
            self.assertEqual(done.returncode, 0, done.stderr)
            appliance.kill_dataplane()
            appliance.replay()
            self.assertEqual(appliance.show("flow/storm")["restored_count"], STORM_KEYS)
            self.assertEqual(len(appliance.elements("flow/storm")), STORM_KEYS)
            self.assertIn(f"map flow/storm: {STORM_KEYS} elements", appliance.logs())
            self.assert_whole(appliance)

    def test_damaged_elements_are_dropped_counted_and_shown(self):
        with Appliance() as appliance:
            appliance.kill_dataplane()
            path = appliance.run_dir / "maps" / "flow%2Frecent.map"
            content = bytearray(path.read_bytes())
            # The address of the fifth flow, in the maps' keys.
            at = content.index(bytes([10, 0, 0, 5, 192, 0, 2, 1]))
            content[at] = 11
            path.write_bytes(content)
            appliance.replay()
            self.assertGreaterEqual(appliance.show("flow/recent")["torn_count"], 1)
            self.assertIn("were torn and are dropped", appliance.logs())

    def test_another_definition_is_refused_while_it_runs_and_at_a_start(self):
        with Appliance() as appliance:
            appliance.write(config(appliance.folder / "flows.pcap", ", max_entries: 8192"))
            done = appliance.weir("apply", appliance.config)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("max_entries 4096 -> 8192", done.stderr)
            self.assertTrue(node.one_line(done.stderr), done.stderr)
            appliance.wait_ready()
            appliance.controlplane.kill()
            appliance.controlplane.wait()
            appliance.kill_dataplane()
            (appliance.run_dir / "confirmed.replay").unlink()
            appliance.start_dataplane()
            appliance.start_controlplane()
            self.assertNotEqual(appliance.controlplane.wait(timeout=30), 0)
            self.assertIn("holds a map of another definition (max_entries 4096 -> 8192)", appliance.logs())
            self.assertIsNone(appliance.dataplane.poll(), "the dataplane serves on")
            appliance.write(config(appliance.folder / "flows.pcap", ", max_entries: 8192, if_changed: fresh"))
            appliance.start_controlplane()
            appliance.wait_ready()
            self.assertEqual(appliance.show("flow/flows")["restored_count"], 0)
            self.assertTrue((appliance.run_dir / "maps" / "flow%2Fflows.map.old").exists())


if __name__ == "__main__":
    tap.main()
