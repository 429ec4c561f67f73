#!/usr/bin/env python3
"""weir trace and weir explain on a running node with real traffic: what they show happened, and nothing else changed."""
import json
import subprocess
import time
import unittest

import node
import tap

LAB = "weir-it-trace"
SERVER = "198.51.100.2"
PORT = 7009


class Tracer:
    """`weir trace -j` in the background."""

    def __init__(self, wire, *words):
        self.process = subprocess.Popen(list(map(str, [node.WEIR, "trace", "-j", "--run-dir", wire.run_dir, *words])),
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def result(self):
        output, error = self.process.communicate(timeout=30)
        assert error == "", error
        return json.loads(output)

    def running(self):
        return self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.communicate()


@node.needs_root()
class Trace(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = node.Lab(LAB)
        cls.lab.__enter__()
        cls.node = node.Node(node.wire_config(), cls.lab.box)
        cls.node.start()
        cls.sender = subprocess.Popen(
            node.inside(cls.lab.client, "python3", "-c", f"""
import socket, sys
plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
blocked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
blocked.bind(("203.0.113.1", 0))
for line in sys.stdin:
    kind, count = line.split()
    for _ in range(int(count)):
        (blocked if kind == "blocked" else plain).sendto(b"x" * 40, ("203.0.113.2" if kind == "blocked" else "{SERVER}", {PORT}))
    print("sent", flush=True)
"""), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.sender.stdin.close()
            cls.sender.wait(timeout=10)
            cls.sender.stdout.close()
            cls.node.__exit__()
        finally:
            cls.lab.__exit__()

    def send(self, count=1, kind="plain"):
        self.sender.stdin.write(f"{kind} {count}\n")
        self.sender.stdin.flush()
        self.assertEqual(self.sender.stdout.readline().strip(), "sent")

    def send_while(self, tracer, kind="plain"):
        """How many packets went out until the tracer had enough."""
        sent = 0
        deadline = time.monotonic() + 20
        while tracer.running():
            self.assertLess(time.monotonic(), deadline, "the trace had not enough")
            self.send(kind=kind)
            sent += 1
            time.sleep(0.005)
        return sent

    def count(self, name, key):
        rows = self.node.json("map", "dump", name)
        return sum(value["packets"] for row in rows if row["key"] == key for value in row["values"])

    def rows(self, name):
        """Key -> values of each worker."""
        return {row["key"]: row["values"] for row in self.node.json("map", "dump", name)}

    def settled(self, name, key, wanted):
        self.node.wait_until(lambda: self.count(name, key) >= wanted, f"{wanted} in {name}")
        self.assertEqual(self.count(name, key), wanted)

    def test_maps_count_as_without_a_trace_and_the_trace_says_what_they_do(self):
        before = self.count("firewall/protocols", "udp")
        tracer = Tracer(self.node, "--filter", f"udp dst port {PORT}", "-c", 5, "--seconds", 20)
        sent = self.send_while(tracer)
        packets = tracer.result()["packets"]
        self.assertEqual(len(packets), 5)
        self.settled("firewall/protocols", "udp", before + sent)
        counted = []
        for packet in packets:
            self.assertIn(f"{SERVER}:{PORT}", packet["packet"])
            self.assertEqual((packet["port"], packet["leaves_by"], packet["drops"]), ("outside", ["inside"], []))
            program = packet["programs"][0]
            self.assertEqual((program["program"], program["verdict"]), ("firewall", "XDP_PASS"))
            look_ups = [(event["map"], event["hit"]) for event in program["events"] if event["kind"] == "map"]
            self.assertEqual(look_ups.count(("firewall/blocked_v4", False)), 2)
            counted += [event["after"] for event in program["events"] if event["kind"] == "write" and event["field"] == ".packets"]
        self.assertEqual(counted, sorted(set(counted)), "each packet counts once, in order")

    def test_what_is_dropped_is_dropped_once_with_its_reason(self):
        before = self.node.stats()["ports"]["outside"]["drops"]["xdp_drop"]
        counted = self.count("firewall/drops", "blocked_source")
        tracer = Tracer(self.node, "--filter", "udp and src host 203.0.113.1", "--port", "outside", "-c", 3, "--seconds", 20)
        sent = self.send_while(tracer, "blocked")
        for packet in tracer.result()["packets"]:
            self.assertEqual((packet["drops"], packet["leaves_by"]), ([{"port": "outside", "reason": "xdp_drop"}], []))
            hits = [event["value"] for event in packet["programs"][0]["events"] if event["kind"] == "map" and event.get("hit")
                    and event["map"] == "firewall/blocked_v4"]
            self.assertEqual(hits, [1])
        self.settled("firewall/drops", "blocked_source", counted + sent)
        self.assertEqual(self.node.stats()["ports"]["outside"]["drops"]["xdp_drop"], before + sent)

    def armed_in_vain(self):
        """A trace that waits for what nobody sends, and what another one was told meanwhile. Nobody else says that it is armed."""
        deadline = time.monotonic() + 2 * node.READY_SECONDS
        while True:
            tracer = Tracer(self.node, "--filter", "udp port 1", "-c", 5, "--seconds", 60)
            while tracer.running():
                second = self.node.weir("trace", "--filter", "udp port 1", "-c", "1", "--seconds", "0.1")
                if second.returncode == 2:
                    return tracer, second.stderr
                if time.monotonic() > deadline:
                    tracer.kill()
                    self.fail(f"no trace was armed: {second.stderr}")
            tracer.kill()  # the other one came first, and this one was refused

    def test_a_dead_peer_leaves_no_trace_behind(self):
        tracer, refusal = self.armed_in_vain()
        tracer.kill()
        self.assertIn("another trace is running", refusal)
        before = self.count("firewall/protocols", "udp")
        again = Tracer(self.node, "--filter", f"udp port {PORT}", "-c", 2, "--seconds", 20)
        sent = self.send_while(again)
        self.assertEqual(len(again.result()["packets"]), 2)
        self.settled("firewall/protocols", "udp", before + sent)

    def test_swaps_while_armed_show_the_program_of_each_packet(self):
        before = self.count("firewall/protocols", "udp")
        tracer = Tracer(self.node, "--filter", f"udp dst port {PORT}", "-c", 40, "--seconds", 25)
        sent, swaps, generations = 0, 0, set()
        while tracer.running() and sent < 4000:
            self.send(3)
            sent += 3
            if swaps < 8:
                path = node.FIREWALL_V2 if swaps % 2 == 0 else node.FIREWALL
                generations.add(self.node.json("prog", "swap", "firewall", path)["generation"])
                swaps += 1
        packets = tracer.result()["packets"]
        self.assertEqual(len(packets), 40)
        numbers = [packet["generation"] for packet in packets]
        self.assertEqual(numbers, sorted(numbers))
        self.assertGreater(len(set(numbers)), 1)
        for packet in packets:
            program = packet["programs"][0]
            self.assertEqual((program["program"], program["verdict"]), ("firewall", "XDP_PASS"))
            self.assertTrue(any("is_blocked_port" in event.get("source", "") or event["kind"] == "map" for event in program["events"]))
        self.settled("firewall/protocols", "udp", before + sent)

    def explained(self, packet, *words):
        return self.node.json("explain", "--packet", packet, *words)["packets"][0]

    def test_explaining_by_the_node_reads_live_elements_and_changes_nothing(self):
        packet = "tcp 192.0.2.77:40000 -> 198.51.100.2:443"
        tables = ("firewall/drops", "firewall/protocols", "firewall/blocked_v4")
        tcp = self.rows(tables[1])["tcp"]  # nobody sends any here
        self.assertEqual(self.explained(packet)["leaves_by"], ["inside"])
        done = self.node.weir("map", "update", "firewall/blocked_v4", "192.0.2.64/26", "7")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        elements, drops = self.node.json("map", "dump", tables[2]), self.rows(tables[0])
        explained = self.explained(packet)
        self.assertEqual(explained["drops"], [{"port": "outside", "reason": "xdp_drop"}])
        hit = [event for event in explained["programs"][0]["events"] if event.get("hit") and event["map"] == tables[2]]
        self.assertEqual(hit[0]["value"], 7)
        self.assertEqual(self.node.json("map", "dump", tables[2]), elements)
        self.assertEqual(self.rows(tables[0]), drops)
        write = [event for event in explained["programs"][0]["events"] if event["kind"] == "write" and event["field"] == ".packets"
                 and event["map"] == tables[0]][0]
        self.assertEqual(write["before"], drops["blocked_source"][0]["packets"])
        done = self.node.weir("map", "delete", "firewall/blocked_v4", "192.0.2.64/26")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(self.explained(packet)["leaves_by"], ["inside"])
        self.assertEqual(self.explained(packet, "--port", "inside")["leaves_by"], ["outside"])
        self.assertEqual(self.rows(tables[1])["tcp"], tcp)

    def test_wrong_words_are_one_line(self):
        for words, said in ((("--filter", "nonsense ("), "--filter"), (("--port", "nowhere"), "no port is called 'nowhere'"),
                            (("-c", "0"), "count")):
            done = self.node.weir("trace", "--seconds", "1", *words)
            self.assertIn(done.returncode, (1, 2))
            self.assertIn(said, done.stderr)
            self.assertTrue(node.one_line(done.stderr), done.stderr)

    def test_a_trace_in_vain_ends_in_time_with_exit_1(self):
        done = self.node.weir("trace", "--filter", "udp port 1", "--seconds", "0.2", "-j")
        self.assertEqual((done.returncode, json.loads(done.stdout)["packets"]), (1, []))


if __name__ == "__main__":
    tap.main()
