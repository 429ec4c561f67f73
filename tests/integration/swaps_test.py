#!/usr/bin/env python3
"""Swaps under full load, over memif: of one program, of the chain, of everything, with contents of maps carried over.

Every packet has a number, and each program writes its version into it. None may be lost, doubled or out of order, each must have
met both programs of one generation once, no worker may go back to an older one, and what maps counted must be what went through.

WEIR_SWAPS=1000 makes the long run of it (tests/LONG_RUNS.md).
"""
import json
import os
import random
import signal
import subprocess
import threading
import time
import unittest

import node
import tap
import wire_test
from appliance import Appliance

GENERATOR = node.BUILD / "tests" / "integration" / "numbered_memif"
STAMPS = [node.BUILD / "tests" / "integration" / f"stamps-{kind}.bpf.o" for kind in (1, 2)]
SWAPS = int(os.environ.get("WEIR_SWAPS", "30"))
SECONDS_MAX = float(os.environ.get("WEIR_SWAP_SECONDS", "20" if "WEIR_SWAPS" not in os.environ else "3600"))
QUEUES, FLOWS_PER_QUEUE = 2, 16
WINDOW = 512  # of each queue: less than any ring on the way holds


def config(folder, version):
    """Two programs in a chain, both with `version`; a worker for each queue."""
    last = (os.cpu_count() or 1) - 1
    device = "net_memif{0},role=client,id=0,socket={1}/{2}.sock,socket-abstract=no"
    return f"""
version: 1
workers: {{lcores: "{'0-1' if last else '0'}", idle: adaptive}}
memory: {{hugepages: off, size: 256MiB}}
ports:
  in: {{device: "{device.format(0, folder, 'in')}", queues: {QUEUES}, pass: out, ingress: [{{program: first}}, {{program: second}}]}}
  out: {{device: "{device.format(1, folder, 'out')}", queues: {QUEUES}, pass: drop}}
programs:
  first: {{object: {STAMPS[0]}, program: first, globals: {{version: {version}}}}}
  second: {{object: {STAMPS[0]}, program: second, globals: {{version: {version}}}}}
"""


