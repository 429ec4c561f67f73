#!/usr/bin/env python3
"""Programs in prog arrays, maps in maps, timers and spin locks on a running node. No privileges: null devices make the packets."""
import pathlib
import unittest

import node
import tap

OBJECTS = node.BUILD / "tests" / "integration"
SLOTS, TIMERS, NEXT, WITHOUT = (OBJECTS / f"{name}.bpf.o" for name in ("slots", "timers", "timers-next", "timers-without"))
FIRST, SECOND, FELL_THROUGH = range(3)
ARMED, AGED, BEATS, NEXT_BEATS = range(4)


def config(programs, ingress):
    return f"""
version: 1
workers: {{lcores: "0", idle: adaptive}}
memory: {{hugepages: off, size: 128MiB}}
ports:
  outside: {{device: "net_null0", pass: drop, ingress: [{{program: {ingress}}}]}}
programs:
{programs}
"""


def program(name, path, function):
    return f"  {name}: {{object: {path}, program: {function}}}"


class Running(unittest.TestCase):
    def elements(self, running, name):
        listed = running.json("map", "dump", name)
        self.assertIsNotNone(listed, running.log.read_text())
        return {int.from_bytes(bytes.fromhex(each["key_hex"]), "little"): int.from_bytes(bytes.fromhex(each["value_hex"])[:8], "little")
                for each in listed}

    def count(self, running, which, name="fw/counts"):
        return self.elements(running, name)[which]

    def grows(self, running, which, name="fw/counts"):
        before = self.count(running, which, name)
        running.wait_until(lambda: self.count(running, which, name) > before, f"{name}[{which}] above {before}")

    def rests(self, running, which, name="fw/counts"):
        """What ran when it ended has ended by the second look."""
        running.weir("stats")
        before = self.count(running, which, name)
        for _ in range(5):
            running.weir("stats")
        self.assertEqual(self.count(running, which, name), before)

    def done(self, running, *words):
        result = running.weir(*words)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result

    def runs_as_machine_code(self, running):
        for program in running.json("prog", "list"):
            self.assertGreater(program["jited_bytes"], 0, program["name"])

    def refused(self, running, *words, says):
        result = running.weir(*words)
        self.assertNotEqual(result.returncode, 0)
        self.assertTrue(node.one_line(result.stderr), result.stderr)
        self.assertIn(says, result.stderr)


