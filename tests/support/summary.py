#!/usr/bin/env python3
"""Counts test cases in JUnit files that `meson test` wrote, lists failures and skips, and closes with one plain line.

Exit 1 if anything failed, if a file is missing, or if no test ran at all.
"""
import sys
import xml.etree.ElementTree as ElementTree


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if case.find("skipped") is not None or case.get("result") == "skipped":
        return "skipped"
    return "passed"


def main(paths):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for path in paths:
        try:
            root = ElementTree.parse(path).getroot()
        except (OSError, ElementTree.ParseError) as error:
            print(f"no results in {path}: {error}")
            counts["failed"] += 1
            continue
        for suite in root.iter("testsuite"):
            for case in suite.iter("testcase"):
                result = outcome(case)
                counts[result] += 1
                if result != "passed":
                    print(f"{result}: {suite.get('name')}: {case.get('classname', '')} {case.get('name')}")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


sys.exit(main(sys.argv[1:]))
