#!/usr/bin/env python3
"""`weir prog dump jited` of an object: functions, source lines, names in place of addresses. Arguments: weir, object, capture."""
import json
import pathlib
import platform
import re
import subprocess
import sys
import unittest

WEIR, OBJECT, CAPTURE = (str(pathlib.Path(word).resolve()) for word in sys.argv[1:4])
INSN = re.compile(r"^ +([0-9a-f]+):\t(.+)$")


def weir(*words):
    return subprocess.run([WEIR, *words], capture_output=True, text=True, timeout=60, check=False)


def dump(*words):
    return weir("prog", "dump", "jited", OBJECT, "--prog", "count", *words)


@unittest.skipUnless(platform.machine() == "x86_64", "no machine code here")
class Dump(unittest.TestCase):
    def lines(self, *words):
        done = dump(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def document(self, *words):
        done = dump("-j", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_lists_each_entry_with_its_source_lines(self):
        lines = self.lines()
        self.assertEqual(lines[0], "count:")
        self.assertEqual([line for line in lines if line.endswith(":") and line[0] not in " ;"], ["count:", "count.burst:"])
        sources = [line for line in lines if line.startswith("; ") and ".bpf.c:" in line]
        self.assertEqual(sum(line.endswith(": seen++;") for line in sources), 2, sources)
        offsets = [int(match[1], 16) for match in map(INSN.match, lines) if match]
        self.assertEqual(offsets, sorted(set(offsets)))

    def test_names_maps_and_helpers(self):
        text = "\n".join(self.lines())
        self.assertIn("$map[blocked_v4]", text)
        self.assertIn("map[.bss].value", text)
        self.assertNotRegex(text, r"0x[0-9a-f]{9,}", "a bare address")

    def test_shows_opcodes(self):
        plain, lines = self.lines(), self.lines("--opcodes")
        bytes_shown = sum(len(line.split()) for line in lines if line.startswith("\t\t"))
        document = self.document()
        self.assertEqual(bytes_shown, sum(len(insn["opcodes"].split()) for function in document["functions"]
                                          for insn in function["insns"]))
        self.assertEqual(len(lines), 2 * sum(bool(INSN.match(line)) for line in lines)
                         + sum(not INSN.match(line) for line in plain))

    def test_shows_the_instructions_in_between(self):
        listed = weir("prog", "disasm", OBJECT, "--prog", "count", "-j")
        wanted = [insn["insn"] for insn in json.loads(listed.stdout)["programs"][0]["insns"]]
        for entry in "\n".join(self.lines("--insns")).split("\n\n"):
            shown = [int(insn) for insn in re.findall(r"^; +(\d+): ", entry, re.MULTILINE)]
            # Some have code at the end of the function, too.
            self.assertEqual(shown[:len(wanted)], wanted, entry)

    def test_gives_every_byte_of_every_function_as_json(self):
        document = self.document()
        code = bytes.fromhex(document["code"])
        self.assertEqual(len(code), document["bytes"])
        end = 0
        for function in document["functions"]:
            self.assertGreaterEqual(function["offset"], end)
            at = function["offset"]
            for insn in function["insns"]:
                opcodes = bytes.fromhex(insn["opcodes"])
                self.assertEqual((insn["offset"], opcodes), (at, code[at:at + len(opcodes)]))
                at += len(opcodes)
            end = function["offset"] + function["bytes"]
            self.assertEqual(at, end)
        self.assertTrue(any("seen++" in insn.get("line", "") for insn in document["functions"][0]["insns"]))

    def test_hardened_code_differs_each_time_and_does_the_same(self):
        self.assertEqual(len({self.document("--jit-harden")["code"] for _ in range(3)}), 3)
        run = ("prog", "run", OBJECT, "--prog", "count", "--pcap-in", CAPTURE, "-j")
        plain, hardened = weir(*run), weir(*run, "--jit-harden")
        self.assertEqual(hardened.returncode, 0, hardened.stderr)
        self.assertEqual(json.loads(hardened.stdout), json.loads(plain.stdout))

    def test_refuses_in_one_line(self):
        for words, says in ((("prog", "dump", "xlated", OBJECT), "value 'xlated', expected 'jited'"),
                            (("prog", "dump", "jited", "nowhere.o"), "nowhere.o"),
                            (("prog", "dump", "jited", OBJECT, "--prog", "count", "--jit-symbols", "lldb"),
                             "value 'lldb', expected none, perf, gdb or all")):
            done = weir(*words)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), (words, done.stderr))
            self.assertIn(says, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
