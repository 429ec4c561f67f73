"""Controls: changes to the domain that make a lemma false. Blocks of controls.txt, as README.md says."""
import pathlib
import sys
from dataclasses import dataclass

RUNS = """
#include <cstdlib>

namespace {
int next = 1;
char** numbers;
int number_count;
}  // namespace

extern "C" uint64_t any_u64() {
    return next < number_count ? strtoull(numbers[next++], nullptr, 10) : 0;
}

int main(int count, char** arguments) {
    numbers = arguments, number_count = count;
    return lemma_%s() ? 1 : 0;
}
"""


@dataclass
class Control:
    title: str
    file: str  # of the domain
    lemmas: str  # the file of the lemma
    lemma: str
    old: str
    new: str

    def write(self, root, work):
        """Writes the changed header and gives the folder to search before the tree."""
        original = (root / self.file).read_text()
        if original.count(self.old) != 1:
            sys.exit(f"control '{self.title}': its old text stands {original.count(self.old)} times in {self.file}, expected once")
        target = work / "mutated" / self.file
        for stale in (work / "mutated").rglob("*.h"):
            stale.unlink()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(original.replace(self.old, self.new))
        return work / "mutated"

    def source_of_one_lemma(self, work):
        """Its lemma alone: functions that are inline and not used cost the compiler little."""
        source = work / "one_lemma.cc"
        source.write_text(f'#define WEIR_LEMMA_LINKAGE inline\n#include "{self.lemmas}"\n'
                          f"auto* const volatile kept = &lemma_{self.lemma};\n")
        return source

    def source_that_runs(self, work):
        source = work / "one_run.cc"
        source.write_text(f'#define WEIR_LEMMA_LINKAGE inline\n#include "{self.lemmas}"\n{RUNS % self.lemma}')
        return source


def read(table):
    """Blocks of "=== title", "file:", "lemma: FILE NAME", "--- old" and "--- new"."""
    for block in pathlib.Path(table).read_text().removesuffix("\n").split("\n=== ")[1:]:
        title, file, lemma, rest = block.split("\n", 3)
        old, _, new = rest.removeprefix("--- old\n").partition("\n--- new\n")
        lemmas, name = lemma.removeprefix("lemma: ").split()
        yield Control(title, file.removeprefix("file: "), lemmas, name, old, new)


def in_order(numbers):
    """As any_u64() is to return them; what the model leaves out may be anything."""
    last = max((int(name[3:]) for name in numbers), default=0)
    return [str(numbers.get(f"any{place}", 0)) for place in range(1, last + 1)]
