#!/usr/bin/env python3
"""Runs Weir as a bump in the wire between two network namespaces and drives real traffic through it.

Builds the lab (scripts/lab), starts `weir run configs/quickstart.yaml` in the middle, lets a client ping, download, run
iperf3 and scan ports, swaps in a changed program halfway, and leaves the machine as it was.
"""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import traffic

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Meson's build root. What the tests are given has no bin/ with links, so that binaries are taken from where they are built.
BUILD = pathlib.Path(os.environ.get("WEIR_BUILD", ROOT / "build"))
WEIR = BUILD / "controlplane" / "weir"
CHANGED_PROGRAM = BUILD / "dataplane" / "bpf" / "quickstart-v2.bpf.o"
READY_SECONDS = 15


class Stop(Exception):
    """Ctrl-C, SIGTERM, or the time is over."""


def say(text=""):
    print(text, flush=True)


class Appliance:
    """`weir run` in the lab's middle namespace."""

    def __init__(self, namespace, config, run_dir, log):
        self.namespace, self.config, self.run_dir, self.log = namespace, config, run_dir, log
        self.process = None

    def start(self):
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                traffic.inside(self.namespace, str(WEIR), "run", str(self.config), "--run-dir", self.run_dir),
                stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True, cwd=ROOT)
        began = time.monotonic()
        while self.process.poll() is None and time.monotonic() - began < READY_SECONDS:
            stats = self.stats()
            if stats and stats["generation"] > 0:
                return time.monotonic() - began
            time.sleep(0.05)
        raise RuntimeError(f"weir did not start:\n{self.tail()}")

    def tail(self):
        return "".join(open(self.log, encoding="utf-8").readlines()[-15:])

    def weir(self, *arguments):
        return subprocess.run([str(WEIR), *arguments, "--run-dir", self.run_dir], capture_output=True, text=True)

    def stats(self):
        done = self.weir("stats", "-j")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def map_rows(self, name):
        """key -> {packets, bytes} of one of the firewall's counter maps, summed over workers."""
        done = self.weir("map", "dump", f"firewall/{name}", "-j")
        rows = {}
        for element in json.loads(done.stdout) if done.returncode == 0 else []:
            values = element["values"] if "values" in element else [element["value"]]
            rows[element["key"]] = {field: sum(value[field] for value in values) for field in ("packets", "bytes")}
        return rows

    def swap(self, path):
        done = self.weir("prog", "swap", "firewall", str(path), "-j")
        if done.returncode != 0:
            raise RuntimeError(f"the swap was refused: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def stop(self):
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGINT)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        return self.process.returncode if self.process else 0


def live_line(before, after, seconds, drops):
    def rate(name):
        return (after["total"][name] - before["total"][name]) / seconds

    reasons = ", ".join(f"{reason} {row['packets']}" for reason, row in drops.items() if row["packets"])
    return (f"  generation {after['generation']}  rx {rate('rx'):9,.0f} pps  tx {rate('tx'):9,.0f} pps   "
            f"dropped so far: {reasons or 'nothing'}")


def drive(lab_traffic, appliance, deadline):
    """Rounds of checks until the deadline (None: until Ctrl-C). The swap comes before the first round that begins when half
    of the time is over; a whole round is done before it and a whole one after it, if that takes longer than there is time."""
    swap_at = time.monotonic() + ((deadline - time.monotonic()) / 2 if deadline else 15)
    rounds = rounds_after_swap = 0
    swapped = False
    before, before_time = appliance.stats(), time.monotonic()
    while deadline is None or rounds_after_swap == 0 or time.monotonic() < deadline:
        if rounds and not swapped and time.monotonic() >= swap_at:
            swap(lab_traffic, appliance)
            swapped = True
        for check in lab_traffic.checks:
            right, went_through = check.run()
            outcome = "passed " if went_through else "blocked"
            say(f"  {'ok   ' if right else 'WRONG'} {outcome} {check.name:32} {check.detail}")
            if appliance.process.poll() is not None:
                raise RuntimeError(f"weir ended by itself:\n{appliance.tail()}")
            if deadline and time.monotonic() >= deadline and rounds_after_swap:
                return
        rounds += 1
        rounds_after_swap += swapped
        after, after_time = appliance.stats(), time.monotonic()
        say(live_line(before, after, after_time - before_time, appliance.map_rows("drops")))
        before, before_time = after, after_time


def swap(lab_traffic, appliance):
    """Puts the changed program in while traffic flows: from now on the second web port is blocked too."""
    lab_traffic.check("HTTP, port").expect_pass = False
    result = appliance.swap(CHANGED_PROGRAM)
    say(f"  swap  the changed program runs: generation {result['generation']} after {result['swap_us']} us; "
        f"port {traffic.SECOND_WEB_PORT} is blocked from now on")


