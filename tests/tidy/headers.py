#!/usr/bin/env python3
"""Every header compiles alone."""
import concurrent.futures
import os
import subprocess
import sys

import tree

PACKAGES = ["libdpdk", "fmt", "spdlog", "libelf", "libbpf", "yaml-cpp", "libpcap"]


def flags():
    words = subprocess.run(["pkg-config", "--cflags", *PACKAGES], capture_output=True, text=True, check=True).stdout.split()
    # Foreign headers are not ours to warn about.
    return [word.replace("-I", "-isystem", 1) if word.startswith("-I") else word for word in words]


def compile_alone(header, extra):
    done = subprocess.run(
        ["g++", "-std=c++23", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror", "-fsyntax-only", "-I.",
         *extra, "-x", "c++", "-include", str(header), "/dev/null"],
        capture_output=True, text=True, cwd=tree.ROOT)
    return None if done.returncode == 0 else f"{header}: does not compile alone\n{done.stderr[:1500]}"


def main():
    headers, extra = tree.files(".h"), flags()
    headers = [path for path in headers if "corpus" not in path.parts]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = [problem for problem in pool.map(lambda header: compile_alone(header, extra), headers) if problem]
    if not headers:
        problems.append("no header was found: this test looks in the wrong place")
    return tree.report(f"headers: {len(headers)}", problems)


sys.exit(main())