class Swaps(unittest.TestCase):
    def setUp(self):
        self.node = node.Node("")
        self.addCleanup(self.node.__exit__)
        folder = self.node.folder
        self.version = 1
        self.node.config.write_text(config(folder, self.version))
        self.generator = subprocess.Popen(
            [GENERATOR, folder / "in.sock", folder / "out.sock", str(QUEUES), str(FLOWS_PER_QUEUE), str(WINDOW)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(self.end_generator)
        self.await_line("listening")
        self.node.start()
        self.await_line("ready")

    def end_generator(self):
        if self.generator.poll() is None:
            self.generator.kill()
        self.generator.wait()
        self.generator.stdin.close()
        self.generator.stdout.close()

    def await_line(self, wanted):
        for line in self.generator.stdout:
            if line.strip() == wanted:
                return
        self.fail(f"the generator ended with {self.generator.wait()} before it was {wanted}")

    def start_load(self):
        self.generator.stdin.write("go\n")
        self.generator.stdin.flush()

    def result(self):
        self.generator.stdin.write("stop\n")
        self.generator.stdin.flush()
        output, _ = self.generator.communicate(timeout=60)
        return json.loads(output.splitlines()[-1])

    def swap(self, number):
        """Another object in the place of the first program, or the next version of everything, which brings the first object back. What was
        said if it was refused."""
        if number % 2 == 0:
            done = self.node.weir("prog", "swap", "first", STAMPS[1], "--prog", "first")
        else:
            path = self.node.folder / "next.yaml"
            path.write_text(config(self.node.folder, self.version + 1))
            done = self.node.weir("apply", path)
            self.version += done.returncode == 0
        return "" if done.returncode == 0 else done.stderr + done.stdout

    def swap_for_long(self, meanwhile=lambda number: None, must_work=True):
        """SWAPS of them, or as many as fit into the time; how many there were."""
        began, done = time.monotonic(), 0
        while done < SWAPS and time.monotonic() - began < SECONDS_MAX:
            refused = self.swap(done)
            self.assertTrue(not refused or not must_work, refused)
            done += not refused
            meanwhile(done)
            self.assertIsNone(self.generator.poll())
        return done

    def check(self, result, swaps):
        wrong = {name: result[name] for name in ("lost", "doubled_or_reordered", "foreign", "mixed", "run_wrong", "backwards")}
        self.assertEqual(set(wrong.values()), {0}, (wrong, self.node.json("stats")))
        self.assertEqual(result["sent"], result["received"])
        self.assertGreater(result["sent"], 10_000)
        self.assertEqual(result["workers"], min(QUEUES, os.cpu_count() or 1))
        # The workers together met most of the swaps of everything, and of the program: they took place under traffic.
        self.assertGreater(result["versions"], swaps // 4)
        self.assertGreater(result["kinds"], swaps // 4)
        self.node.wait_until(lambda: self.node.stats()["total"]["in_flight"] == 0, "the end of what was under way")
        stats = self.node.stats()
        self.assertTrue(node.balanced(stats["total"]), stats["total"])
        self.assertEqual((stats["total"]["rx"], stats["total"]["tx"], sum(stats["total"]["drops"].values())),
                         (result["sent"], result["sent"], 0))
        self.assertEqual(sum(sum(row["values"]) for row in self.node.json("map", "dump", "first/seen")), result["sent"])
        flows = [row["value"] for row in self.node.json("map", "dump", "first/flows")]
        self.assertEqual((len(flows), sum(flows)), (QUEUES * FLOWS_PER_QUEUE, result["sent"]))
        print(f"# {swaps} swaps, {result['sent']} packets, longest gap {result['longest_gap_us']} us", flush=True)

    def test_swaps_of_a_program_and_of_everything_lose_nothing_and_never_go_back(self):
        self.start_load()
        swaps = self.swap_for_long()
        self.check(self.result(), swaps)

    def test_the_same_while_the_control_plane_is_killed_at_random_moments(self):
        dataplane = self.node.child("weir-dataplane")
        chance = random.Random(1)
        stop = threading.Event()

        def kill_again_and_again():
            while not stop.wait(chance.uniform(0.3, 1.5)):
                pid = self.node.child("weir-controlplane")
                if pid:
                    os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill_again_and_again)
        self.start_load()
        killer.start()
        try:
            swaps = self.swap_for_long(must_work=False)
        finally:
            stop.set()
            killer.join()
        self.node.wait_until(lambda: self.node.stats() is not None, "an answer of the last control plane")
        self.assertGreater(swaps, 0)
        self.assertEqual(self.node.child("weir-dataplane"), dataplane)
        self.check(self.result(), swaps)

    def test_the_same_in_a_storm_of_map_updates(self):
        stop = threading.Event()
        contents = [self.node.folder / f"storm-{i}.txt" for i in range(2)]
        for i, path in enumerate(contents):
            path.write_text("".join(f"{key} {i}\n" for key in range(i, 3000, 2)))
        storms = []

        def storm():
            while not stop.is_set():
                done = self.node.weir("map", "import", "first/storm", contents[len(storms) % 2], "--replace")
                storms.append(done.returncode)

        thread = threading.Thread(target=storm)
        self.start_load()
        thread.start()
        try:
            swaps = self.swap_for_long()
        finally:
            stop.set()
            thread.join()
        self.assertGreater(storms.count(0), 2)
        self.check(self.result(), swaps)

    @node.needs_root()
    def test_the_same_beside_a_capture_whose_disk_is_full(self):
        self.start_load()
        with node.small_disk() as folder:
            command = [node.WEIR, "capture", "--run-dir", self.node.run_dir, "-w", folder / "full.pcapng", "-j", "--when-full", "drop"]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as capture:
                self.node.wait_until(lambda: any(each["trouble"] for each in self.node.json("capture", "--list")), "a full disk")
                swaps = self.swap_for_long()
                capture.send_signal(signal.SIGINT)
                info = json.loads(capture.communicate(timeout=20)[0])
        self.assertEqual(info["captured"] + info["dropped"], info["matched"], info)
        self.assertGreater(info["dropped"], 10_000)
        self.check(self.result(), swaps)


class AfterADeath(unittest.TestCase):
    def test_the_next_control_plane_keeps_what_was_published_but_not_yet_written_down(self):
        def capture_config(folder, version):
            return f"""
version: 1
workers: {{lcores: "0", idle: adaptive}}
memory: {{hugepages: off, size: 128MiB}}
ports:
  wan: {{device: "net_pcap0,rx_pcap={folder}/flows.pcap", pass: drop, ingress: [{{program: first}}]}}
programs:
  first: {{object: {STAMPS[0]}, program: first, globals: {{version: {version}}}}}
"""

        with Appliance(lambda folder: capture_config(folder, 1)) as appliance:
            state = appliance.run_dir / "control" / "state.json"
            before = state.read_bytes()
            changed = appliance.folder / "changed.yaml"
            changed.write_text(capture_config(appliance.folder, 2))
            done = appliance.weir("apply", changed)
            self.assertEqual(done.returncode, 0, done.stderr)
            generation = appliance.json("status")["generation"]
            appliance.controlplane.kill()
            appliance.controlplane.wait()
            state.write_bytes(before)  # as if it had died a moment earlier
            appliance.start_controlplane()
            appliance.wait_ready()
            self.assertEqual(appliance.json("status")["generation"], generation, "nothing was deployed anew")
            self.assertIn("version: 2", json.loads(state.read_text())["config_text"])


@node.needs_root()
class SwapsWhileALinkComesAndGoes(unittest.TestCase):
    """Over AF_XDP: what a link that is down takes is lost, but nothing comes twice or out of order, and all is counted."""

    def test_swaps_go_on_and_every_packet_is_counted(self):
        with node.Lab("weir-it-swaps") as lab, node.Node(node.wire_config(lcores="0"), lab.box) as wire:
            before = wire.stats()["generation"]
            stream = wire_test.Numbered(lab, 3000, 5)
            flaps = 0
            while stream.sender.poll() is None:
                side = ("box-client", "box-server")[flaps % 2]
                node.sh("ip", "-n", lab.box, "link", "set", side, "down", check=True)
                self.assertIsNotNone(wire.json("prog", "swap", "firewall", (node.FIREWALL_V2, node.FIREWALL)[flaps % 2]))
                node.sh("ip", "-n", lab.box, "link", "set", side, "up", check=True)
                flaps += 1
                time.sleep(0.5)  # traffic between two losses
                stats = wire.stats()["total"]
                self.assertTrue(node.balanced(stats), stats)
            result = stream.result()
            self.assertGreater(flaps, 1)
            self.assertEqual((result["doubled"], result["reordered"]), (0, 0), result)
            self.assertGreater(result["received"], result["sent"] // 10)
            self.assertEqual(wire.stats()["generation"], before + flaps)
            self.assertTrue(wire_test.ping(lab, wire_test.SERVER), "the wire carries again")


if __name__ == "__main__":
    tap.main()
