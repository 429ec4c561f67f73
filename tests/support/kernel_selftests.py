#!/usr/bin/env python3
"""Compiles the kernel selftests' verifier_*.c that have XDP or socket programs, out of Debian's package with the kernel's source.

usage: kernel_selftests.py VMLINUX_HEADER FOLDER
VMLINUX_HEADER is the program that prints the kernel's types. FOLDER gets NAME.o of each file and is left alone where it has them already.
Exit 0; 77 where something is missing, with what on stdout, the thing to install first; 1 with the reason where a step fails.
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PACKAGE = "linux-source-6.12"
ARCHIVE = pathlib.Path(f"/usr/src/{PACKAGE}.tar.xz")
KERNEL_TYPES = pathlib.Path("/sys/kernel/btf/vmlinux")
CLANG = "clang-19"
SELFTESTS = "tools/testing/selftests/bpf"
# tar's * stands for any text, slashes too.
MEMBERS = [f"{SELFTESTS}/*.h", f"{SELFTESTS}/progs/verifier_*.c", "tools/include/*", "tools/lib/bpf/*.h", "scripts/bpf_doc.py"]
# The selftests declare the other kernel functions themselves, some of them otherwise than a later kernel has them.
PROTOTYPES = ["bpf_iter_num_new", "bpf_iter_num_next", "bpf_iter_num_destroy"]
OUR_TYPES = re.compile(r'^SEC\("\??(xdp|socket)', re.MULTILINE)
MISSING = 77


def missing():
    if not ARCHIVE.exists():
        return f"{PACKAGE}: {ARCHIVE} is not there"
    if shutil.which(CLANG) is None:
        return f"{CLANG}: not installed"
    if not KERNEL_TYPES.exists():
        return f"{KERNEL_TYPES}: this kernel does not show its types"
    return None


def version_of_all():
    """What the objects were made from: they are made anew where any of it is another."""
    archive = ARCHIVE.stat()
    return "\n".join([pathlib.Path(__file__).read_text(encoding="utf-8"), os.uname().release, f"{archive.st_size} {archive.st_mtime_ns}"])


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command[:4]))} …: exit {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def extract(folder):
    """The root of the source's part that programs need, with <bpf/…> and vmlinux.h in include."""
    run(["tar", "-C", folder, "--strip-components=1", "-xf", ARCHIVE, "--wildcards", *[f"{PACKAGE}/{member}" for member in MEMBERS]])
    headers = folder / "include" / "bpf"
    headers.mkdir(parents=True)
    for header in (folder / "tools/lib/bpf").glob("*.h"):
        shutil.copy(header, headers)
    helpers = run([sys.executable, folder / "scripts/bpf_doc.py", "--header", "--filename", folder / "tools/include/uapi/linux/bpf.h"])
    (headers / "bpf_helper_defs.h").write_text(helpers, encoding="utf-8")


def compile_one(root, source, target):
    run([CLANG, "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-std=gnu11", "-w", "-D__TARGET_ARCH_x86",
         "-I", root / "include", "-I", root / SELFTESTS, "-I", root / "tools/include/uapi", "-I", root / "tools/include",
         "-idirafter", f"/usr/include/{os.uname().machine}-linux-gnu", "-c", source, "-o", target])


def build(vmlinux_header, folder):
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        extract(root)
        (root / "include/vmlinux.h").write_text(run([vmlinux_header, *PROTOTYPES]), encoding="utf-8")
        sources = [path for path in sorted((root / SELFTESTS / "progs").glob("verifier_*.c"))
                   if OUR_TYPES.search(path.read_text(encoding="utf-8"))]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            jobs = [pool.submit(compile_one, root, source, folder / (source.stem + ".o")) for source in sources]
        for job in jobs:
            job.result()


def main():
    vmlinux_header, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    if reason := missing():
        print(reason)
        return MISSING
    made_from, version = folder / "made_from", version_of_all()
    if made_from.exists() and made_from.read_text(encoding="utf-8") == version:
        return 0
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    build(vmlinux_header, folder)
    made_from.write_text(version, encoding="utf-8")
    return 0


sys.exit(main())
