#pragma once
// gdb's interface for generated code (gdb manual, "JIT Compilation Interface"): a list of ELF
// objects, and a function that gdb has a breakpoint on.

#include <cstdint>
#include <memory>
#include <vector>

namespace weir::jit {

struct GdbEntry;

/// An object that gdb knows of for as long as this lives. Any thread.
class GdbRegistration {
public:
    explicit GdbRegistration(std::vector<uint8_t> object);
    ~GdbRegistration();
    GdbRegistration(const GdbRegistration&) = delete;
    GdbRegistration& operator=(const GdbRegistration&) = delete;

private:
    const std::vector<uint8_t> object_;
    const std::unique_ptr<GdbEntry> entry_;
};

/// Objects that are registered, as gdb finds them.
std::vector<std::vector<uint8_t>> registered_gdb_objects();

}  // namespace weir::jit