def summary(lab_traffic, appliance, whole):
    """Prints what passed and what was dropped; true when everything went as it had to. A run that is `whole` had its swap."""
    stats = appliance.stats()
    if stats is None:
        say(f"weir does not answer any more:\n{appliance.tail()}")
        return False
    say("\nWhat the client saw")
    for check in lab_traffic.checks:
        say(f"  {check.name:34} passed {check.passed:4}  blocked {check.blocked:4}  {'' if not check.wrong else f'WRONG {check.wrong}'}".rstrip())
    total = stats["total"]
    say("\nWhat Weir did")
    say(f"  received {total['rx']:,} packets, passed on {total['tx']:,}, dropped {sum(total['drops'].values()):,}, "
        f"in flight {total['in_flight']}")
    for reason, row in appliance.map_rows("drops").items():
        say(f"  dropped by the firewall, {reason:20} {row['packets']:10,} packets {row['bytes']:14,} bytes")
    for reason, packets in sorted(total["drops"].items()):
        if packets:
            say(f"  dropped by the dataplane, {reason:19} {packets:10,} packets")
    for protocol, row in appliance.map_rows("protocols").items():
        if row["packets"]:
            say(f"  seen of protocol {protocol:12} {row['packets']:10,} packets {row['bytes']:14,} bytes")
    wrong = [check.name for check in lab_traffic.checks if check.wrong]
    second_web = lab_traffic.check("HTTP, port")  # open before the swap, blocked after it, else `wrong` says so
    not_seen = whole and not (second_web.passed and second_web.blocked)
    never = [check.name for check in lab_traffic.checks if not check.passed and not check.blocked]
    balanced = total["rx"] + total["cloned"] + total["generated"] == (
        total["tx"] + total["to_kernel"] + sum(total["drops"].values()) + total["in_flight"])
    for problem, present in ((f"wrong: {', '.join(wrong)}", wrong), (f"never tried: {', '.join(never)}", never),
                             (f"{second_web.name} was not seen open before the swap and blocked after it", not_seen),
                             ("the counters do not balance", not balanced)):
        if present:
            say(f"  {problem}")
    return not wrong and not never and not not_seen and balanced


def lab(action, name):
    done = subprocess.run([str(ROOT / "scripts" / "lab"), action], env={**os.environ, "LAB": name}, text=True,
                          capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"scripts/lab {action}: {done.stderr.strip()}")


def config_of_build(config, folder):
    """The configuration, with objects of build/ taken from where the build is."""
    if BUILD == ROOT / "build":
        return config
    copy = pathlib.Path(folder) / config.name
    copy.write_text(config.read_text().replace("../build/", f"{BUILD}/"))
    return copy


def run(arguments, folder):
    lab_traffic = traffic.Traffic(f"{arguments.lab}-client", f"{arguments.lab}-server", folder)
    appliance = Appliance(f"{arguments.lab}-box", config_of_build(arguments.config, folder), arguments.run_dir, os.path.join(folder, "weir.log"))
    deadline = None
    good = False
    try:
        lab("up", arguments.lab)
        say(f"lab: namespaces {arguments.lab}-client, {arguments.lab}-box (Weir, a wire without addresses), {arguments.lab}-server")
        lab_traffic.start()
        say(f"weir: running {os.path.relpath(arguments.config, ROOT)}, ready after {appliance.start():.1f} s")
        deadline = time.monotonic() + arguments.seconds if arguments.seconds else None
        drive(lab_traffic, appliance, deadline)
        good = summary(lab_traffic, appliance, whole=True)
    except Stop:
        say("\nstopping")
        good = summary(lab_traffic, appliance, whole=False) if appliance.process else False
    finally:
        for wait in (signal.SIGINT, signal.SIGTERM):
            signal.signal(wait, signal.SIG_IGN)  # the clean-up is short and must be whole
        lab_traffic.stop()
        status = appliance.stop()
        lab("down", arguments.lab)
        if status:
            say(f"weir ended with status {status}:\n{appliance.tail()}")
    return good and status == 0


def interrupted(_signal, _frame):
    raise Stop


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0, metavar="N", help="end after about N seconds (default: on Ctrl-C)")
    parser.add_argument("--config", type=pathlib.Path, default=ROOT / "configs" / "quickstart.yaml")
    parser.add_argument("--lab", default="weir", help="prefix of the namespaces (default: weir)")
    parser.add_argument("--run-dir", default="/run/weir-quickstart")
    arguments = parser.parse_args()
    arguments.config = arguments.config.resolve()
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="weir-quickstart-") as folder:
            os.chmod(folder, 0o755)
            good = run(arguments, folder)
    except RuntimeError as error:
        sys.stderr.write(f"run: {error}\n")
        return 2
    say(f"\n{'PASSED' if good else 'FAILED'} after {time.monotonic() - began:.0f} s; namespaces and processes are gone")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
