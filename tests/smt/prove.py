#!/usr/bin/env python3
"""Proves the lemmas of the number domain: the very code of vm/verifier, compiled by clang to LLVM's IR, turned into
bit-vector formulas and given to z3. A lemma holds when z3 finds no numbers that make its function false.

prove.py [--all] [--only REGEX] [--cpu SECONDS] [--results FILE] [--work DIR] FILE...

A FILE.cc defines lemmas (WEIR_LEMMA). A FILE.txt holds controls: changes to the domain, each with a lemma that it makes
false; z3 must find the numbers, and the lemma, compiled and run with them, must return false. slow.txt names lemmas that
are left to --all, or to WEIR_SMT=all, and open ones, which only --only tries. Exit status 1 if a lemma is refuted, not proven within its CPU seconds or cannot be
read, or if a control is not refuted; 77 if clang++-19 or z3 is not installed.
"""
import argparse
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile

import controls
import encode
import ir

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CLANG = "clang++-19"
# All calls inlined and all small loops unrolled, so that each lemma becomes one function without memory. -fwrapv:
# nothing may rest on an overflow that does not happen.
FLAGS = ["-std=c++23", "-fwrapv", "-O2", "-fno-vectorize", "-fno-slp-vectorize", "-S", "-emit-llvm"]
for threshold in ("inline-threshold", "inline-cold-callsite-threshold"):
    FLAGS += ["-mllvm", f"-{threshold}=1000000"]
# What z3 does by itself with bit-vectors takes up to a hundred times longer.
SOLVE = "(check-sat-using (then simplify propagate-values solve-eqs simplify bit-blast sat))\n(get-model)\n"


def compile_with(flags, source, target, before=()):
    """Folders in `before` are searched for headers before the tree."""
    folders = [word for folder in (*before, ROOT) for word in ("-I", str(folder))]
    subprocess.run([CLANG, *flags, *folders, "-o", str(target), str(source)], check=True)


def lemmas(source, work, before=()):
    """(name, formula or None, why there is none)"""
    module = work / (source.stem + ".ll")
    compile_with(FLAGS, source, module, before)
    for name, function in ir.read_module(module.read_text(), "lemma_"):
        name = name.removeprefix("lemma_")
        if isinstance(function, str):
            yield name, None, function
            continue
        try:
            yield name, encode.Encoder(function, name.startswith("facts_")).question(), ""
        except ir.Unsupported as reason:
            yield name, None, str(reason)


def run_z3(path, cpu_seconds):
    """(what it prints, CPU seconds)"""

    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))

    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(["z3", str(path)], capture_output=True, text=True, preexec_fn=limit)
    return done.stdout, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def solve(formula, path, cpu_seconds):
    """(sat, unsat or unknown; CPU seconds; the numbers that refute it, by name)"""
    path.write_text(f"(set-logic QF_BV)\n{formula}\n{SOLVE}")
    printed, seconds = run_z3(path, cpu_seconds)
    answer, _, model = printed.partition("\n")
    values = re.findall(r"define-fun (any\d+) \(\) \S.*?\n?\s*(#x\w+|#b\w+)\)", model)
    numbers = {name: int(value[2:], 16 if value[1] == "x" else 2) for name, value in values}
    return (answer if answer in ("sat", "unsat") else "unknown"), seconds, numbers


def text_of(numbers):
    return " ".join(f"{name}={number:#x}" for name, number in sorted(numbers.items(), key=lambda pair: int(pair[0][3:])))


class Tally:
    def __init__(self, results):
        self.results, self.count, self.failed, self.left_out = results, 0, 0, 0

    def add(self, verdict, name, seconds, note):
        line = f"{verdict:11} {name:32} {seconds:7.1f} s  {note}".rstrip()
        print(line, flush=True)
        if self.results:
            with self.results.open("a") as results:
                results.write(line + "\n")
        self.count += 1
        self.failed += verdict.isupper()


def prove_facts(tally, options):
    printed, seconds = run_z3(HERE / "facts.smt2", options.cpu)
    answers = [line for line in printed.splitlines() if line in ("sat", "unsat", "unknown") or "error" in line]
    proven = bool(answers) and all(answer == "unsat" for answer in answers)
    tally.add("proven" if proven else "NOT PROVEN", "facts.smt2", seconds, f"{len(answers)} facts")


def lemmas_put_off():
    """Name -> seconds that it took, or "open"."""
    lines = [line.split() for line in (HERE / "slow.txt").read_text().splitlines() if line and not line.startswith("#")]
    return {name: seconds for name, seconds in lines}


def prove_file(source, work, tally, options):
    put_off = lemmas_put_off()
    for name, formula, reason in lemmas(source, work):
        if not re.search(options.only, name):
            continue
        if name in put_off and not options.only and (put_off[name] == "open" or not options.all):
            tally.left_out += 1
            continue
        if formula is None:
            tally.add("NOT READ", name, 0, reason)
            continue
        answer, seconds, numbers = solve(formula, work / f"{name}.smt2", options.cpu)
        verdict = {"unsat": "proven", "sat": "REFUTED"}.get(answer, "NOT PROVEN")
        tally.add(verdict, name, seconds, text_of(numbers) if answer == "sat" else "")


def refute(control, work, cpu_seconds):
    """(verdict, CPU seconds, note)"""
    mutated = control.write(ROOT, work)
    source = control.source_of_one_lemma(work)
    found = list(lemmas(source, work, [mutated]))
    if len(found) != 1 or found[0][1] is None:
        return "NOT READ", 0, found[0][2] if found else "no such lemma"
    answer, seconds, numbers = solve(found[0][1], work / "control.smt2", cpu_seconds)
    if answer != "sat":
        return "NOT REFUTED", seconds, answer
    program = work / "control"
    compile_with(["-std=c++23", "-fwrapv", "-O1"], control.source_that_runs(work), program, [mutated])
    returned = subprocess.run([str(program), *controls.in_order(numbers)]).returncode
    # the program's exit status: 0 where the lemma returns false
    return ("refuted" if returned == 0 else "NOT REFUTED"), seconds, text_of(numbers)


def refute_file(table, work, tally, options):
    for control in controls.read(table):
        if re.search(options.only, control.lemma):
            verdict, seconds, note = refute(control, work, options.cpu)
            tally.add(verdict, control.lemma, seconds, f"{control.title}: {note}")


def parse_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--all", action="store_true", default=os.environ.get("WEIR_SMT") == "all", help="the slow ones too")
    parser.add_argument("--only", default="", help="lemmas whose names this expression finds")
    parser.add_argument("--cpu", type=int, default=600, help="CPU seconds that a lemma may take")
    parser.add_argument("--results", type=pathlib.Path, help="append a line per lemma here")
    parser.add_argument("--work", type=pathlib.Path, help="keep IR and formulas here")
    return parser.parse_args()


def main():
    options = parse_options()
    missing = [tool for tool in (CLANG, "z3") if shutil.which(tool) is None]
    if missing:
        print(f"skipped: {' and '.join(missing)} not installed")
        return 77
    tally = Tally(options.results)
    with tempfile.TemporaryDirectory() as folder:
        work = options.work or pathlib.Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        for source in options.files:
            if source.suffix == ".txt":
                refute_file(source, work, tally, options)
                continue
            if "WEIR_LEMMA_WITH_FACTS" in source.read_text() and re.search(options.only, "facts"):
                prove_facts(tally, options)
            prove_file(source, work, tally, options)
    print(f"{tally.count} lemmas and controls, {tally.failed} failed, {tally.left_out} slow or open lemmas left out")
    return 1 if tally.failed or tally.count == 0 else 0


sys.exit(main())
