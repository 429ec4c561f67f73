#!/usr/bin/env python3
"""The contract of the offline verbs: exit statuses, one line on stderr, and the shape of the JSON. Arguments: weir, object, capture."""
import hashlib
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

WEIR, OBJECT, CAPTURE = (str(pathlib.Path(word).resolve()) for word in sys.argv[1:4])
SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="weir-cli-"))


def weir(*words):
    return subprocess.run([WEIR, *words], capture_output=True, text=True, timeout=60)


def records(path):
    data, offset, found = pathlib.Path(path).read_bytes(), 24, []
    while offset < len(data):
        length = struct.unpack_from("<I", data, offset + 8)[0]
        found.append(data[offset + 16:offset + 16 + length])
        offset += 16 + length
    return found


class Contract(unittest.TestCase):
    def refused(self, status, *words, says):
        done = weir(*words)
        self.assertEqual(done.returncode, status, (words, done.stderr))
        self.assertEqual(done.stdout, "", words)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(says, done.stderr)

    def test_verify_lists_every_program(self):
        done = weir("prog", "verify", OBJECT, "-j")
        self.assertEqual(done.returncode, 1)  # `wild` is rejected
        entries = {entry["name"]: entry for entry in json.loads(done.stdout)}
        self.assertEqual(set(entries), {"count", "wild"})
        keys = {"section", "name", "type", "insns", "accepted", "visited_insns", "time_us", "error",
                "worst_insns", "stack_bytes", "states_peak", "bytes_peak", "helpers", "kfuncs", "maps"}
        self.assertLessEqual(keys, set(entries["count"]))
        self.assertTrue(entries["count"]["accepted"])
        self.assertFalse(entries["wild"]["accepted"])
        self.assertEqual(set(entries["wild"]["error"]), {"insn", "line", "rule", "message", "state", "insn_text", "hint",
                                                         "path", "path_left_out", "verdict", "counterexample",
                                                         "no_counterexample"})
        self.assertEqual(weir("prog", "verify", OBJECT, "--prog", "count").returncode, 0)

    def run_json(self, *words):
        done = weir("prog", "run", OBJECT, "--prog", "count", "--pcap-in", CAPTURE, "-j", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_run_gives_one_entry_per_packet(self):
        fill = SCRATCH / "fill.txt"
        fill.write_text("# blocked\n203.0.113.0/24 1\n")
        out = SCRATCH / "out.pcap"
        document = self.run_json("--map-fill", f"blocked_v4={fill}", "--pcap-out", str(out))
        frames = records(CAPTURE)
        self.assertEqual([entry["n"] for entry in document["packets"]], list(range(len(frames))))
        self.assertEqual(records(out), frames)
        for entry, frame in zip(document["packets"], frames):
            blocked = frame[26:29] == bytes([203, 0, 113])
            self.assertEqual((entry["retval"], entry["verdict"]), (1, "XDP_DROP") if blocked else (2, "XDP_PASS"))
            self.assertEqual(entry["len"], len(frame))
            self.assertEqual(entry["sha256"], hashlib.sha256(frame).hexdigest())
        kinds = document["maps"]["kinds"]
        self.assertEqual(kinds, sorted(kinds))
        self.assertEqual(int.from_bytes(bytes.fromhex(kinds[0][1])[:8], "little"), len(frames))
        self.assertEqual(document["maps"][".bss"], [["00000000", len(frames).to_bytes(8, "little").hex()]])

    def test_engines_and_bursts_agree(self):
        expected = self.run_json("--engine", "interp", "--burst", "1")
        for words in (["--burst", "1"], ["--burst", "64"], ["--engine", "interp"], ["--engine", "jit", "--burst", "7"]):
            self.assertEqual(self.run_json(*words), expected, words)

    def test_a_frame_too_short_is_not_run(self):
        short = SCRATCH / "short.pcap"
        head = pathlib.Path(CAPTURE).read_bytes()[:24]
        short.write_bytes(head + struct.pack("<IIII", 1, 2, 5, 5) + b"hello")
        done = weir("prog", "run", OBJECT, "--prog", "count", "--pcap-in", str(short), "-j")
        entry = json.loads(done.stdout)["packets"][0]
        self.assertIsNone(entry["retval"])
        self.assertIsNone(entry["verdict"])
        self.assertTrue(entry["error"])
        self.assertEqual(entry["sha256"], hashlib.sha256(b"hello").hexdigest())

    def test_bench_measures(self):
        done = weir("prog", "bench", OBJECT, "--prog", "count", "--pcap-in", CAPTURE, "--rounds", "3", "-j")
        document = json.loads(done.stdout)
        self.assertEqual((document["engine"], document["burst"]), ("jit", 64))
        spread = document["ns_per_packet"]
        self.assertTrue(0 < spread["min"] <= spread["median"] <= spread["max"])

    def test_assembly_is_the_reverse_of_the_listing(self):
        listing = SCRATCH / "count.s"
        listing.write_text("".join(line + "\n" for line in weir("prog", "disasm", OBJECT, "--prog", "count").stdout.splitlines()
                                   if not line.startswith(";")))
        self.assertIn("count:", listing.read_text())
        self.assertIn("; map blocked_v4", listing.read_text())
        self.assertIn("; map .bss: seen", listing.read_text())
        self.assertIn("; bpf_map_lookup_elem", listing.read_text())
        done = weir("prog", "asm", str(listing))
        self.assertEqual(done.returncode, 0, done.stderr)
        insns = json.loads(weir("prog", "show", OBJECT, "-j").stdout)["programs"][0]["insns"]
        self.assertEqual(len(done.stdout.splitlines()), insns)
        raw = SCRATCH / "count.raw"
        self.assertEqual(weir("prog", "asm", str(listing), "-o", str(raw)).returncode, 0)
        self.assertEqual(raw.read_bytes(), bytes.fromhex(done.stdout))
        listed = json.loads(weir("prog", "disasm", OBJECT, "--prog", "count", "-j").stdout)["programs"][0]
        self.assertEqual(bytes.fromhex("".join(insn["bytes"] for insn in listed["insns"])), raw.read_bytes())
        self.assertEqual(json.loads(weir("prog", "asm", str(listing), "-j").stdout), {"insns": insns, "bytes": raw.read_bytes().hex()})

    def test_rejections_exit_1(self):
        self.refused(1, "prog", "run", OBJECT, "--prog", "wild", "--pcap-in", CAPTURE, says="is rejected")
        self.refused(1, "prog", "run", OBJECT, "--prog", "wild", "--pcap-in", CAPTURE, says="'--engine interp --unverified' runs it")

    def test_wrong_input_exits_2(self):
        junk = SCRATCH / "junk"
        junk.write_text("no object\n")
        self.refused(2, "prog", "verify", "/nowhere.o", says="/nowhere.o")
        self.refused(2, "prog", "verify", str(junk), says="ELF")
        self.refused(2, "prog", "run", OBJECT, "--pcap-in", CAPTURE, says="count, wild")
        self.refused(2, "prog", "run", OBJECT, "--prog", "nosuch", "--pcap-in", CAPTURE, says="'nosuch'")
        self.refused(2, "prog", "run", OBJECT, "--prog", "count", says="--pcap-in is missing")
        self.refused(2, "prog", "run", OBJECT, "--prog", "count", "--pcap-in", str(junk), says="no capture file")
        self.refused(2, "prog", "run", OBJECT, "--prog", "count", "--pcap-in", CAPTURE, "--burst", "65", says="1 to 64")
        self.refused(2, "prog", "run", OBJECT, "--prog", "count", "--pcap-in", CAPTURE, "--engine", "x", says="jit or interp")
        self.refused(2, "prog", "run", OBJECT, "--prog", "count", "--pcap-in", CAPTURE, "--map-fill", "a=b", says="'a'")
        self.refused(2, "prog", "run", OBJECT, "--prog", "count", "--pcap-in", CAPTURE, "--map-fill", f"kinds={junk}", says=f"{junk}:1")
        self.refused(2, "prog", "asm", str(junk), says="junk")
        self.refused(2, "prog", "verify", says="OBJ is missing")
        self.refused(2, "prog", "verify", OBJECT, "--wrong", says="--wrong")
        self.refused(2, "prog", "verfy", OBJECT, says="did you mean 'prog verify'")
        self.refused(2, "check", "/nowhere.yaml", says="/nowhere.yaml")
        self.refused(2, "status", "--run-dir", str(SCRATCH), says="no node answers")

    def test_what_comes_later_is_refused_by_name(self):
        for verb in ("history", "diff", "confirm", "rollback", "fleet"):
            self.refused(2, verb, "word", says=f"weir: '{verb}' is not offered yet")
        self.refused(2, "prog", "unload", "fw", says="weir: 'prog unload' is not offered yet")

    def test_check_names_the_place(self):
        config = SCRATCH / "weir.yaml"
        config.write_text(f"version: 1\nports: {{a: {{device: net_null0, pass: drop, ingress: [{{program: p}}]}}}}\n"
                          f"programs: {{p: {{object: {OBJECT}, program: wild}}}}\n")
        self.refused(1, "check", str(config), says=f"{config}:3:12: programs.p: wild of")
        config.write_text(config.read_text().replace("wild", "count"))
        done = weir("check", str(config), "-j")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("p", json.loads(done.stdout)["programs"])

    def test_help_is_on_stdout(self):
        for words in (["--help"], ["prog", "run", "--help"], ["run", "--help"], ["map", "dump", "--help"]):
            done = weir(*words)
            self.assertEqual((done.returncode, done.stderr), (0, ""), words)
            self.assertIn("Usage: weir", done.stdout)


unittest.main(argv=[sys.argv[0]], verbosity=0)
