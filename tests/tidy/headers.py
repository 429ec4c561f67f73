#!/usr/bin/env python3
"""Every header compiles alone: as the first include of the source file of its name, which the build compiles, or else here."""
import concurrent.futures
import os
import re
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


def without_source(headers):
    """The headers that no source file has the name of, and what is wrong with the source files of the others."""
    alone, problems = [], []
    for header in headers:
        source = tree.ROOT / header.with_suffix(".cc")
        if not source.exists():
            alone.append(header)
            continue
        first = re.search(r'^#include [<"](.*)[>"]', source.read_text(), re.MULTILINE)
        if not first or first.group(1) != str(header):
            problems.append(f"{header.with_suffix('.cc')}: its first include must be its own header, '{header}'")
    return alone, problems


def main():
    headers, extra = tree.files(".h"), flags()
    headers = [path for path in headers if "corpus" not in path.parts]
    alone, misplaced = without_source(headers)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = [problem for problem in pool.map(lambda header: compile_alone(header, extra), alone) if problem]
    problems += misplaced
    if not headers:
        problems.append("no header was found: this test looks in the wrong place")
    return tree.report(f"headers: {len(headers)}", problems)


sys.exit(main())
