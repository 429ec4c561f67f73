#!/usr/bin/env python3
"""From `meson introspect --tests --targets` on stdin: the files that the named tests need. A name that no test has is an error."""
import json
import os
import sys

build = json.load(sys.stdin)
files = {target["id"]: target["filename"] for target in build["targets"]}
root = os.path.commonpath([name for names in files.values() for name in names])
unknown = set(sys.argv[1:]) - {test["name"] for test in build["tests"]}
if unknown:
    sys.exit(f"test_targets: no test has the name {', '.join(sorted(unknown))}")
wanted = set()
for test in build["tests"]:
    if test["name"] in sys.argv[1:]:
        for target in test["depends"]:
            wanted.update(os.path.relpath(name, root) for name in files[target])
print("\n".join(sorted(wanted)))