class Slots(Running):
    def test_first_contents_the_operators_and_the_end(self):
        with node.Node(config(program("fw", SLOTS, "entry"), "fw")) as running:
            self.grows(running, FIRST)
            self.grows(running, 0, "fw/table_a")
            self.assertEqual(self.count(running, FELL_THROUGH), 0)
            self.assertEqual({each["name"] for each in running.json("prog", "list")}, {"fw", "fw/first", "fw/second"})
            self.runs_as_machine_code(running)
            self.done(running, "map", "update", "fw/pick", "0", "1")
            self.grows(running, SECOND)
            self.grows(running, 0, "fw/table_b")
            # A program for another, an inner map for another.
            self.done(running, "map", "update", "fw/jumps", "1", "fw/first")
            self.grows(running, FIRST)
            self.rests(running, SECOND)
            self.done(running, "map", "update", "fw/outer", "1", "fw/table_a")
            self.grows(running, 0, "fw/table_a")
            # What no slot names any more is gone, and with the last slot the tail call.
            running.wait_until(lambda: "fw/second" not in {each["name"] for each in running.json("prog", "list")}, "second's end")
            self.assertNotIn("fw/table_b", {each["name"] for each in running.json("map", "list")})
            self.done(running, "map", "delete", "fw/jumps", "1")
            self.grows(running, FELL_THROUGH)
            self.done(running, "map", "delete", "fw/outer", "1")
            self.rests(running, 0, "fw/table_a")
            self.refused(running, "map", "update", "fw/jumps", "1", "fw/second", says="program 'fw/second' does not run")
            self.refused(running, "map", "update", "fw/outer", "1", "fw/counts", says="has not the definition")
            self.refused(running, "map", "update", "fw/jumps", "1", "fw/first", "--noexist", says="--noexist: slots take no such condition")
            self.refused(running, "map", "update", "fw/jumps", "9", "fw/first", says="the index is 9, expected at most 3")
            self.refused(running, "map", "delete", "fw/jumps", "1", says="does not exist")

    def test_a_swap_rebuilds_prog_arrays_and_keeps_inner_maps(self):
        with node.Node(config(program("fw", SLOTS, "entry"), "fw")) as running:
            self.grows(running, 0, "fw/table_a")
            self.done(running, "map", "delete", "fw/jumps", "0")
            self.grows(running, FELL_THROUGH)
            kept = self.count(running, 0, "fw/table_a")
            self.done(running, "prog", "swap", "fw", str(SLOTS), "--prog", "entry")
            self.grows(running, FIRST)
            self.assertGreaterEqual(self.count(running, 0, "fw/table_a"), kept)
            self.assertEqual({each["name"] for each in running.json("prog", "list")}, {"fw", "fw/first", "fw/second"})

    def test_slots_come_back_after_a_restart_without_a_control_plane(self):
        running = node.Node(config(program("fw", SLOTS, "entry"), "fw"))
        try:
            running.start()
            self.grows(running, FIRST)
            saved = pathlib.Path(running.run_dir) / "confirmed.replay"
            self.assertTrue(saved.exists())
            running.stop()
            replayed = node.sh("timeout", "-s", "INT", "3", node.DATAPLANE, "--run-dir", running.folder / "again", "--replay", saved)
            self.assertIn("generation 1: 1 programs", replayed.stderr)
            self.assertNotIn("error", replayed.stderr)
        finally:
            running.__exit__()

    def test_an_apply_of_the_same_leaves_slots_alone(self):
        with node.Node(config(program("fw", SLOTS, "entry"), "fw")) as running:
            self.done(running, "map", "update", "fw/jumps", "0", "fw/second")
            self.grows(running, SECOND)
            self.done(running, "apply", str(running.config))
            self.grows(running, SECOND)
            self.rests(running, FIRST)

    def test_spin_locks_work(self):
        with node.Node(config(program("fw", SLOTS, "locked"), "fw")) as running:
            running.wait_until(lambda: self.pair(running)[0] > 1000, "a thousand packets under the lock")
            self.runs_as_machine_code(running)
            one, other = self.pair(running)
            self.assertLessEqual(abs(one - other), 1)

    def test_samples_reach_a_program(self):
        with node.Node(config(program("fw", SLOTS, "listens"), "fw")) as running:
            for number in (5, 7):
                self.done(running, "map", "update", "fw/commands", "-", "0x" + number.to_bytes(8, "little").hex())
            running.wait_until(lambda: self.count(running, FIRST) == 12, "the sum of both samples")
            self.refused(running, "map", "update", "fw/commands", "-", "0x" + "00" * 4089, says="is larger than the ring")
            self.refused(running, "map", "lookup", "fw/commands", "-", says="has no keys")

    def pair(self, running):
        listed = running.json("map", "dump", "fw/pairs")
        if not listed:
            return 0, 0
        value = bytes.fromhex(listed[0]["value_hex"])
        return tuple(int.from_bytes(value[at:at + 8], "little") for at in (8, 16))


class Timers(Running):
    def test_flows_age_out_of_a_hash(self):
        with node.Node(config(program("fw", TIMERS, "ages"), "fw")) as running:
            running.wait_until(lambda: self.count(running, AGED) >= 3, "three aged flows")
            self.runs_as_machine_code(running)
            armed, aged = self.count(running, ARMED), self.count(running, AGED)
            self.assertLessEqual(aged, self.count(running, ARMED))
            self.assertGreaterEqual(armed, 3)
            timers = running.stats()["timers"]
            self.assertGreaterEqual(timers["calls"], aged)
            self.assertLessEqual(timers["in_use"], 2)
            self.assertEqual(timers["full"], 0)

    def test_a_swap_goes_on_with_the_callback_of_the_same_name(self):
        with node.Node(config(program("fw", TIMERS, "ages"), "fw")) as running:
            self.grows(running, BEATS)
            self.done(running, "prog", "swap", "fw", str(NEXT), "--prog", "ages")
            self.grows(running, NEXT_BEATS)
            self.rests(running, BEATS)
            self.grows(running, AGED)

    def test_a_swap_cancels_timers_whose_callback_is_gone(self):
        with node.Node(config(program("fw", TIMERS, "ages"), "fw")) as running:
            self.grows(running, BEATS)
            self.done(running, "prog", "swap", "fw", str(WITHOUT), "--prog", "ages")
            self.rests(running, BEATS)
            self.assertEqual(self.count(running, NEXT_BEATS), 0)
            self.grows(running, AGED)


if __name__ == "__main__":
    tap.main()
