#include "jit/gdb_registration.h"

#include <mutex>

namespace weir::jit {

/// struct jit_code_entry of the manual.
struct GdbEntry {
    GdbEntry* next = nullptr;
    GdbEntry* previous = nullptr;
    const uint8_t* object = nullptr;
    uint64_t object_bytes = 0;
};

enum GdbAction : uint32_t { kNothing = 0, kRegister = 1, kUnregister = 2 };

/// struct jit_descriptor.
struct GdbDescriptor {
    uint32_t version = 1;
    uint32_t action = kNothing;
    GdbEntry* relevant = nullptr;
    GdbEntry* first = nullptr;
};

}  // namespace weir::jit

// gdb looks for these two by name. NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {

[[gnu::noinline, gnu::used]] void __jit_debug_register_code() {
    asm volatile("" ::: "memory");
}

[[gnu::used]] weir::jit::GdbDescriptor __jit_debug_descriptor;
}
// NOLINTEND(bugprone-reserved-identifier)

namespace weir::jit {
namespace {

std::mutex list_mutex;

void tell_gdb(GdbEntry& entry, GdbAction action) {
    __jit_debug_descriptor.relevant = &entry;
    __jit_debug_descriptor.action = action;
    __jit_debug_register_code();
    __jit_debug_descriptor.relevant = nullptr;
    __jit_debug_descriptor.action = kNothing;
}

}  // namespace

GdbRegistration::GdbRegistration(std::vector<uint8_t> object)
    : object_(std::move(object)), entry_(std::make_unique<GdbEntry>()) {
    entry_->object = object_.data();
    entry_->object_bytes = object_.size();
    const std::lock_guard lock(list_mutex);
    entry_->next = __jit_debug_descriptor.first;
    if (entry_->next != nullptr) entry_->next->previous = entry_.get();
    __jit_debug_descriptor.first = entry_.get();
    tell_gdb(*entry_, kRegister);
}

GdbRegistration::~GdbRegistration() {
    const std::lock_guard lock(list_mutex);
    if (entry_->previous != nullptr)
        entry_->previous->next = entry_->next;
    else
        __jit_debug_descriptor.first = entry_->next;
    if (entry_->next != nullptr) entry_->next->previous = entry_->previous;
    tell_gdb(*entry_, kUnregister);
}

std::vector<std::vector<uint8_t>> registered_gdb_objects() {
    const std::lock_guard lock(list_mutex);
    std::vector<std::vector<uint8_t>> objects;
    for (const GdbEntry* entry = __jit_debug_descriptor.first; entry != nullptr;
         entry = entry->next)
        objects.emplace_back(entry->object, entry->object + entry->object_bytes);
    return objects;
}

}  // namespace weir::jit
