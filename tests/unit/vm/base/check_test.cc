#include "vm/base/check.h"

#include <gtest/gtest.h>

#include "vm/base/result.h"

namespace weir {
namespace {

TEST(CheckDeathTest, AbortsWithPlaceAndCondition) {
    const int two = 2;
    WEIR_CHECK(two == 2);
    EXPECT_DEATH(WEIR_CHECK(two == 3), "check_test.cc:[0-9]+: check failed: two == 3");
}

TEST(Result, CarriesKindPlaceAndExitStatus) {
    const Result<int> failed = fail_in("a.yaml", Error{ErrorKind::kNotFound, "no such port"});
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().message, "a.yaml: no such port");
    EXPECT_EQ(exit_status(failed.error().kind), 1);
    EXPECT_EQ(exit_status(ErrorKind::kRejected), 1);
    EXPECT_EQ(exit_status(ErrorKind::kInvalid), 2);
    EXPECT_EQ(exit_status(ErrorKind::kResource), 2);
}

}  // namespace
}  // namespace weir
