#!/usr/bin/env python3
"""Includes point down the layers only, folders form no cycle, and foreign headers stay where they belong."""
import pathlib
import re
import sys

import tree

# Folder -> folders that it may include, beside itself. The longest prefix of a file's path decides.
ALLOWED = {
    "vm/base": [],
    "vm/isa": ["vm/base"],
    "vm/program": ["vm/base", "vm/isa"],
    "vm/helpers": ["vm/base", "vm/isa", "vm/program"],
    "vm/elf": ["vm/base", "vm/isa", "vm/program"],
    "vm/cbpf": ["vm/base", "vm/isa", "vm/program"],
    "vm/verifier": ["vm/base", "vm/isa", "vm/program"],
    "vm/interp": ["vm/base", "vm/isa", "vm/program"],
    "maps": ["vm"],
    "jit": ["vm", "maps"],
    "dataplane": ["vm", "maps", "jit", "dataplane/api", "dataplane/capture"],
    "dataplane/api": ["vm"],
    "dataplane/capture": ["vm", "maps", "jit", "dataplane/api"],
    "controlplane": ["vm", "dataplane/api"],
    "controlplane/cli": ["vm", "maps", "jit", "dataplane/api", "controlplane"],
    "tests": ["vm", "maps", "jit", "dataplane", "controlplane"],
    "perf": ["vm", "maps", "jit", "dataplane", "controlplane", "tests/support"],
}

# Headers that only some folders may see.
FOREIGN = [
    (re.compile(r"^rte_|^rte/|^ethdev_|^bus_"), ["dataplane", "perf", "tests/unit/dataplane", "tests/integration"], ["dataplane/api"]),
    (re.compile(r"^grpc"), ["controlplane/agent"], []),
    (re.compile(r"^yaml-cpp/"), ["controlplane"], []),
    (re.compile(r"^boost/beast"), ["controlplane"], []),
    (re.compile(r"^prometheus/"), ["controlplane"], []),
    (re.compile(r"^asmjit/"), ["jit", "tests/unit/jit"], []),
    (re.compile(r"^bpf/libbpf\.h"), ["vm/elf", "dataplane/xdp_guard.cc", "tests", "perf/micro"], []),
    (re.compile(r"^bpf/(btf|bpf)\.h"), ["vm/elf", "dataplane/xdp_guard.cc", "tests", "perf/micro"], []),
]

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)


def inside(path, folder):
    return path == folder or path.startswith(folder + "/")


def layer_of(path):
    fitting = [folder for folder in ALLOWED if inside(path, folder)]
    return max(fitting, key=len) if fitting else None


def foreign_problem(source, header):
    for pattern, allowed, forbidden in FOREIGN:
        if pattern.search(header):
            here = any(inside(source, folder) for folder in allowed)
            if not here or any(inside(source, folder) for folder in forbidden):
                return f"{source}: includes <{header}>, which belongs in {', '.join(allowed)} only"
    return None


def cycles(edges):
    """Folders that reach themselves, each cycle once."""
    found, done = [], set()

    def visit(node, path):
        if node in path:
            found.append(" -> ".join(path[path.index(node):] + [node]))
            return
        if node in done:
            return
        for following in sorted(edges.get(node, ())):
            visit(following, path + [node])
        done.add(node)

    for node in sorted(edges):
        visit(node, [])
    return found


def is_bpf(source):
    """C for the BPF target: it is compiled by itself, and includes what lies beside it."""
    return inside(source, "tests/support/corpus")


def main():
    problems, edges, seen = [], {}, 0
    for path in tree.files(".h", ".cc", ".def"):
        source = str(path)
        if is_bpf(source):
            continue
        layer = layer_of(source)
        if layer is None:
            problems.append(f"{source}: lies in no known layer")
            continue
        for kind, header in INCLUDE.findall(tree.text(path)):
            if kind == "<":
                problem = foreign_problem(source, header)
                if problem:
                    problems.append(problem)
                continue
            seen += 1
            target = layer_of(header)
            if target is None or not (tree.ROOT / header).exists():
                problems.append(f'{source}: includes "{header}", which is not a path from the root')
            elif target != layer and not any(inside(header, folder) for folder in ALLOWED[layer]):
                problems.append(f'{source}: {layer} may not include "{header}" ({target})')
            folder, other = str(path.parent), str(pathlib.Path(header).parent)
            if folder != other and not source.startswith(("tests/", "perf/")):
                edges.setdefault(folder, set()).add(other)
    problems += [f"cycle between folders: {cycle}" for cycle in cycles(edges)]
    if seen == 0:
        problems.append("no include was seen: this test looks in the wrong place")
    return tree.report(f"layers: {seen} includes", problems)


sys.exit(main())
