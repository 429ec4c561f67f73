#!/usr/bin/env python3
"""Everything that an offline run provides around a program, and what `prog show` says of it. Arguments: weir, object, capture,
object with .kconfig."""
import gzip
import json
import pathlib
import resource
import struct
import subprocess
import sys
import tempfile
import unittest

WEIR, OBJECT, CAPTURE, TUNED = (str(pathlib.Path(word).resolve()) for word in sys.argv[1:5])
SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="weir-offline-"))
UNVERIFIED = ("--engine", "interp", "--unverified")
ETHERNET = bytes.fromhex("02000000000a02000000000b0800")


def weir(*words, before=None):
    return subprocess.run([WEIR, *words], capture_output=True, text=True, timeout=60, preexec_fn=before)


def without_files():
    """No file may grow: machine code has none to lie in."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def capture(name, frames):
    path = SCRATCH / name
    path.write_bytes(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
                     + b"".join(struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame for frame in frames))
    return str(path)


def ipv4(destination, length=60):
    header = bytes.fromhex("4500002e000040004011") + bytes(2) + bytes([192, 0, 2, 200]) + bytes(destination)
    return (ETHERNET + header).ljust(length, b"\0")


class Offline(unittest.TestCase):
    def run_unverified(self, program, packets, *words):
        done = weir("prog", "run", OBJECT, "--prog", program, "--pcap-in", packets, *UNVERIFIED, "-j", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"weir: {program} was not verified", done.stderr)
        document = json.loads(done.stdout)
        self.assertIs(document["unverified"], True)
        return document

    def refused(self, status, *words, says):
        done = weir("prog", "run", OBJECT, "--pcap-in", CAPTURE, *words)
        self.assertEqual(done.returncode, status, (words, done.stderr))
        self.assertEqual(done.stdout, "")
        self.assertIn(says, done.stderr.splitlines()[-1])

    def test_tail_calls_inner_maps_queues_and_events(self):
        frames = capture("sizes.pcap", [ipv4((10, 0, 0, 1), size) for size in (60, 70, 1100)])
        document = self.run_unverified("enter", frames)
        self.assertEqual([entry["verdict"] for entry in document["packets"]], ["XDP_TX", "XDP_TX", "XDP_DROP"])
        self.assertEqual(document["events"], {"events": [struct.pack("<II", size, 1).hex() for size in (60, 70, 1100)]})
        maps = document["maps"]
        self.assertEqual(maps["first"], [["00000000", struct.pack("<Q", 3).hex()]])
        self.assertEqual(maps["second"], [["00000000", "00" * 8]])
        self.assertEqual(maps["lengths"], [["", struct.pack("<I", size).hex()] for size in (60, 70, 1100)])

    def test_a_limit_on_files_leaves_the_interpreter(self):
        words = ("prog", "run", OBJECT, "--prog", "pieces", "--pcap-in", CAPTURE, "-j")
        free, limited = weir(*words), weir(*words, before=without_files)
        self.assertEqual((free.returncode, limited.returncode), (0, 0), limited.stderr)
        self.assertIn("the interpreter runs the programs instead", limited.stderr)
        self.assertEqual(json.loads(free.stdout)["packets"], json.loads(limited.stdout)["packets"])

    def test_slots_are_filled_by_name(self):
        frames = capture("long.pcap", [ipv4((10, 0, 0, 1), 1100)])
        jumps, outer, lengths = SCRATCH / "jumps", SCRATCH / "outer", SCRATCH / "lengths"
        jumps.write_text("2 leave\n")
        outer.write_text("# key, map\n0 second\n")
        lengths.write_text("- 7\n")
        document = self.run_unverified("enter", frames, "--map-fill", f"jumps={jumps}", "--map-fill", f"outer={outer}",
                                       "--map-fill", f"lengths={lengths}")
        self.assertEqual(document["packets"][0]["verdict"], "XDP_TX")
        self.assertEqual(document["maps"]["second"][0][1], struct.pack("<Q", 1).hex())
        self.assertEqual([value for _, value in document["maps"]["lengths"]], ["07000000", "4c040000"])
        jumps.write_text("2 nowhere\n")
        self.refused(2, "--prog", "enter", *UNVERIFIED, "--map-fill", f"jumps={jumps}", says="value 'nowhere', expected the name of a program")
        outer.write_text("0 clocks\n")
        self.refused(2, "--prog", "enter", *UNVERIFIED, "--map-fill", f"outer={outer}", says="definition of its inner maps")
        jumps.write_text("2 snap\n")
        self.refused(2, "--prog", "enter", *UNVERIFIED, "--map-fill", f"jumps={jumps}", says="program snap is of type socket, expected xdp")

    def test_a_person_reads_names(self):
        done = weir("prog", "run", OBJECT, "--prog", "enter", "--pcap-in", CAPTURE, *UNVERIFIED)
        for line in ("  1: program leave", "  0: map first", "events events: "):
            self.assertIn(line, done.stdout)
        self.assertIn("more (-j has all)", done.stdout)

    def test_faults_are_aborted_and_say_where(self):
        entry = self.run_unverified("wild", CAPTURE)["packets"][0]
        self.assertEqual((entry["retval"], entry["verdict"]), (0, "XDP_ABORTED"))
        self.assertEqual((entry["fault"]["program"], entry["fault"]["insn"]), ("wild", 2))
        self.assertIn("no pointer", entry["fault"]["message"])
        traced = self.run_unverified("traced", CAPTURE)["packets"][0]["fault"]["message"]
        self.assertIn("there is no current task on a packet", traced)
        self.assertIn(" fault: ", weir("prog", "run", OBJECT, "--prog", "wild", "--pcap-in", CAPTURE, *UNVERIFIED).stdout)

    def test_timers_run_between_packets(self):
        frames = capture("two.pcap", [ipv4((10, 0, 0, 1))] * 2)
        document = self.run_unverified("timed", frames)
        self.assertEqual(document["packets"][0]["verdict"], "XDP_TX")
        fired = bytes.fromhex(document["maps"]["clocks"][0][1])[16:24]
        self.assertEqual(int.from_bytes(fired, "little"), 1)

    def test_frags_and_lengths(self):
        sizes = (13, 3520, 3521, 9600, 9601)
        frames = capture("jumbo.pcap", [ipv4((10, 0, 0, 1), size)[:size] for size in sizes])
        packets = self.run_unverified("pieces", frames)["packets"]
        self.assertEqual([entry["verdict"] for entry in packets], [None, "XDP_PASS", "XDP_TX", "XDP_TX", None])
        self.assertEqual([entry["len"] for entry in packets], list(sizes))
        self.assertIn("9601 bytes, programs see frames of 14 to 9600", packets[4]["error"])

    def test_filters_see_a_tap(self):
        frames = capture("tap.pcap", [b"", b"x", ETHERNET[:12] + b"\x86\xdd" + bytes(40), ipv4((10, 0, 0, 1), 100)])
        packets = self.run_unverified("snap", frames)["packets"]
        self.assertEqual([(entry["retval"], entry["match"]) for entry in packets], [(0, False), (0, False), (0, False), (64, True)])
        self.assertEqual([entry["verdict"] for entry in packets], [None] * 4)
        self.assertEqual(packets[3]["len"], 100)

    def test_routes_come_from_a_configuration(self):
        config = SCRATCH / "routes.yaml"
        config.write_text("""version: 1
