"""A lab and a running node for integration tests: real binaries, real namespaces, everything ended by pid."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("WEIR_BUILD", ROOT / "build"))
sys.path.insert(0, str(ROOT / "scripts"))

WEIR = BUILD / "controlplane" / "weir"
DATAPLANE = BUILD / "dataplane" / "weir-dataplane"
CONTROLPLANE = BUILD / "controlplane" / "weir-controlplane"
FIREWALL = BUILD / "dataplane" / "bpf" / "quickstart.bpf.o"
FIREWALL_V2 = BUILD / "dataplane" / "bpf" / "quickstart-v2.bpf.o"
READY_SECONDS = 15


def needs_root():
    """Decorator: namespaces and AF_XDP want root."""
    return unittest.skipUnless(os.geteuid() == 0, "needs root for network namespaces")


def inside(namespace, *command):
    return ["ip", "netns", "exec", namespace, *map(str, command)] if namespace else list(map(str, command))


def sh(*command, **options):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)


def one_line(text):
    return text.count("\n") <= 1 and bool(text.strip())


class Lab:
    """scripts/lab under a prefix of the test's own."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.client, self.box, self.server = (f"{prefix}-{part}" for part in ("client", "box", "server"))

    def act(self, action):
        done = subprocess.run([str(ROOT / "scripts" / "lab"), action], env={**os.environ, "LAB": self.prefix},
                              capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)

    def __enter__(self):
        self.act("down")
        self.act("up")
        return self

    def __exit__(self, *_):
        self.act("down")


def children(pid):
    """Process ids below `pid` by name, one level."""
    found = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "stat").read_text().rsplit(")", 1)
            if int(words[1].split()[1]) == pid:
                found[words[0].split("(", 1)[1]] = int(entry.name)
        except (OSError, IndexError):
            continue
    return found


@contextlib.contextmanager
def small_disk():
    """A folder that has room for 1 MiB. Needs root."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "weir-small", folder], check=True)
        try:
            yield pathlib.Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


class Node:
    """`weir run` with a configuration of the test's, its files in a folder of its own."""

    def __init__(self, config, namespace=None, user=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-test-"))
        os.chmod(self.folder, 0o755)
        self.run_dir = self.folder / "run"
        self.config = self.folder / "weir.yaml"
        self.config.write_text(config)
        self.namespace, self.user, self.process = namespace, user, None
        self.log = self.folder / "log"

    def start(self, *options, wait=True):
        prefix = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"] if self.user else []
        if self.user:
            shutil.chown(self.folder, self.user, self.user)
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                inside(self.namespace, *prefix, WEIR, "run", self.config, "--run-dir", self.run_dir, *options),
                stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        self.wait_until(lambda: (self.stats() or {"generation": 0})["generation"] > 0, "a first generation")

    def wait_until(self, condition, what, seconds=READY_SECONDS):
        deadline = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None:
                raise AssertionError(f"weir ended with {self.process.returncode} before {what}:\n{self.log.read_text()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not come within {seconds} s:\n{self.log.read_text()}")
            time.sleep(0.05)

    def weir(self, *arguments):
        return sh(WEIR, *arguments, "--run-dir", self.run_dir)

    def json(self, *arguments):
        done = self.weir(*arguments, "-j")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def stats(self):
        return self.json("stats")

    def child(self, name):
        """Pid of weir-dataplane or weir-controlplane; kernel names are cut at 15 characters."""
        return children(self.process.pid).get(name[:15])

    def stop(self, how=signal.SIGINT):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
                raise AssertionError(f"weir did not stop within 15 s of a signal:\n{self.log.read_text()}") from None
        return self.process.returncode if self.process else None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def wire_config(devices=("net_af_xdp0,iface=box-client", "net_af_xdp1,iface=box-server"), chain=True, lcores="0"):
    """The quickstart's shape, over two devices."""
    chains = ", ingress: [{program: firewall}]" if chain else ""
    return f"""
version: 1
workers: {{lcores: "{lcores}", idle: adaptive}}
memory: {{hugepages: off, size: 128MiB}}
ports:
  outside: {{device: "{devices[0]}", pass: inside{chains}}}
  inside: {{device: "{devices[1]}", pass: outside{chains}}}
programs:
  firewall:
    object: {FIREWALL}
    program: firewall
    globals: {{blocked_tcp_port: 2323}}
    maps:
      blocked_v4: {{set: blocked, family: ipv4, value: 1}}
      blocked_v6: {{set: blocked, family: ipv6, value: 1}}
sets:
  blocked: {{type: prefix, entries: [203.0.113.0/24, "2001:db8:bad::/48"]}}
"""


def balanced(counters):
    return counters["rx"] + counters["cloned"] + counters["generated"] == (
        counters["tx"] + counters["to_kernel"] + sum(counters["drops"].values()) + counters["in_flight"])
