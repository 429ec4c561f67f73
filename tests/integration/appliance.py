"""A dataplane and a control plane without `weir run`, each to be killed and started alone, over a capture of many flows."""
import json
import pathlib
import shutil
import signal
import struct
import subprocess
import tempfile
import time

import devices
import node

FLOWS = node.BUILD / "tests" / "integration" / "flows.bpf.o"


def write_capture(path, flows):
    """One UDP packet of each flow."""
    packets = []
    for flow in range(flows):
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 46, flow & 0xFFFF, 0, 64, 17, 0,
                         bytes([10, flow >> 16, flow >> 8 & 255, flow & 255]), bytes([192, 0, 2, 1]))
        packets.append(bytes(12) + b"\x08\x00" + ip + struct.pack("!HHHH", 1024 + flow, 53, 26, 0) + bytes(18))
    devices.write_pcap(path, packets)


class Appliance:
    """Dataplane and control plane, each to be killed alone."""

    def __init__(self, config):
        """`config`: the text for a folder that has flows.pcap."""
        memory = pathlib.Path("/dev/shm")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-persist-", dir=memory if memory.is_dir() else None))
        self.run_dir = self.folder / "run"
        self.config = self.folder / "weir.yaml"
        write_capture(self.folder / "flows.pcap", 2000)
        self.write(config(self.folder))
        self.dataplane = self.controlplane = None

    def write(self, text):
        self.config.write_text(text)

    def start_dataplane(self, *options):
        with open(self.folder / "dataplane.log", "a", encoding="utf-8") as log:
            self.dataplane = subprocess.Popen([node.DATAPLANE, "--run-dir", self.run_dir, *options], stdout=log, stderr=log)

    def start_controlplane(self):
        with open(self.folder / "controlplane.log", "a", encoding="utf-8") as log:
            self.controlplane = subprocess.Popen(
                [node.CONTROLPLANE, "--run-dir", self.run_dir, "--config", self.config], stdout=log, stderr=log)

    def replay(self):
        self.start_dataplane("--replay", self.run_dir / "confirmed.replay")
        self.wait_ready()

    def kill_dataplane(self):
        self.dataplane.send_signal(signal.SIGKILL)
        self.dataplane.wait()

    def weir(self, *arguments):
        return node.sh(node.WEIR, *arguments, "--run-dir", self.run_dir)

    def json(self, *arguments):
        done = self.weir(*arguments, "-j")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def wait_ready(self):
        deadline = time.monotonic() + 2 * node.READY_SECONDS
        while not (self.json("status") or {}).get("ready"):
            if self.dataplane.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"not ready, dataplane's status {self.dataplane.poll()}:\n{self.logs()}")
            time.sleep(0.05)

    def logs(self):
        return "".join((self.folder / name).read_text() for name in ("dataplane.log", "controlplane.log")
                       if (self.folder / name).exists())

    def show(self, name):
        return self.json("map", "show", name)

    def elements(self, name):
        """Key -> values of all cpus, as bytes."""
        found = {}
        for element in self.json("map", "dump", name):
            found[bytes.fromhex(element["key_hex"])] = bytes.fromhex(element["value_hex"])
        return found

    def __enter__(self):
        self.start_dataplane()
        self.start_controlplane()
        self.wait_ready()
        return self

    def __exit__(self, *_):
        for process in (self.controlplane, self.dataplane):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
