#pragma once
// The maps of an object in this process alone: made, filled, bound to each other and to programs,
// and printed.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vm/base/bytes.h"
#include "vm/base/result.h"
#include "vm/program/map.h"
#include "vm/program/run.h"
#include "vm/program/spec.h"

namespace weir::controlplane::cli {

/// What a slot of a prog array is given: a program that an engine can run, and the number that
/// control_lookup shows for it.
struct BoundProgram {
    const vm::Runnable* program = nullptr;
    uint32_t id = 0;
};
using FindProgram = std::function<Result<BoundProgram>(const std::string& name)>;

using OfflineElements = std::vector<std::pair<Bytes, Bytes>>;  ///< key, value

/// One slot in per-CPU kinds: nobody runs beside us.
class OfflineMaps {
public:
    /// Makes every map of `object`, and binds those that it names in slots of maps in maps. A map
    /// that cannot be made is an error only where `program` refers to it.
    static Result<OfflineMaps> make(const vm::ObjectSpec& object, const vm::ProgramSpec& program);

    /// nullptr: there is none.
    vm::Map* find(std::string_view name) const;
    /// One per spec.maps.
    Result<std::vector<vm::Map*>> of(const vm::ProgramSpec& program) const;

    /// The slots that the object names of those prog arrays that `program` refers to, as far as
    /// they are empty.
    Result<void> bind_programs(const vm::ProgramSpec& program, const FindProgram& find_program);
    /// `option` is NAME=FILE with lines "KEY VALUE"; for prog arrays and maps in maps the value is
    /// the name of a program or map.
    Result<void> fill(const std::string& option, const FindProgram& find_program);

    /// All elements, sorted by key. Queues and stacks are emptied: empty keys, in the order in
    /// which a program would pop. Ring buffers and perf event arrays have none. Arrays of more than
    /// `zeroes_max` elements are given without those that are zero.
    static OfflineElements elements(vm::Map& map, uint32_t zeroes_max = UINT32_MAX);
    /// An array: nobody adds elements or deletes them.
    static bool always_has_all(vm::MapType type);
    /// What programs wrote into a ring buffer or perf event array, oldest first, handed out once;
    /// nullopt of other kinds.
    static std::optional<std::vector<Bytes>> take_events(vm::Map& map);
    /// The number that stands for a map in a map in map; 0: there is none of that name.
    uint32_t id_of(std::string_view name) const;
    const std::vector<std::unique_ptr<vm::Map>>& all() const { return maps_; }

private:
    Result<void> bind_inner(vm::Map& map, const Bytes& key, const std::string& name);
    Result<void> fill_bindings(vm::Map& map, const std::string& path,
                               const FindProgram& find_program);

    std::vector<std::unique_ptr<vm::Map>> maps_;  ///< in file order
};

}  // namespace weir::controlplane::cli
