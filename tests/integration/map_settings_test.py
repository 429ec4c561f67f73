#!/usr/bin/env python3
"""The section `maps` of a configuration on a running node: sharing, first contents, sizes."""
import re
import unittest

import node
import tap
from appliance import FLOWS, Appliance


def config(folder, maps="", object_file=FLOWS, sets=""):
    return f"""
version: 1
workers: {{lcores: "0", idle: adaptive}}
memory: {{hugepages: off, size: 128MiB}}
ports:
  left: {{device: "net_pcap0,rx_pcap={folder}/flows.pcap,infinite_rx=1", pass: drop, ingress: [{{program: one}}]}}
  right: {{device: "net_null0", pass: drop, ingress: [{{program: two}}]}}
programs:
  one: {{object: {object_file}}}
  two: {{object: {object_file}}}
maps: {{{maps}}}
{sets}
"""


SHARED = "two/flows: {shared_with: one/flows}"


class MapSettings(unittest.TestCase):
    def refusal(self, appliance, text, verb="check"):
        """The one line that refuses the configuration; what runs stays."""
        generation = appliance.json("stats")["generation"]
        appliance.write(text)
        done = appliance.weir(verb, appliance.config) if verb == "apply" else node.sh(node.WEIR, verb, appliance.config)
        self.assertNotEqual(done.returncode, 0, text)
        self.assertTrue(node.one_line(done.stderr), done.stderr)
        self.assertEqual(appliance.json("stats")["generation"], generation)
        return done.stderr

    def names(self, appliance):
        return {element["name"] for element in appliance.json("map", "list")}

    def maps_of(self, appliance, program):
        return next(element for element in appliance.json("prog", "list") if element["name"] == program)["maps"]

    def test_two_programs_share_a_map(self):
        with Appliance(lambda folder: config(folder, SHARED)) as appliance:
            self.assertIn("one/flows", self.names(appliance))
            self.assertNotIn("two/flows", self.names(appliance))
            self.assertIn("one/flows", self.maps_of(appliance, "two"))
            self.assertIn("two/recent", self.maps_of(appliance, "two"))
            appliance.kill_dataplane()
            appliance.replay()
            self.assertIn("one/flows", self.maps_of(appliance, "two"))
            # No longer shared: the program gets a map of its own, although its code is the same.
            appliance.write(config(appliance.folder, "one/flows: {max_entries: 4096}"))
            done = appliance.weir("apply", appliance.config)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("two/flows", self.maps_of(appliance, "two"))

    def test_what_cannot_be_shared_or_sized_or_kept_is_refused_with_place_and_reason(self):
        with Appliance(config) as appliance:
            for maps, column, reason in (
                    (SHARED + ", one/flows: {max_entries: 9}", 33,
                     "maps.two/flows.shared_with: value 'one/flows': two/flows has another definition (max_entries 9 -> 4096)"),
                    ("two/flows: {shared_with: one/storm}", 33, "has another definition (key_bytes 4 -> 16, value_bytes 8 -> 48"),
                    ("two/flows: {shared_with: one/flow}", 33, "expected a map that a program has, did you mean 'one/flows'?"),
                    (SHARED + ", one/flows: {shared_with: two/recent}", 33, "that one is shared with two/recent (line 11)"),
                    ("flows: {from: some}", 22, "value 'some', expected one/flows to be an lpm_trie"),
                    ("storm: {max_entries: 4294967296}", 29, "expected a whole number from 1 to 4294967295"),
                    ("flow: {max_entries: 5}", 8, "value 'flow', expected a map that a program has")):
                for verb in ("check", "apply"):
                    text = config(appliance.folder, maps, sets="sets: {some: {type: prefix, entries: []}}")
                    self.assertIn(f"weir.yaml:11:{column}: ", self.refusal(appliance, text, verb))
                    self.assertIn(reason, self.refusal(appliance, text, verb))

    def test_more_memory_than_there_is_is_refused_and_nothing_changes(self):
        with Appliance(config) as appliance:
            before = self.names(appliance)
            said = self.refusal(appliance, config(appliance.folder, "one/storm: {max_entries: 4294967295}"), "apply")
            self.assertIn("definition", said)  # the one in service
            said = self.refusal(appliance, re.sub(r"\bone\b(?!\.)", "new", config(appliance.folder, "one/storm: {max_entries: 4294967295}")),
                                "apply")
            self.assertIn("new/storm", said)
            self.assertEqual(self.names(appliance), before)

    def test_a_set_is_what_a_map_starts_with_and_no_more(self):
        sets = 'sets: {blocked: {type: prefix, entries: [203.0.113.0/24, 198.51.100.0/24, "2001:db8::/32"]}}'
        text = "one/blocked_v4: {from: blocked}, two/blocked_v6: {from: blocked}"

        def firewalls(folder):
            return config(folder, text, node.FIREWALL, sets)

        def keys(name):
            return {element["key_hex"] for element in appliance.json("map", "dump", name)}

        with Appliance(firewalls) as appliance:
            self.assertEqual(keys("one/blocked_v4"), {"18000000cb007100", "18000000c6336400"})
            self.assertEqual(keys("two/blocked_v6"), {"20000000" + "20010db8" + 24 * "0"})
            self.assertEqual(keys("one/blocked_v6"), set())
            self.assertEqual(appliance.weir("map", "delete", "one/blocked_v4", "198.51.100.0/24").returncode, 0)
            done = appliance.weir("apply", appliance.config)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(keys("one/blocked_v4"), {"18000000cb007100"})


if __name__ == "__main__":
    tap.main()
