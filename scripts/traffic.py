"""Real kernel traffic for the quickstart: what a client tries, and whether the answer is the right one."""
import collections
import os
import re
import signal
import subprocess
import threading
import time

SERVER = "198.51.100.2"
SERVER_V6 = "2001:db8:51::2"
BLOCKED_CLIENT, BLOCKED_SERVER = "203.0.113.1", "203.0.113.2"
WEB_PORT, SECOND_WEB_PORT, BLOCKED_PORT, IPERF_PORT = 8080, 8081, 2323, 5201
DOWNLOAD_BYTES = 4 << 20


def inside(namespace, *command):
    return ["ip", "netns", "exec", namespace, *command]


class Check:
    """One thing that the client does again and again, with what must come of it."""

    def __init__(self, name, expect_pass, attempt):
        self.name, self.expect_pass, self.attempt = name, expect_pass, attempt
        self.passed = self.blocked = self.wrong = 0
        self.detail = ""

    def run(self):
        went_through, self.detail = self.attempt()
        if went_through:
            self.passed += 1
        else:
            self.blocked += 1
        right = went_through == self.expect_pass
        self.wrong += not right
        return right, went_through


class Traffic:
    """Servers in one namespace, a client in the other. stop() ends everything that start() began."""

    def __init__(self, client, server, folder):
        self.client, self.server, self.folder = client, server, folder
        self.servers = []
        self.running = set()
        self.lock = threading.Lock()
        self.stopping = False
        self.checks = [
            Check("ping", True, lambda: self.ping("-4", SERVER)),
            Check("ping IPv6", True, lambda: self.ping("-6", SERVER_V6)),
            Check(f"HTTP download, port {WEB_PORT}", True, lambda: self.download(WEB_PORT)),
            Check("iperf3", True, self.iperf),
            Check(f"HTTP, port {SECOND_WEB_PORT}", True, lambda: self.connect(SECOND_WEB_PORT)),
            Check(f"TCP port {BLOCKED_PORT}", False, lambda: self.connect(BLOCKED_PORT)),
            Check(f"ping from {BLOCKED_CLIENT}", False,
                  lambda: self.ping("-4", BLOCKED_SERVER, "-I", BLOCKED_CLIENT)),
            Check("port scan finds the blocked port", False, self.scan),
        ]

    def check(self, start):
        return next(check for check in self.checks if check.name.startswith(start))

    def start(self):
        with open(os.path.join(self.folder, "download.bin"), "wb") as file:
            file.write(os.urandom(DOWNLOAD_BYTES))
        for port in (WEB_PORT, SECOND_WEB_PORT, BLOCKED_PORT):
            self.serve("python3", "-m", "http.server", str(port), "--bind", "::", "--directory", self.folder)
        self.serve("iperf3", "--server", "--port", str(IPERF_PORT))
        self.wait_for_servers()

    def serve(self, *command):
        self.servers.append(subprocess.Popen(
            inside(self.server, *command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True))

    def wait_for_servers(self):
        """Asked inside the server's own namespace, so that no packet crosses the wire yet."""
        for port in (WEB_PORT, SECOND_WEB_PORT, BLOCKED_PORT, IPERF_PORT):
            deadline = time.monotonic() + 10
            while f":{port} " not in subprocess.run(
                    inside(self.server, "ss", "-Hltn"), capture_output=True, text=True).stdout:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"nothing listens on port {port} in {self.server} after 10 s")
                time.sleep(0.05)

    def stop(self):
        with self.lock:
            self.stopping = True
            processes = list(self.running) + self.servers
            self.servers = []
        for process in processes:
            try:
                os.killpg(process.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        for process in processes:
            try:
                process.wait(timeout=3)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def run_client(self, *command, seconds):
        """Exit status and output; a command that outlives `seconds` counts as failed."""
        with self.lock:
            if self.stopping:
                return 1, ""
            process = subprocess.Popen(inside(self.client, *command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       text=True, start_new_session=True)
            self.running.add(process)
        try:
            output, _ = process.communicate(timeout=seconds)
            return process.returncode, output
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return 1, "timed out"
        finally:
            with self.lock:
                self.running.discard(process)

    def ping(self, family, address, *more):
        status, output = self.run_client("ping", family, "-c", "3", "-i", "0.2", "-W", "1", *more, address, seconds=6)
        times = re.search(r"= [\d.]+/([\d.]+)/", output)
        return status == 0, f"{times.group(1)} ms" if times else "no answer"

    def download(self, port):
        status, output = self.run_client(
            "curl", "--silent", "--show-error", "--max-time", "8", "--output", "/dev/null", "--write-out",
            "%{size_download} %{speed_download}", f"http://{SERVER}:{port}/download.bin", seconds=10)
        words = output.split()
        whole = status == 0 and words[:1] == [str(DOWNLOAD_BYTES)]
        return whole, f"{float(words[1]) / 1e6:.0f} MB/s" if whole else "failed"

    def connect(self, port):
        status, _ = self.run_client("curl", "--silent", "--connect-timeout", "1", "--max-time", "3", "--head", "--output",
                                    "/dev/null", f"http://{SERVER}:{port}/", seconds=5)
        return status == 0, "connected" if status == 0 else "no connection"

    def iperf(self):
        status, output = self.run_client("iperf3", "--client", SERVER, "--port", str(IPERF_PORT), "--time", "1", "--format", "m",
                                         "--connect-timeout", "2000", seconds=8)
        rates = collections.deque(re.findall(r"([\d.]+) Mbits/sec.*receiver", output), maxlen=1)
        moved = status == 0 and bool(rates) and float(rates[0]) > 0
        return moved, f"{rates[0]} Mbit/s" if moved else "nothing moved"

    def scan(self):
        status, output = self.run_client("nmap", "-n", "-Pn", "-sT", "--max-retries", "1", "--host-timeout", "8s", "-p",
                                         f"{BLOCKED_PORT - 3}-{BLOCKED_PORT + 3},{WEB_PORT}", SERVER, seconds=12)
        found = status == 0 and re.search(rf"^{BLOCKED_PORT}/tcp\s+open", output, re.M) is not None
        open_ports = re.findall(r"^(\d+)/tcp\s+open", output, re.M)
        return found, f"open: {', '.join(open_ports) or 'none'}"
