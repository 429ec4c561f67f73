#!/usr/bin/env python3
"""Every C++ file stands as clang-format 19 leaves it. `tests/tidy/format.py --fix` rewrites what does not."""
import subprocess
import sys

import tree


def main():
    paths = [str(path) for path in tree.files(".h", ".cc") if "corpus" not in path.parts]
    if "--fix" in sys.argv:
        return subprocess.run(["clang-format-19", "-i", *paths], cwd=tree.ROOT).returncode
    done = subprocess.run(["clang-format-19", "--dry-run", "-Werror", *paths], cwd=tree.ROOT, capture_output=True, text=True)
    problems = sorted({line.split(":")[0] for line in done.stderr.splitlines() if ": error:" in line})
    if done.returncode and not problems:
        problems = [done.stderr[:1500]]
    return tree.report(f"format: {len(paths)} files", problems)


sys.exit(main())
