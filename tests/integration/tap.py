"""Runs a module's unittest cases and speaks TAP, so that the test runner counts each of them."""
import sys
import unittest


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.count = 0

    def line(self, test, good, remark=""):
        self.count += 1
        name = test.id().replace("__main__.", "").replace("#", "")
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}{remark}", flush=True)

    def trouble(self, test, error):
        text = self._exc_info_to_string(error, test)
        for row in text.splitlines():
            print(f"# {row}")
            print(row, file=sys.stderr)  # what the test runner shows of a failure
        self.line(test, False)

    def addSuccess(self, test):
        self.line(test, True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.trouble(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.trouble(test, err)

    def addSkip(self, test, reason):
        self.line(test, True, f" # SKIP {reason}")

    def addSubTest(self, test, subtest, err):
        if err is not None:
            super().addSubTest(test, subtest, err)
            self.trouble(subtest, err)


def main():
    """Cases named on the command line, or all."""
    module = sys.modules["__main__"]
    if len(sys.argv) > 1:
        suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:], module)
    else:
        suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    result = TapResult()
    suite.run(result)
    print(f"1..{result.count}")
    sys.exit(0 if result.wasSuccessful() else 1)
