"""The files of this checkout: what git tracks, or what lies in the tree where there is no git."""
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED_FOLDERS = {"build", "build-asan", "build-tsan", ".git", "__pycache__"}


def files(*suffixes):
    """Relative paths with one of the suffixes, sorted."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"],
        capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        paths = [pathlib.Path(line) for line in listed.stdout.splitlines()]
    else:
        paths = [path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file()]
    return sorted(path for path in paths
                  if (not suffixes or path.suffix in suffixes) and (ROOT / path).is_file()
                  and not SKIPPED_FOLDERS.intersection(path.parts) and not path.parts[0].startswith("build-"))


def text(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def report(what, problems):
    """Prints every problem and gives the exit status."""
    for problem in problems:
        print(problem)
    print(f"{what}: {len(problems)} problems")
    return 1 if problems else 0
