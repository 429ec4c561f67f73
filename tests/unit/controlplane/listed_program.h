#pragma once
// A program with one of everything that a listing names.

#include <memory>
#include <string>

#include "tests/support/insns.h"
#include "vm/program/spec.h"

namespace weir::controlplane::cli {

inline vm::TypeRef int_type(const std::string& name, uint32_t bytes) {
    auto type = std::make_shared<vm::TypeInfo>();
    type->kind = vm::TypeKind::Int;
    type->name = name;
    type->size_bytes = bytes;
    return type;
}

/// Global data with one variable, `seen`, at byte 8.
inline vm::MapSpec global_data() {
    auto type = std::make_shared<vm::TypeInfo>();
    type->kind = vm::TypeKind::Struct;
    type->name = ".bss";
    type->size_bytes = 16;
    type->members = {{"seen", 64, 0, int_type("__u64", 8)}};
    vm::MapSpec map;
    map.name = ".bss";
    map.key_bytes = 4;
    map.value_bytes = 16;
    map.entries_max = 1;
    map.is_global_data = true;
    map.value_type = type;
    map.contents = Bytes(16);
    map.contents[8] = 9;
    return map;
}

/// entry: a jump, a local call, helpers, a kernel function, both kinds of map loads, a callback.
inline vm::ProgramSpec everything() {
    vm::ProgramSpec program;
    program.name = "entry";
    program.section = "xdp";
    program.maps = {global_data()};
    program.insns = tests::InsnWriter()
                        .put(vm::Op::kJeq64Imm, 1, 0, 2, 0)
                        .load_map(1, 0)
                        .load_map_value(2, 0, 8)
                        .load_map_value(3, 0, 4)
                        .call(5)
                        .call(35)
                        .put(vm::Op::kCallKfunc, 0, 0, 0, 7)
                        .put(vm::Op::kCallLocal, 0, 0, 0, 1)
                        .exit()
                        .mov(0, 1)
                        .exit()
                        .insns();
    program.subprograms = {{"entry", 0}, {"helper", 12}};
    program.lines = {{0, 7, "a.c", "if (!ctx)"}};
    return program;
}

}  // namespace weir::controlplane::cli