ports: {lan: {device: net_null0, pass: drop}, wan: {device: net_null1, pass: drop, ifindex: 7}}
routes: [{prefix: 10.0.0.0/8, via: 192.0.2.1, port: wan}]
neighbours: [{address: 192.0.2.1, mac: "02:00:00:00:00:99", port: wan}]
""")
        frames = capture("routed.pcap", [ipv4((10, 1, 2, 3)), ipv4((11, 1, 2, 3))])
        out = SCRATCH / "routed-out.pcap"
        packets = self.run_unverified("route", frames, "--config", str(config), "--pcap-out", str(out))["packets"]
        self.assertEqual([entry["verdict"] for entry in packets], ["XDP_REDIRECT", "XDP_PASS"])
        self.assertEqual(packets[0]["redirect_ifindex"], 7)
        self.assertEqual(out.read_bytes()[40:52].hex(), "020000000099" + "020000000007")
        self.assertEqual(self.run_unverified("route", frames)["packets"][0]["verdict"], "XDP_PASS")
        config.write_text("version: 1\nports: {}\n")
        self.refused(2, "--prog", "route", *UNVERIFIED, "--config", str(config), says=f"{config}:2:8: ports: empty")

    def test_unverified_is_for_the_interpreter(self):
        self.refused(2, "--prog", "enter", "--unverified", says="expected with '--engine interp'")
        self.refused(2, "--prog", "enter", "--unverified", "--engine", "jit", says="machine code checks none")
        self.refused(1, "--prog", "queued", *UNVERIFIED, says="program queued: insn 0: context: load of 4 bytes at offset 84")
        self.refused(1, "--prog", "wild", says="'--engine interp --unverified' runs it all the same")

    def test_options_reach_the_object(self):
        frames = capture("short.pcap", [ipv4((10, 0, 0, 1))])
        document = self.run_unverified("enter", frames, "--global", "limit=10")
        self.assertEqual(document["packets"][0]["verdict"], "XDP_DROP")
        shown = weir("prog", "show", OBJECT, "-j", "--map", "unsized.max_entries=9")
        self.assertEqual(shown.stderr, "")
        sizes = {entry["name"]: entry["max_entries"] for entry in json.loads(shown.stdout)["maps"]}
        self.assertEqual(sizes["unsized"], 9)
        self.assertIn('map "unsized": max_entries is 0, assuming 64', weir("prog", "show", OBJECT).stderr)
        self.refused(2, "--global", "limits=10", says="limits")
        self.refused(2, "--type", "tc", says="expected xdp or socket")

    def test_the_kernels_configuration_may_be_a_file(self):
        plain, packed, other = SCRATCH / "config", SCRATCH / "config.gz", SCRATCH / "config.other"
        plain.write_text("# a kernel\nCONFIG_HZ=1234\n")
        packed.write_bytes(gzip.compress(plain.read_bytes()))
        other.write_text("CONFIG_HZ=250\n")
        for path, verdict in ((plain, "XDP_TX"), (packed, "XDP_TX"), (other, "XDP_PASS")):
            done = weir("prog", "run", TUNED, "--kconfig", str(path), "--pcap-in", CAPTURE, *UNVERIFIED, "-j")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual({entry["verdict"] for entry in json.loads(done.stdout)["packets"]}, {verdict})
        for verb in ("verify", "show"):
            self.assertEqual(weir("prog", verb, TUNED, "--kconfig", str(plain)).returncode, 0)
        done = weir("prog", "verify", TUNED, "--kconfig", str(SCRATCH / "nowhere"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("--kconfig: value", done.stderr)
        self.assertIn("expected a file that can be read: No such file", done.stderr)

    def test_show_lists_all_that_is_in_it(self):
        document = json.loads(weir("prog", "show", OBJECT, "-j").stdout)
        programs = {entry["name"]: entry for entry in document["programs"]}
        self.assertEqual(set(programs), {"enter", "leave", "route", "timed", "pieces", "wild", "snap", "traced", "queued"})
        self.assertFalse(programs["leave"]["load_by_default"])
        self.assertTrue(programs["pieces"]["frags"])
        self.assertEqual(programs["snap"]["type"], "socket")
        self.assertEqual(programs["timed"]["functions"], ["timed", "tick"])
        self.assertIn({"name": "bpf_fib_lookup", "id": 69}, programs["route"]["helpers"])
        self.assertIn("no current task", programs["traced"]["helpers"][0]["refusal"])
        self.assertIn("insn 0: context: load of 4 bytes at offset 84: field napi_id", programs["queued"]["refusal"])
        self.assertNotIn("refusal", programs["snap"])
        unsupported, = document["unsupported"]
        self.assertEqual((unsupported["name"], unsupported["type"]), ("shaped", "tc"))
        maps = {entry["name"]: entry for entry in document["maps"]}
        self.assertEqual(maps["jumps"]["slots"], [{"index": 1, "target": "leave"}])
        self.assertEqual(maps["outer"]["inner"]["type"], "array")
        self.assertEqual(maps["clocks"]["timer_offset"], 0)
        self.assertEqual(maps["clocks"]["value"]["members"][1], {"name": "fired", "type": "__u64", "offset_bits": 128})
        self.assertTrue(maps[".rodata"]["frozen"])
        self.assertIn({"name": "limit", "section": ".data", "type": "__u32", "value": 1000}, document["globals"])
        self.assertIn({"name": "mark", "section": ".rodata", "type": "__u8[4]", "value": [1, 2, 3, 4]}, document["globals"])
        text = weir("prog", "show", OBJECT).stdout
        self.assertIn("  refused: insn 0: context: load of 4 bytes at offset 84: field napi_id", text)
        for line in ("  slot 1: leave", "global limit: __u32 in .data, 1000", "  functions timed, tick", "timer at 0"):
            self.assertIn(line, text)

    def test_listings_come_back_as_the_same_bytes(self):
        listed = json.loads(weir("prog", "disasm", OBJECT, "-j").stdout)["programs"]
        self.assertEqual(len(listed), 9)
        for program in listed:
            text = SCRATCH / "listing.s"
            text.write_text(weir("prog", "disasm", OBJECT, "--prog", program["name"]).stdout)
            again = weir("prog", "asm", str(text))
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertEqual(bytes.fromhex(again.stdout), bytes.fromhex("".join(insn["bytes"] for insn in program["insns"])))
        self.assertIn("; function tick", weir("prog", "disasm", OBJECT, "--prog", "timed").stdout)


unittest.main(argv=[sys.argv[0]], verbosity=0)
