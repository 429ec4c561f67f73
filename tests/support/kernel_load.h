#pragma once
// Programs in the live kernel, for kernel_runner: out of object files by libbpf, or from linked
// instructions.

#include <bpf/libbpf.h>
#include <linux/capability.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/kernel_maps.h"
#include "tests/support/kernel_runner.h"

namespace weir::tests {

/// This thread without the capabilities that make the kernel's verifier lenient.
class WithoutPerfmon {
public:
    WithoutPerfmon();
    ~WithoutPerfmon();
    WithoutPerfmon(const WithoutPerfmon&) = delete;
    WithoutPerfmon& operator=(const WithoutPerfmon&) = delete;

private:
    __user_cap_header_struct header_{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> before_{};
};

struct ObjectCloser {
    void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using ObjectHandle = std::unique_ptr<bpf_object, ObjectCloser>;

struct LoadedObject {
    ObjectHandle object;
    bpf_program* program = nullptr;
    KernelVerdict verdict;
};

/// Opens the file and marks the program, and every other one where the object has a prog array, for
/// loading.
Result<LoadedObject> open_object(const std::string& path, const std::string& name);
/// An error where the kernel's verifier was never asked: no memory, a map that cannot be made.
Result<void> load_opened(LoadedObject& loaded);
/// Both.
Result<LoadedObject> load_object(const std::string& path, const std::string& name);

/// Global data by its section's name.
std::vector<LiveMap> maps_of(const LoadedObject& loaded);

struct LoadedInsns {
    std::vector<FileDescriptor> map_fds;
    std::vector<LiveMap> maps;
    FileDescriptor program;
    KernelVerdict verdict;
};

/// As load_object, from what our loader has linked.
Result<LoadedInsns> load_insns(const vm::ProgramSpec& program);

}  // namespace weir::tests
