#!/usr/bin/env python3
"""No C++ file over 500 lines, no function over 50 (Universal Ctags finds where functions end), READMEs within a page."""
import json
import shutil
import subprocess
import sys

import tree

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 50
README_LINES_MAX = 60


def long_functions(paths):
    """(functions seen, problems)."""
    tags = subprocess.run(
        ["ctags", "--output-format=json", "--fields=+ne", "--kinds-C++=f", "--language-force=C++", "-L", "-", "-f", "-"],
        input="\n".join(paths), capture_output=True, text=True, check=True, cwd=tree.ROOT).stdout
    seen, problems = 0, []
    for line in tags.splitlines():
        tag = json.loads(line)
        if tag.get("_type") != "tag" or "end" not in tag:
            continue
        seen += 1
        lines = tag["end"] - tag["line"] + 1
        if lines > FUNCTION_LINES_MAX:
            problems.append(f"{tag['path']}:{tag['line']}: function {tag['name']} has {lines} lines, at most {FUNCTION_LINES_MAX}")
    return seen, problems


def main():
    problems = []
    sources = tree.files(".h", ".cc")
    for path in sources:
        lines = tree.text(path).count("\n")
        if lines > FILE_LINES_MAX:
            problems.append(f"{path}: {lines} lines, at most {FILE_LINES_MAX}")
    for path in tree.files(".md"):
        lines = tree.text(path).count("\n")
        if path.name == "README.md" and len(path.parts) > 1 and lines > README_LINES_MAX:
            problems.append(f"{path}: {lines} lines, a folder's README has at most {README_LINES_MAX}")
    if shutil.which("ctags") is None:
        problems.append("ctags is missing: apt-get install universal-ctags")
    else:
        seen, long = long_functions([str(path) for path in sources])
        problems += long
        if seen == 0:
            problems.append("ctags found no function: this test looks in the wrong place")
    return tree.report(f"sizes: {len(sources)} files", problems)


sys.exit(main())
