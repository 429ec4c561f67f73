#!/usr/bin/env python3
"""Maps that outlive the dataplane: killed at any moment, under traffic and under updates, and started from its replay file."""
import os
import random
import signal
import struct
import subprocess
import time
import unittest

import node
import tap
from appliance import FLOWS, Appliance

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


def config(folder, extra=""):
    return f"""
version: 1
workers: {{lcores: "0", idle: adaptive}}
memory: {{hugepages: off, size: 128MiB}}
ports:
  wan: {{device: "net_pcap0,rx_pcap={folder}/flows.pcap,infinite_rx=1", pass: drop, ingress: [{{program: flow}}]}}
programs:
  flow: {{object: {FLOWS}}}
maps:
  flows: {{persist: true{extra}}}
  flow/by_core: {{persist: true}}
  flow/recent: {{persist: true}}
  flow/storm: {{persist: true}}
"""


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
        with Appliance(config) as appliance:
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
        with Appliance(config) as appliance:
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
        with Appliance(config) as appliance:
            appliance.kill_dataplane()
            path = appliance.run_dir / "maps" / "flow%2Fflows.map"
            content = path.read_bytes()
            for flow in range(5, 15):
                # The addresses of a flow, in the maps' keys.
                content = content.replace(bytes([10, 0, 0, flow, 192, 0, 2, 1]), bytes([11, 0, 0, flow, 192, 0, 2, 1]))
            path.write_bytes(content)
            appliance.replay()
            self.assertGreaterEqual(appliance.show("flow/flows")["torn_count"], 1)
            self.assertIn("were torn and are dropped", appliance.logs())

    def test_another_definition_is_refused_while_it_runs_and_at_a_start(self):
        with Appliance(config) as appliance:
            appliance.write(config(appliance.folder, ", max_entries: 8192"))
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
            appliance.write(config(appliance.folder, ", max_entries: 8192, if_changed: fresh"))
            appliance.start_controlplane()
            appliance.wait_ready()
            self.assertEqual(appliance.show("flow/flows")["restored_count"], 0)
            self.assertTrue((appliance.run_dir / "maps" / "flow%2Fflows.map.old").exists())


if __name__ == "__main__":
    tap.main()
