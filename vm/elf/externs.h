#pragma once
// What an object leaves to the loader to find: variables of `.kconfig`, kernel functions and kernel
// variables of `.ksyms`.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "vm/elf/map_table.h"

namespace weir::vm::elf {

constexpr size_t kExternsMax = 65'536;  ///< per object

enum class ExternKind : uint8_t { Config, Variable, Function };

struct Extern {
    ExternKind kind = ExternKind::Function;
    uint32_t offset = 0;  ///< Config: in the map .kconfig
    int32_t kfunc = 0;    ///< Function: its number in kfuncs.def
    std::string missing;  ///< why it cannot be used; empty: it can
};

class ExternTable {
public:
    /// Adds the map .kconfig to `table` where the object has such variables. Things that are
    /// missing are no error before a program needs them.
    static Result<ExternTable> read(const Object& object, MapTable& table);

    /// What the undefined symbol `name` stands for. Without BTF a symbol says nothing of its kind:
    /// then it is taken for a kernel function.
    Extern find(std::string_view name) const;
    /// Index in MapTable::maps of .kconfig.
    uint32_t config_map() const { return config_map_; }

private:
    Result<void> read_config(const Object& object, MapTable& table);
    Result<void> read_kernel_symbols(const Object& object);
    Result<void> check_room() const;

    std::unordered_map<std::string_view, Extern> externs_;
    uint32_t config_map_ = 0;
};

}  // namespace weir::vm::elf
