"""What the scripts beside this file share: the programs that are compared, started and read one like the other.

Every side is a process that counts packets and has worker threads named rte-worker-N; rates are packets per second of those threads' CPU
time, so that other load on a shared machine hits no side, or per second of the clock where only that counts.
"""
import argparse
import os
import pathlib
import re
import select
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HUGEPAGES = pathlib.Path("/proc/sys/vm/nr_hugepages")
HUGEPAGES_NEEDED = 300
ANSWER_SECONDS = 60
BURST = 64  # as Weir's and native_worker's: what a round costs is shared by as many packets on every side


def fail(text):
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {text}")


def hugepages_free():
    match = re.search(r"HugePages_Free:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return int(match.group(1)) if match else 0


class ReservedHugepages:
    """Reserves what is missing where it may, and gives it back."""

    def __init__(self, needed=HUGEPAGES_NEEDED):
        self.needed = needed

    def __enter__(self):
        self.before = HUGEPAGES.read_text()
        if hugepages_free() < self.needed and os.geteuid() == 0:
            HUGEPAGES.write_text(str(int(self.before) + self.needed))
        self.available = hugepages_free() >= self.needed
        return self

    def __exit__(self, *_):
        if HUGEPAGES.read_text() != self.before:
            HUGEPAGES.write_text(self.before)


def threads_cpu_ns(pid):
    """CPU time of the workers together, and how many they are."""
    total = count = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if re.match(r"(rte|lcore)-worker-\d+$", (task / "comm").read_text().strip()):
            total += int((task / "schedstat").read_text().split()[0])
            count += 1
    return total, count


class Side:
    """A process under measurement."""

    def __init__(self, command, prefix=(), **more):
        self.process = subprocess.Popen([*prefix, *map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, **more)
        self.unread = b""

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")

    def line(self):
        while b"\n" not in self.unread:
            ready, _, _ = select.select([self.process.stdout], [], [], ANSWER_SECONDS)
            part = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not part:
                fail(f"{' '.join(self.process.args)} {'ended' if ready else 'does not answer'}")
            self.unread += part
        text, _, self.unread = self.unread.partition(b"\n")
        return text.decode(errors="replace")

    def rate(self, seconds, wall=False):
        """Mpps: of one CPU second of every worker, or of the clock."""
        time.sleep(0.3)
        first, first_ns, first_wall = self.packets(), threads_cpu_ns(self.process.pid)[0], time.monotonic_ns()
        time.sleep(seconds)
        last, (last_ns, workers), last_wall = self.packets(), threads_cpu_ns(self.process.pid), time.monotonic_ns()
        spent = last_wall - first_wall if wall else (last_ns - first_ns) / max(workers, 1)
        return (last - first) * 1e3 / spent

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.leave()
        except BrokenPipeError:
            pass  # testpmd sometimes ends with its memif peer
        try:
            self.process.communicate(timeout=20)  # closes its input, reads what it still says
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def leave(self):
        pass


class Counting(Side):
    """pps_worker and native_worker: a line for a line."""

    def packets(self):
        self.say("")
        return int(self.line().split()[0])


class Weir(Counting):
    def __init__(self, build, device, program, cpus, hugepages, prefixes=None, **more):
        self.run_dir = tempfile.TemporaryDirectory()
        super().__init__([build / "perf/pps/pps_worker", device, program, cpus, int(hugepages), self.run_dir.name, *([prefixes] if prefixes else [])], **more)
        self.packets()

    def __exit__(self, *arguments):
        super().__exit__(*arguments)
        self.run_dir.cleanup()


class Native(Counting):
    def __init__(self, build, device, program, cpu, hugepages, prefixes=None, **more):
        super().__init__([build / "perf/peers/native_worker", device, program, cpu, int(hugepages), *([prefixes] if prefixes else [])], **more)
        self.packets()


class Testpmd(Side):
    """dpdk-testpmd on one device; `bpf`: an object for its bpf-load. `counter`: which of its counters is the rate."""

    def __init__(self, device, mode, cpus, hugepages, bpf=None, eal=(), options=(), counter="RX-packets", **more):
        workers = str(cpus).split(",")
        lcores = ",".join([f"{i}@{cpu}" for i, cpu in enumerate(workers)] + [f"{len(workers)}@(0-{os.cpu_count() - 1})"])
        memory = ["--in-memory"] if hugepages else ["--no-huge", "--no-shconf", "-m", "256"]
        queues = [f"--rxq={len(workers)}", f"--txq={len(workers)}", f"--nb-cores={len(workers)}"]
        self.counter = counter
        super().__init__(["stdbuf", "-oL", "dpdk-testpmd", "--lcores", lcores, "--main-lcore", len(workers), "--no-pci", "--no-telemetry", *memory, *eal,
                          "--vdev", device, "--", "-i", "--total-num-mbufs=16384", "--no-flush-rx", f"--burst={BURST}", f"--forward-mode={mode}", *queues, *options],
                         stderr=subprocess.DEVNULL, **more)
        if bpf:
            self.say(f"bpf-load rx 0 0 J {bpf}")
            self.wait_for(r"^0:Success|^-\d+:|rror", refuse=r"^-\d+:|rror")
        self.say("start")
        self.packets()

    def wait_for(self, pattern, refuse=None):
        while True:
            line = self.line()
            if refuse and re.search(refuse, line):
                fail(f"dpdk-testpmd: {line.strip()}")
            match = re.search(pattern, line)
            if match:
                return match

    def packets(self):
        self.say("show port stats 0")
        return int(self.wait_for(self.counter + r":\s+(\d+)").group(1))

    def leave(self):
        self.say("stop")
        self.say("quit")


def spread(values, digits=1):
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}-{max(values):.{digits}f}]"


def ratio(ours, theirs):
    """Of the rounds, one by one."""
    return [a / b for a, b in zip(ours, theirs)]


def parser(description, target, rounds=5, seconds=1.0):
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rounds", type=int, default=rounds, help=f"alternating rounds ({rounds})")
    made.add_argument("--seconds", type=float, default=seconds, help=f"of each measurement ({seconds:g})")
    made.add_argument("--cpu", type=int, default=os.cpu_count() - 1, help="of the worker (the last)")
    made.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    made.add_argument("--target", type=float, default=target, help=f"least median ratio, else exit 1 ({target:g})")
    return made


def measured(side, seconds, wall=False):
    with side:
        return side.rate(seconds, wall)
