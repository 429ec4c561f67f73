#pragma once
// The kernel configuration that objects are loaded with where every run must do the same: a value
// of each kind for the variables of loader/kernel_facts.

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "vm/base/check.h"

namespace weir::tests {

constexpr std::string_view kKernelFacts =
    "CONFIG_YES=y\nCONFIG_MODULE=m\nCONFIG_LETTER=n\nCONFIG_NUMBER=300\nCONFIG_NEGATIVE=-5\n"
    "CONFIG_HEX=0xffff888000000000\nCONFIG_TEXT=\"kernel\"\nCONFIG_TOO_LARGE=256\n"
    "CONFIG_IS_MODULE=m\n";

/// A file with kKernelFacts that this process alone sees and that ends with it.
inline const std::string& kernel_facts_path() {
    static const std::string kPath = [] {
        const int file = memfd_create("kernel_facts", MFD_CLOEXEC);
        WEIR_CHECK(file >= 0);
        const ssize_t written = write(file, kKernelFacts.data(), kKernelFacts.size());
        WEIR_CHECK(written == static_cast<ssize_t>(kKernelFacts.size()));
        return "/proc/self/fd/" + std::to_string(file);
    }();
    return kPath;
}

}  // namespace weir::tests
