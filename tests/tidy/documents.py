#!/usr/bin/env python3
"""Paths that documents name exist, every folder has its README, and no file carries a path of somebody's machine."""
import re
import sys

import tree

CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.*-]+)+/?$|^[A-Za-z0-9_-]+\.(md|cc|h|def|py|sh|yaml|json)$")
TOP_LEVEL = {path.parts[0] for path in tree.files()}
FILE_NAMES = {path.name for path in tree.files()}
MADE_BY_THE_BUILD = ("build/", "build-asan/", "build-tsan/")
FOREIGN_PATH = re.compile(r"(?<![\w.])/(work|home|Users)/\w+")
NEEDS_README = ["vm/base", "vm/isa", "vm/program", "vm/helpers", "vm/elf", "vm/cbpf", "vm/verifier", "vm/interp", "maps",
                "jit", "dataplane", "dataplane/api", "dataplane/bpf", "controlplane", "configs", "scripts", "tests", "perf"]


def missing_paths(document):
    for word in CODE.findall(tree.text(document)):
        word = word.rstrip("/")
        if not PATH.match(word) or word.startswith(MADE_BY_THE_BUILD) or "*" in word:
            continue
        if "/" in word and word.split("/")[0] not in TOP_LEVEL:
            continue  # a path elsewhere: the kernel's, DPDK's
        if "/" not in word and word in FILE_NAMES:
            continue
        if not (tree.ROOT / word).exists() and not (tree.ROOT / document.parent / word).exists():
            yield f"{document}: names `{word}`, which does not exist"


def main():
    problems, documents = [], tree.files(".md")
    for document in documents:
        problems += missing_paths(document)
    for folder in NEEDS_README:
        if not (tree.ROOT / folder / "README.md").exists():
            problems.append(f"{folder}: has no README.md")
    for path in tree.files():
        if path.suffix in {".pcap", ".o", ".bin"} or path.parts[:2] == ("tests", "tidy"):
            continue
        found = FOREIGN_PATH.search(tree.text(path))
        if found:
            problems.append(f"{path}: carries a path of somebody's machine: {found.group(0)}")
    return tree.report(f"documents: {len(documents)} read", problems)


sys.exit(main())
