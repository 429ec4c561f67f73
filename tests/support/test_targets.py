#!/usr/bin/env python3
"""From `meson introspect --tests --targets` on stdin: the files that the named tests need."""
import json
import os
import sys

build = json.load(sys.stdin)
files = {target["id"]: target["filename"] for target in build["targets"]}
root = os.path.commonpath([name for names in files.values() for name in names])
wanted = set()
for test in build["tests"]:
    if test["name"] in sys.argv[1:]:
        for target in test["depends"]:
            wanted.update(os.path.relpath(name, root) for name in files[target])
print("\n".join(sorted(wanted)))
