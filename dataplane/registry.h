#pragma once
// Maps and programs by handle and name, and who keeps them alive. Control thread only.
//
// A map or program belongs to the connection that made it until it is published. Publishing hands
// it to the generation, which keeps what its chains name and lets go of the rest; the end of a
// connection lets go of what is still the connection's own. The memory goes when the last
// generation that runs it was freed: chain entries hold programs, programs hold their maps.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dataplane/api/messages.h"
#include "dataplane/policy_log.h"
#include "dataplane/slots.h"
#include "jit/jit.h"
#include "vm/base/result.h"
#include "vm/program/map.h"
#include "vm/program/verified.h"

namespace weir::dataplane {

using api::Handle;

/// A connection's number, from 1; 0 owns nothing.
using Owner = uint64_t;
constexpr Owner kNobody = 0;

struct LoadedMap {
    Handle handle = 0;
    std::string name;
    vm::MapSpec spec;  ///< as created, with contents
    std::unique_ptr<vm::Map> map;
    PolicyLog policy{0};
    Owner owner = kNobody;
    bool published = false;

    /// "map fw/blocked (handle 7)"
    std::string label() const;
};

struct LoadedProgram {
    Handle handle = 0;
    std::string name, object, object_hash;
    std::vector<std::shared_ptr<LoadedMap>>
        maps;  ///< behind verified->spec().maps; outlive `compiled`
    std::shared_ptr<const vm::VerifiedProgram> verified;
    std::unique_ptr<jit::CompiledProgram> compiled;
    std::shared_ptr<const SlotLease> slot;  ///< shared with the same program over other maps
    uint64_t verify_us = 0, compile_us = 0;
    Owner owner = kNobody;
    bool published = false;
};

class Registry {
public:
    /// `cpu_slots`: as maps::create_map wants it.
    explicit Registry(uint32_t cpu_slots);

    uint32_t cpu_slots() const { return cpu_slots_; }

    Result<Handle> create_map(Owner owner, const api::MapCreate& request);
    Result<std::shared_ptr<LoadedMap>> map(Handle handle) const;
    /// Published maps and those that `owner` has pending, by handle.
    std::vector<std::shared_ptr<LoadedMap>> maps_seen_by(Owner owner) const;

    Result<SlotLease> take_slot();
    /// Gives the program its handle.
    Handle add_program(Owner owner, std::shared_ptr<LoadedProgram> program);
    Result<std::shared_ptr<LoadedProgram>> program(Handle handle) const;
    std::vector<std::shared_ptr<LoadedProgram>> published_programs() const;
    std::vector<std::shared_ptr<LoadedMap>> published_maps() const;

    /// Refuses two programs or two maps of one name in one generation.
    Result<void> check_publish(const std::set<Handle>& programs) const;
    /// These programs and their maps are the running generation now.
    void published(const std::set<Handle>& programs);
    void disconnected(Owner owner);

    /// Two maps change places: handles, owners and being published. Programs still hold the ones
    /// that they held.
    void exchange(LoadedMap& a, LoadedMap& b);
    /// `program` takes the place of the one that has its handle, which is returned.
    std::shared_ptr<LoadedProgram> exchange(std::shared_ptr<LoadedProgram> program);

private:
    void sweep();
    bool name_is_pending(Owner owner, const std::string& name) const;

    uint32_t cpu_slots_;
    std::shared_ptr<SlotPool> slots_;
    Handle next_map_ = 1, next_program_ = 1;
    std::map<Handle, std::shared_ptr<LoadedMap>> maps_;
    std::map<Handle, std::shared_ptr<LoadedProgram>> programs_;
};

}  // namespace weir::dataplane
