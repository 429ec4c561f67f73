#!/usr/bin/env python3
"""`weir map` and the API's map routes on a running node without traffic: what is written is read back, what is wrong changes nothing."""
import http.client
import json
import pathlib
import signal
import socket
import struct
import subprocess
import time
import unittest
import urllib.parse

import node
import tap

OBJECT = node.BUILD / "tests" / "integration" / "maps.bpf.o"
CONFIG = f"""
version: 1
workers: {{lcores: "0", idle: adaptive}}
memory: {{hugepages: off, size: 256MiB}}
ports:
  quiet: {{device: "net_ring0", pass: drop, ingress: [{{program: fw}}]}}
programs:
  fw: {{object: {OBJECT}, program: maps}}
"""
FLOW = '{"saddr":"192.0.2.1","port":80,"protocol":6}'
OTHER = '{"saddr":"10.0.0.1","port":8080,"protocol":17}'
RECORDS = {"Content-Type": "application/octet-stream"}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


class Maps(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = node.Node(CONFIG).start()

    @classmethod
    def tearDownClass(cls):
        cls.node.__exit__()

    def done(self, *words):
        result = self.node.weir("map", *words)
        self.assertEqual((result.returncode, result.stderr), (0, ""), (words, result.stdout))
        return result.stdout

    def refused(self, *words, says, status=2):
        result = self.node.weir("map", *words)
        self.assertEqual(result.returncode, status, (words, result.stdout, result.stderr))
        self.assertTrue(node.one_line(result.stderr), result.stderr)
        self.assertIn(says, result.stderr)

    def dump(self, name, *options):
        return json.loads(self.done("dump", name, "-j", *options))

    def file(self, text, name="elements"):
        path = pathlib.Path(self.node.folder, name)
        path.write_text(text)
        return path

    def ask(self, method, name, what="", body=b"", headers=None, **query):
        connection = UnixConnection(self.node.run_dir / "control.sock")
        target = f"/maps/{urllib.parse.quote(name, safe='')}{what}" + ("?" + urllib.parse.urlencode(query) if query else "")
        connection.request(method, target, body=body, headers=headers or {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if answer.headers["Content-Type"] == "application/json" else text


class Typed(Maps):
    def setUp(self):
        self.done("import", "fw/limits", "--replace", str(self.file(f'{FLOW} {{"rate":1000,"burst":20}}\n{OTHER} {{"rate":7,"burst":1}}\n')))

    def test_members_go_in_and_come_out_by_name(self):
        self.done("update", "fw/limits", FLOW, '{"rate":2000,"burst":21}')
        found = json.loads(self.done("lookup", "fw/limits", FLOW, "-j"))
        self.assertEqual(found["key"], {"saddr": "192.0.2.1", "port": 80, "protocol": 6})
        self.assertEqual(found["value"], {"rate": 2000, "burst": 21})
        self.assertEqual(found["key_hex"], "c000020100500600")
        table = self.done("dump", "fw/limits").splitlines()
        self.assertEqual(table[0].split(), ["key.saddr", "key.port", "key.protocol", "value.rate", "value.burst"])
        self.assertIn("192.0.2.1  80                   6        2000           21", table)
        self.assertEqual(table[-1], "2 elements")

    def test_wrong_members_are_refused_and_change_nothing(self):
        before = self.dump("fw/limits")
        self.refused("update", "fw/limits", FLOW, '{"rate":1,"brst":2}', says="value: unknown member 'brst', did you mean 'burst'?")
        self.refused("update", "fw/limits", FLOW, '{"rate":4294967296,"burst":2}',
                     says="value.rate: value 4294967296, expected 0 to 4294967295 (__u32)")
        self.refused("update", "fw/limits", FLOW, '{"rate":1}', says="value: member 'burst' is missing")
        self.refused("update", "fw/limits", '{"saddr":"192.0.2","port":80,"protocol":6}', "0x0000000000000000", says="key.saddr: value")
        self.refused("update", "fw/limits", FLOW, "0x01", says="value: value '0x01', expected")
        self.refused("update", "fw/limits", FLOW, '{"rate":1,"burst":2}', "--lock", says="no bpf_spin_lock")
        self.refused("update", "fw/limit", FLOW, '{"rate":1,"burst":2}', says="did you mean 'fw/limits'?", status=1)
        self.assertEqual(self.dump("fw/limits"), before)

    def test_conditions_choose_elements(self):
        self.assertEqual([each["value"]["rate"] for each in self.dump("fw/limits", "--where", "key.port == 80")], [1000])
        self.assertEqual([each["value"]["rate"] for each in self.dump("fw/limits", "--where", "key.saddr in 10.0.0.0/8 and value.rate < 8")], [7])
        self.assertEqual(self.dump("fw/limits", "--where", "value.rate > 1000"), [])
        self.assertEqual(len(self.dump("fw/limits", "--limit", "1")), 1)
        self.assertIn("1 of 2 elements", self.done("dump", "fw/limits", "--where", "key.protocol != 17"))
        self.refused("dump", "fw/limits", "--where", "key.prt == 80", says="did you mean 'port'?")

    def test_several_keys_at_once(self):
        found = json.loads(self.done("lookup", "fw/limits", FLOW, OTHER, "-j"))
        self.assertEqual((len(found["elements"]), found["missing"]), (2, []))
        self.refused("delete", "fw/limits", FLOW, "0x00", says="expected")
        self.assertEqual(len(self.dump("fw/limits")), 2)
        self.refused("delete", "fw/limits", FLOW, "0x0000000000000000", says="0x0000000000000000 does not exist", status=1)
        self.refused("lookup", "fw/limits", OTHER, FLOW, says="there is no " + FLOW, status=1)

    def test_flags_say_whether_a_key_may_be_there(self):
        self.refused("update", "fw/limits", FLOW, "0x0000000000000000", "--noexist", says="exists already", status=1)
        self.refused("update", "fw/limits", "0x0000000000000000", "0x0000000000000000", "--exist", says="does not exist", status=1)
        self.done("update", "fw/buckets", "1", '{"tokens":5}', "--lock")
        self.assertEqual(self.dump("fw/buckets")[0]["value"]["tokens"], 5)

    def test_show_says_types_users_and_memory(self):
        shown = self.done("show", "fw/limits")
        for text in ("struct flow {", "__be16 port;", "2 of at most 100", "programs  fw", "bytes)"):
            self.assertIn(text, shown)
        document = json.loads(self.done("show", "fw/routes_v4", "-j"))
        self.assertEqual((document["flag_names"], document["programs"]), (["no_prealloc"], ["fw"]))
        self.assertEqual(document["key_c"], "struct v4_prefix { __u32 length; __u8 address[4]; }")


class Kinds(Maps):
    def test_a_trie_says_which_prefix_matched(self):
        self.done("import", "fw/routes_v4", "--replace", str(self.file("10.0.0.0/8 1\n10.1.0.0/16 2\n")))
        self.assertIn("matched 10.1.0.0/16", self.done("lookup", "fw/routes_v4", "10.1.2.3"))
        found = json.loads(self.done("lookup", "fw/routes_v4", "10.2.0.0/16", "-j"))
        self.assertEqual((found["value"], found["matched_hex"]), (1, "080000000a000000"))
        self.assertIn("matched 10.0.0.0/8", self.done("lookup", "fw/routes_v4", "10.0.0.0/8"))
        self.refused("lookup", "fw/routes_v4", "11.0.0.1", says="does not exist", status=1)
        self.assertEqual([each["value"] for each in self.dump("fw/routes_v4", "--where", "key in 10.1.0.0/16")], [2])
        self.done("update", "fw/routes_v4", "0.0.0.0/0", "3")
        self.assertIn("matched 0.0.0.0/0", self.done("lookup", "fw/routes_v4", "11.0.0.1"))

    def test_queues_take_and_show_values(self):
        self.done("push", "fw/jobs", "7")
        self.done("enqueue", "fw/jobs", "8")
        self.refused("push", "fw/jobs", "9", says="full")
        self.assertEqual(json.loads(self.done("peek", "fw/jobs", "-j"))["value"], 7)
        self.done("push", "fw/jobs", "9", "--force")
        self.assertEqual(json.loads(self.done("peek", "fw/jobs", "-j"))["value"], 8)
        self.refused("dump", "fw/jobs", says="no keys")
        self.refused("peek", "fw/limits", says="expected a queue or a stack")
        self.refused("pop", "fw/jobs", says="not offered yet")

    def test_per_cpu_values_are_summed_and_apart(self):
        slots = json.loads(self.done("show", "fw/seen", "-j"))["cpu_slots"]
        values = [{"packets": n + 1, "bytes": 10} for n in range(slots)]
        self.done("update", "fw/seen", "5", json.dumps(values))
        element = self.dump("fw/seen")[0]
        self.assertEqual(element["values"], values)
        self.assertEqual(element["sum"], {"packets": slots * (slots + 1) // 2, "bytes": 10 * slots})
        self.assertEqual(self.done("dump", "fw/seen", "--per-cpu").splitlines()[0].split(), ["key", "cpu", "value.packets", "value.bytes"])
        self.done("update", "fw/seen", "5", '{"packets":1,"bytes":1}')
        self.assertEqual(self.dump("fw/seen")[0]["values"], [{"packets": 1, "bytes": 1}] * slots)
        self.done("delete", "fw/seen", "5")

    def test_a_full_map_is_loud(self):
        for key in range(4):
            self.done("update", "fw/small", str(key), "1")
        self.refused("update", "fw/small", "4", "1", says="full")
        listed = {each["name"]: each for each in json.loads(self.done("list", "-j"))}
        self.assertGreaterEqual(listed["fw/small"]["full_count"], 1)
        for verb in ("status", "doctor"):
            self.assertIn("max_entries: 8", self.node.weir(verb).stdout, verb)
        status, text = self.ask("GET", "fw/small")
        self.assertEqual(status, 200)
        self.assertIn("fw/small", text["warnings"][0])

    def test_watch_prints_a_block_an_interval_and_ends_well(self):
        self.done("update", "fw/buckets", "9", '{"tokens":5}')
        command = [str(node.WEIR), "map", "dump", "fw/buckets", "--watch", "0.3", "--run-dir", str(self.node.run_dir)]
        watch = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lines = [watch.stdout.readline()]
        self.done("update", "fw/buckets", "9", '{"tokens":25}')
        while not lines[-1].startswith("9 ") and len(lines) < 100:
            lines.append(watch.stdout.readline())
        self.assertRegex(lines[-1], r"^ *9 +25 +\+[0-9.]+$")
        watch.send_signal(signal.SIGINT)
        _, errors = watch.communicate(timeout=10)
        self.assertEqual((watch.returncode, errors), (0, ""))

    def test_watch_ends_when_nobody_reads(self):
        command = f"{node.WEIR} map dump fw/totals --watch 0.1 -j --run-dir {self.node.run_dir} | head -n 1"
        begin = time.monotonic()
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["elements"], 2)
        self.assertLess(time.monotonic() - begin, 20)


class Imports(Maps):
    def test_a_broken_line_changes_nothing(self):
        self.done("import", "fw/routes_v6", "--replace", str(self.file("2001:db8::/32 1\n")))
        before = self.dump("fw/routes_v6")
        for text, says in (("2001:db8:1::/48 1\n  2001:db8::/129 1\n", ":2:3: key: value '2001:db8::/129', expected a prefix length of at most 128"),
                           ("2001:db8:1::/48 1\n2001:db8::/32 x\n", ':2:15: value: value "x", expected 0 to 4294967295 (__u32)'),
                           ("2001:db8:1::/48 1\n2001:db8::/32\n", ":2:1: line: value '2001:db8::/32', expected KEY VALUE"),
                           ("2001:db8:1::/48 1\n192.0.2.0/24 1\n", ":2:1: key: value '192.0.2.0/24', expected an IPv6"),
                           ('[{"key":"2001:db8:1::/48","value":1},\n {"key":"2001:db8::/32"}]', ":2:2: the element has no value")):
            for options in ((), ("--replace",)):
                self.refused("import", "fw/routes_v6", str(self.file(text)), *options, says=says)
        many = "".join(f"2001:db8:{n:x}::/48 1\n" for n in range(1001))
        self.refused("import", "fw/routes_v6", str(self.file(many)), says="1001 elements")
        self.refused("import", "fw/routes_v6", "/nowhere", says="/nowhere")
        self.assertEqual(self.dump("fw/routes_v6"), before)

    def test_of_a_repeated_key_the_last_line_wins(self):
        self.done("import", "fw/routes_v6", "--replace", str(self.file("2001:db8::/32 1\n2001:db9::/32 2\n2001:db8::/32 3\n")))
        self.assertEqual(sorted(each["value"] for each in self.dump("fw/routes_v6")), [2, 3])

    def test_replacing_leaves_nothing_of_before(self):
        self.done("import", "fw/routes_v6", str(self.file("2001:db8::/32 1\n2001:db9::/32 2\n")))
        answer = json.loads(self.done("import", "fw/routes_v6", "--replace", "-j", str(self.file("2001:dba::/32 9\n"))))
        self.assertEqual(answer["elements"], 1)
        self.assertEqual(answer["generation"], self.node.json("status")["generation"])
        self.assertEqual([each["value"] for each in self.dump("fw/routes_v6")], [9])

    def test_several_maps_change_together(self):
        old = [self.dump(name) for name in ("fw/routes_v4", "fw/routes_v6")]
        v4, v6 = self.file("198.51.100.0/24 5\n", "v4"), self.file("2001:db8:5::/48 6\n2001:db8:6::/48 7\n", "v6")
        self.refused("import", "fw/routes_v4", str(v4), "fw/routes_v6", str(v6), says="expected --replace")
        self.refused("import", "fw/routes_v4", str(v4), "fw/routes_v6", "--replace", says="'fw/routes_v6' has no file")
        self.refused("import", "fw/routes_v4", str(v4), "fw/routes_v6", str(v4), "--replace", says="v4:1:1: key: value '198.51.100.0/24'")
        self.assertEqual([self.dump(name) for name in ("fw/routes_v4", "fw/routes_v6")], old)
        generation = self.node.json("status")["generation"]
        answer = json.loads(self.done("import", "fw/routes_v4", str(v4), "fw/routes_v6", str(v6), "--replace", "-j"))
        self.assertEqual((answer["elements"], answer["generation"]), (3, generation + 1))
        self.assertEqual([each["value"] for each in self.dump("fw/routes_v4")], [5])
        self.assertEqual(sorted(each["value"] for each in self.dump("fw/routes_v6")), [6, 7])

    def test_a_dump_is_read_back(self):
        slots = json.loads(self.done("show", "fw/seen", "-j"))["cpu_slots"]
        for key in range(3):
            self.done("update", "fw/seen", str(key), json.dumps([{"packets": key, "bytes": n} for n in range(slots)]))
        before = self.dump("fw/seen")
        path = self.file(json.dumps(before, indent=1))
        self.done("delete", "fw/seen", "0", "1", "2")
        self.done("import", "fw/seen", str(path))
        by_key = lambda element: element["key"]
        self.assertEqual(sorted(self.dump("fw/seen"), key=by_key), sorted(before, key=by_key))
        self.done("import", "fw/seen", "--replace", str(path))
        self.assertEqual(sorted(self.dump("fw/seen"), key=by_key), sorted(before, key=by_key))
        self.done("delete", "fw/seen", "0", "1", "2")

    def test_many_elements(self):
        count = 50_000
        path = self.file("".join(f"{n >> 8 & 255}.{n & 255}.{n >> 16}.0/24 {n}\n" for n in range(count)))
        self.assertEqual(self.done("import", "fw/routes_v4", str(path), "--replace").split()[0], str(count))
        self.assertEqual(len(self.dump("fw/routes_v4")), count)
        self.assertEqual(json.loads(self.done("lookup", "fw/routes_v4", "1.2.0.7", "-j"))["value"], 258)


class Requests(Maps):
    """What reaches the API itself: each is refused with its place, value and expectation, and the map stays."""

    def setUp(self):
        status, _ = self.ask("PUT", "fw/limits", "/contents", bytes(range(16)), RECORDS)
        self.assertEqual(status, 200)
        self.before = self.ask("GET", "fw/limits", "/elements")

    def rejects(self, method, what, body, says, headers=None, status=400, name="fw/limits", **query):
        got, answer = self.ask(method, name, what, body, headers, **query)
        self.assertEqual(got, status, answer)
        self.assertIn(says, answer["error"])
        self.assertEqual(self.ask("GET", "fw/limits", "/elements"), self.before)

    def put(self, document, says, **query):
        self.rejects("PUT", "/elements", json.dumps(document) if not isinstance(document, bytes) else document, says, **query)

    def test_json_that_is_wrong(self):
        good = ["00" * 8, "11" * 8]
        self.put(b'{"elements":', "body: byte 13: expected a JSON object")
        self.put([], "expected a JSON object")
        self.put({}, "'elements': expected a list")
        self.put({"elements": [good, ["0", "11"]]}, "'elements'[1]: value [\"0\",\"11\"], expected")
        self.put({"elements": [good, ["zz" * 8, "11" * 8]]}, "'elements'[1]")
        self.put({"elements": [good, ["00" * 8, "11" * 7]]}, "element 2 of 2, key 0x0000000000000000: the value has 7 bytes, expected 8")
        self.put({"elements": [good, ["00" * 9, "11" * 8]]}, "element 2 of 2, key 0x000000000000000000: the key has 9 bytes, expected 8")
        self.put({"elements": [good], "flags": 3}, "'flags': value 3, expected 0 (any)")
        self.put({"elements": [good], "flags": "x"}, "'flags': expected 0 (any)")
        self.put({"elements": [good], "flags": 4}, "no bpf_spin_lock")

    def test_records_that_are_wrong(self):
        for what in ("/elements", "/contents"):
            self.rejects("PUT", what, bytes(17), "the body has 17 bytes, expected a multiple of 16: records of 8 bytes of key and 8 of value", RECORDS)
            self.rejects("PUT", what, bytes(16), "slots: value 'all', expected 'one' or 'each'", RECORDS, slots="all")
        self.rejects("PUT", "/elements", bytes(16), "flags: value '9', expected 0 to 6", RECORDS, flags=9)
        self.rejects("PUT", "/elements", bytes(16), "flags: value 3, expected", RECORDS, flags=3)
        self.rejects("PUT", "/contents", b"{}", "expected application/octet-stream")
        self.rejects("PUT", "/contents", bytes(16 * 101), "101 elements, expected at most 100 (max_entries)", RECORDS)
        self.rejects("PUT", "/elements", struct.pack("<II4sI", 8, 0, b"", 0) + struct.pack("<I4sI", 33, b"", 0), "body has 28 bytes", RECORDS)
        self.rejects("PUT", "/contents", struct.pack("<I4sI", 8, b"", 0) + struct.pack("<I4sI", 33, b"", 0),
                     "element 2 of 2, key 0x2100000000000000: the prefix length is 33, expected at most 32", RECORDS, name="fw/routes_v4")
        self.rejects("PUT", "/elements", struct.pack("<IQQ", 2, 0, 0), "the index is 2, expected at most 1", RECORDS, name="fw/totals")

    def test_contents_of_several_maps(self):
        def rejects(body, says, headers=RECORDS, **query):
            connection = UnixConnection(self.node.run_dir / "control.sock")
            connection.request("PUT", "/contents?" + urllib.parse.urlencode(query), body=body, headers=headers)
            answer = connection.getresponse()
            self.assertEqual(answer.status, 400)
            self.assertIn(says, json.loads(answer.read())["error"])
            self.assertEqual(self.ask("GET", "fw/limits", "/elements"), self.before)

        rejects(bytes(28), "2, 1 and 2 words, expected as many of each", maps="fw/limits,fw/routes_v4", bytes="16")
        rejects(bytes(28), "bytes: value '13', expected at most 12", maps="fw/limits,fw/routes_v4", bytes="16,13")
        rejects(bytes(29), "1 bytes of the body belong to no map", maps="fw/limits,fw/routes_v4", bytes="16,12")
        rejects(bytes(28), "slots: value 'x'", maps="fw/limits,fw/routes_v4", bytes="16,12", slots="one,x")
        rejects(bytes(28), "map fw/limits: the body has 12 bytes", maps="fw/limits,fw/routes_v4", bytes="12,16")
        rejects(bytes(28), "content type '', expected application/octet-stream", headers={}, maps="fw/limits", bytes="28")

    def test_places_that_do_not_exist(self):
        self.rejects("PUT", "/elements", bytes(16), "map 'fw/limit' does not exist, did you mean 'fw/limits'?", RECORDS, status=404, name="fw/limit")
        self.rejects("PUT", "/contents", bytes(16), "did you mean 'fw/limits'?", RECORDS, status=404, name="fw/limit")
        self.rejects("PUT", "/content", bytes(16), "does not exist", RECORDS, status=404)
        self.rejects("POST", "/elements", b"", "expected GET, PUT or DELETE")
        self.rejects("GET", "/elements", b"", "after: value '0', expected hex", after="0")
        self.rejects("GET", "/elements", b"", "limit: value '0', expected 1 to 4096", limit="0")
        self.rejects("GET", "/elements", b"", "format: value 'xml', expected 'json' or 'records'", format="xml")
        self.rejects("GET", "/elements/abc", b"", "key: value 'abc', expected hex")
        self.rejects("GET", "/elements/abcd", b"", "key 0xabcd: the key has 2 bytes, expected 8")
        self.rejects("DELETE", "/elements/abcd", b"", "the key has 2 bytes, expected 8")
        self.rejects("DELETE", "/elements", b'{"keys":["00","0g"]}', "'keys'[1]: value \"0g\", expected \"KEYHEX\"")
        self.rejects("DELETE", "/elements", json.dumps({"keys": ["0001020304050607", "00"]}), "key 0x00: the key has 1 bytes, expected 8")
        self.rejects("DELETE", "/elements", bytes(9), "the body has 9 bytes, expected a multiple of 8: keys", RECORDS)
        self.rejects("DELETE", "/elements", bytes(8 * 4097), "4097 keys, expected at most 4096", RECORDS)

    def test_records_go_in_and_come_out(self):
        body = bytes(range(32))
        status, answer = self.ask("PUT", "fw/limits", "/contents", body, RECORDS)
        self.assertEqual((status, answer["elements"]), (200, 2))
        status, records = self.ask("GET", "fw/limits", "/elements", format="records")
        self.assertEqual((status, sorted(records[i:i + 16] for i in (0, 16))), (200, sorted([body[:16], body[16:]])))
        status, answer = self.ask("PUT", "fw/limits", "/elements", bytes(range(32, 48)), RECORDS, flags=1)
        self.assertEqual((status, answer), (200, {"updated": 1}))
        status, answer = self.ask("POST", "fw/limits", "/lookup", bytes(range(32, 40)) + bytes(8), RECORDS)
        self.assertEqual((status, len(answer["elements"]), answer["missing"]), (200, 1, ["00" * 8]))
        status, answer = self.ask("DELETE", "fw/limits", "/elements", bytes(range(32, 40)) + bytes(8), RECORDS)
        self.assertEqual((status, answer), (200, {"deleted": 1, "missing": ["00" * 8]}))


if __name__ == "__main__":
    tap.main()
