// The kernel selftests' programs for the verifier (Debian's linux-source package, compiled when
// this runs): our verdict against what each test expects and against the live kernel's. Every
// difference stands in selftests_differences.txt with its reason.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/utsname.h>

#include <algorithm>
#include <memory>

#include "tests/differential/selftests_differences.h"
#include "tests/differential/selftests_programs.h"
#include "tests/differential/selftests_verdicts.h"
#include "tests/support/kernel_runner.h"

namespace weir::tests {
namespace {

constexpr size_t kProgramsAtLeast = 600;
constexpr double kAcceptedAtLeast = 0.92;  ///< of what succeeds and takes only what we have

struct Outcome {
    Selftest test;
    SelftestVerdict ours, kernel;

    bool differs() const {
        return ours.accepted != test.succeeds || ours.accepted != kernel.accepted;
    }
    std::string explained() const {
        return fmt::format("{}: ours: {}; kernel: {}", test.name(), ours.reason, kernel.reason);
    }
};

class KernelSelftests : public testing::Test {
protected:
    /// Once for all tests: it takes most of the time.
    static void SetUpTestSuite() {
        if (const auto missing = kernel_missing()) {
            lacking = *missing;
            return;
        }
        const auto tests = kernel_selftests();
        if (!tests && tests.error().kind == ErrorKind::kResource) {
            lacking = tests.error().message;
            return;
        }
        ASSERT_TRUE(tests) << tests.error().message;
        auto ours = our_verdicts(*tests);
        for (const Selftest& test : *tests) {
            const auto kernel = kernel_verdict_of(test, Loader::kRoot);
            ASSERT_TRUE(kernel) << test.name() << ": " << kernel.error().message;
            outcomes.push_back({test, ours[test.name()], *kernel});
        }
        auto kept = read_differences(WEIR_SELFTESTS_DIFFERENCES);
        ASSERT_TRUE(kept) << kept.error().message;
        list = std::move(*kept);
    }

    void SetUp() override {
        if (!lacking.empty()) GTEST_SKIP() << lacking;
        ASSERT_GE(outcomes.size(), kProgramsAtLeast);
        ASSERT_FALSE(list.kernel.empty());
    }

    /// Of another kernel than the list's only the expectation counts.
    static bool is_kernel_of_list() {
        utsname name{};
        uname(&name);
        return std::string_view(name.release).starts_with(list.kernel + ".");
    }

    static const Difference* listed(const Outcome& outcome) {
        const auto entry = list.entries.find(outcome.test.name());
        return entry == list.entries.end() ? nullptr : &entry->second;
    }

    /// What the list must say of a program, but for the reason.
    static Difference found(const Outcome& outcome) {
        return {.ours = outcome.ours.accepted,
                .expected = outcome.test.succeeds,
                .kernel = outcome.kernel.accepted};
    }

    static inline std::string lacking;
    static inline std::vector<Outcome> outcomes;
    static inline DifferenceList list;
};

TEST_F(KernelSelftests, DifferOnlyWhereTheListSaysWhy) {
    for (const Outcome& outcome : outcomes) {
        if (!is_kernel_of_list() && outcome.ours.accepted == outcome.test.succeeds) continue;
        if (!outcome.differs()) continue;
        const Difference* const entry = listed(outcome);
        const std::string line = to_line(outcome.test.name(), found(outcome));
        EXPECT_TRUE(entry) << "not in the list: " << line << "\n  " << outcome.explained();
        if (entry && is_kernel_of_list()) {
            EXPECT_EQ(to_line(outcome.test.name(), *entry), line) << outcome.explained();
        }
    }
}

TEST_F(KernelSelftests, ListNothingThatNoLongerDiffers) {
    for (const auto& [name, entry] : list.entries) {
        const auto outcome =
            std::ranges::find(outcomes, name, [](const Outcome& any) { return any.test.name(); });
        ASSERT_NE(outcome, outcomes.end()) << name << ": there is no such program";
        if (is_kernel_of_list()) {
            EXPECT_TRUE(outcome->differs()) << name << ": all say the same, take it off the list";
        }
    }
}

TEST_F(KernelSelftests, AreRefusedWhereTheyAreUnsafe) {
    size_t refused = 0;
    for (const Outcome& outcome : outcomes) {
        if (outcome.test.succeeds) continue;
        refused += !outcome.ours.accepted;
        if (!outcome.ours.accepted) continue;
        const Difference* const entry = listed(outcome);
        ASSERT_TRUE(entry) << outcome.explained();
        EXPECT_TRUE(entry->why == DifferenceClass::kKernelImprecision ||
                    entry->why == DifferenceClass::kKernelPolicy)
            << outcome.explained();
    }
    EXPECT_GE(refused, 150u);
}

TEST_F(KernelSelftests, AreAcceptedNearlyAllWhereTheyMustBe) {
    size_t accepted = 0, all = 0, root_only = 0, not_offered = 0;
    for (const Outcome& outcome : outcomes) {
        if (!outcome.test.succeeds) continue;
        const Difference* const entry = listed(outcome);
        const bool is_root_only = entry && entry->why == DifferenceClass::kRootOnly;
        const bool is_not_offered = entry && entry->why == DifferenceClass::kNotOffered;
        root_only += is_root_only;
        not_offered += is_not_offered;
        all += !is_not_offered;
        accepted += outcome.ours.accepted;
    }
    fmt::print(
        "accepted {} of {} that succeed, {} of them for root only; {} more take what we do not "
        "offer\n",
        accepted, all, root_only, not_offered);
    EXPECT_GE(static_cast<double>(accepted), kAcceptedAtLeast * static_cast<double>(all));
}

TEST_F(KernelSelftests, AreForRootOnlyWhereTheListSaysSo) {
    for (const Outcome& outcome : outcomes) {
        const Difference* const entry = listed(outcome);
        if (!entry || entry->why != DifferenceClass::kRootOnly) continue;
        EXPECT_FALSE(outcome.ours.accepted) << outcome.explained();
        const auto strict = kernel_verdict_of(outcome.test, Loader::kWithoutPerfmon);
        ASSERT_TRUE(strict) << strict.error().message;
        EXPECT_FALSE(strict->accepted) << outcome.explained();
    }
}

}  // namespace
}  // namespace weir::tests
