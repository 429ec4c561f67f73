#pragma once
// A network of the test's own: a namespace with interfaces, routes and neighbours that programs may
// ask the kernel for, and the same for our forwarding table.

#include "vm/base/result.h"
#include "vm/helpers/fib.h"

namespace weir::tests {

constexpr uint32_t kLoopbackIfindex = 1;
constexpr uint32_t kFirstIfindex = 10;  ///< four receive queues
constexpr uint32_t kSecondIfindex = 11;

/// Moves this process into a namespace of its own that looks like test_fib(). It stays there; the
/// namespace ends with the process. Needs root, ip(8), sysctl(8) and ethtool(8). Once per process:
/// later calls do nothing.
Result<void> enter_test_network();

/// What enter_test_network makes.
vm::FibSpec test_fib();

}  // namespace weir::tests
