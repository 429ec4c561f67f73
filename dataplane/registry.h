#pragma once
// Maps and programs by handle and name, and who keeps them alive. Control thread only.
//
// A map or program belongs to the connection that made it until it is published. Publishing hands
// it to the generation, which keeps what its chains reach and lets go of the rest; the end of a
// connection lets go of what is still the connection's own. Reached is what a program uses, and
// what stands in slots of the maps reached: programs in prog arrays, maps in maps. Slots own
// nothing, so that those that lead back to where they came from keep nothing alive.
//
// What nobody reaches any more is buried: its timers are cancelled, and it is freed when every
// worker has been quiescent since. Chain entries hold programs, programs hold their maps, so the
// memory also outlives every generation that runs it.

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dataplane/api/messages.h"
#include "dataplane/bound_program.h"
#include "dataplane/policy_log.h"
#include "dataplane/slots.h"
#include "jit/jit.h"
#include "maps/persist.h"
#include "maps/reclaim.h"
#include "vm/base/result.h"
#include "vm/helpers/timers.h"
#include "vm/program/map.h"
#include "vm/program/redirect_kinds.h"
#include "vm/program/verified.h"

namespace weir::dataplane {

using api::Handle;

/// A connection's number, from 1; 0 owns nothing.
using Owner = uint64_t;
constexpr Owner kNobody = 0;

/// Keys of one map, all of one size.
struct SlotKeyLess {
    bool operator()(const Bytes& a, const Bytes& b) const {
        return std::ranges::lexicographical_compare(a, b);
    }
};

struct LoadedMap {
    Handle handle = 0;
    std::string name;
    vm::MapSpec spec;  ///< as created, with contents
    api::Persistence persistence = api::Persistence::None;
    std::unique_ptr<maps::MapFileMemory> file;  ///< of a map that persists; outlives `map`
    bool keep_old_file = false;
    maps::Salvaged salvaged;  ///< what that file held
    std::unique_ptr<vm::Map> map;
    PolicyLog policy{0};
    /// Of a prog array or map in map: handles of the programs or maps in its slots, by key; of a
    /// devmap or cpumap of the programs behind its entries. A replay restores them.
    std::map<Bytes, Handle, SlotKeyLess> slots;
    Owner owner = kNobody;
    bool published = false;

    /// "map fw/blocked (handle 7)"
    std::string label() const;
    bool has_slots() const {
        return spec.type == vm::MapType::ProgArray || vm::is_map_in_map(spec.type);
    }
    /// Its entries are targets of bpf_redirect_map, with a program behind each or none.
    bool has_targets() const { return vm::has_targets(spec.type); }
};

struct LoadedProgram {
    Handle handle = 0;
    std::string name, object, object_hash;
    std::vector<std::shared_ptr<LoadedMap>>
        maps;  ///< behind verified->spec().maps; outlive `compiled`
    std::shared_ptr<const vm::VerifiedProgram> verified;
    jit::CompileOptions compile_options;
    std::unique_ptr<jit::CompiledProgram> compiled;
    std::shared_ptr<const SlotLease> slot;  ///< shared with the same program over other maps
    bool skip_on_fault = false;             ///< after a fault its chains go on without it
    std::string fault;  ///< why it is out of service: what happened and where; empty: it runs
    std::unique_ptr<const BoundProgram> bound;  ///< as entries of devmaps and cpumaps hold it
    /// Programs for entries of its devmaps and cpumaps, which live as long as it does.
    std::set<Handle> companions;
    uint64_t verify_us = 0, compile_us = 0;
    Owner owner = kNobody;
    bool published = false;

    /// As slots and timers hold it.
    const vm::Runnable& runnable() const { return *compiled->runnable(); }
};

/// Where maps get their memory.
struct MapHome {
    std::string directory;  ///< files of those that persist; empty: none may
    maps::MemoryPolicy policy = {};
};

class Registry {
public:
    /// `cpu_slots`: as maps::create_map wants it. `timers`: of the programs and maps here, there
    /// for every call but the end; nullptr: there are none.
    explicit Registry(uint32_t cpu_slots, vm::Timers* timers = nullptr, MapHome home = {});

    uint32_t cpu_slots() const { return cpu_slots_; }

    Result<Handle> create_map(Owner owner, const api::MapCreate& request);
    /// The file of a persistent map that cannot be taken up gets the name PATH.damaged.N, which is
    /// returned, so that a map of this name can begin empty.
    Result<std::string> set_file_aside(const std::string& map_name) const;
    Result<std::shared_ptr<LoadedMap>> map(Handle handle) const;
    /// Published maps and those that `owner` has pending, by handle.
    std::vector<std::shared_ptr<LoadedMap>> maps_seen_by(Owner owner) const;

    Result<SlotLease> take_slot();
    /// Gives the program its handle.
    Handle add_program(Owner owner, std::shared_ptr<LoadedProgram> program);
    Result<std::shared_ptr<LoadedProgram>> program(Handle handle) const;
    std::vector<std::shared_ptr<LoadedProgram>> published_programs() const;
    std::vector<std::shared_ptr<LoadedMap>> published_maps() const;

    /// Puts the map or program `target` into the slot of `key`, in place of what is there. A map in
    /// service takes only what is in service.
    Result<void> bind(LoadedMap& map, const Bytes& key, Handle target);
    /// Sets an entry of a devmap or cpumap: number, and in 8 bytes the handle of the program that
    /// runs behind it, or 0. Numbers of ports are the caller's to check.
    Result<void> set_target(LoadedMap& map, const Bytes& key, const Bytes& value);
    /// After slots were emptied: lets go of what only they reached.
    void sweep();
    /// May a program with this spec make tail calls through `map` as it is filled?
    Result<void> check_tail_calls(const LoadedMap& map, const vm::ProgramSpec& spec) const;
    /// Machine code and the interpreter make no tail calls into each other: kResource where `map`
    /// would join `program` with one of the other.
    Result<void> check_engine(const LoadedMap& map, const LoadedProgram& program) const;

    /// Refuses two programs or two maps of one name in one generation.
    Result<void> check_publish(const std::set<Handle>& programs);
    /// These programs and what they reach are the running generation now. Timers of programs that
    /// another one of the same name replaces go on with its callbacks of the same names.
    /// Files of maps that persist get their names.
    void published(const std::set<Handle>& programs);
    void disconnected(Owner owner);
    /// Frees what was buried and is not needed any more; how much still waits.
    size_t tend();

    /// Two maps change places: handles, owners and being published. Programs still hold the ones
    /// that they held.
    void exchange(LoadedMap& a, LoadedMap& b);
    /// `program` takes the place of the one that has its handle, which is returned.
    std::shared_ptr<LoadedProgram> exchange(std::shared_ptr<LoadedProgram> program);
    /// After publication: the program that was exchanged for the one which has its handle now. Its
    /// timers go on there, and it is buried.
    void replaced(std::shared_ptr<LoadedProgram> program);
    /// The map in whose slot it stands, or nullptr.
    const LoadedMap* slot_holder(const LoadedMap& inner) const;
    const LoadedMap* slot_holder(const LoadedProgram& program) const;

private:
    struct Reached {
        std::set<Handle> maps, programs;
    };
    struct Grave {
        maps::GraceToken token;
        std::shared_ptr<LoadedMap> map;  ///< one of both
        std::shared_ptr<LoadedProgram> program;
    };

    /// What makes tail calls through the map, and what stands in it.
    std::vector<const LoadedProgram*> joined_by(const LoadedMap& map) const;
    Reached reach(std::set<Handle> programs, std::set<Handle> maps) const;
    void rebind_timers(const std::set<Handle>& programs) const;
    /// False: some timer had to be cancelled, whose callback may run right now.
    bool timers_are_gone(const Grave& grave) const;
    Result<void> bind_program(LoadedMap& map, const Bytes& key, Handle target);
    Result<void> bind_map(LoadedMap& map, const Bytes& key, Handle target);
    Result<std::shared_ptr<LoadedProgram>> program_for(const LoadedMap& map, const Bytes& key,
                                                       Handle target) const;
    void adopt_companions(const std::set<Handle>& programs);
    void renew_targets();
    Result<void> make_map(LoadedMap& loaded) const;
    Result<void> make_persisted(LoadedMap& loaded) const;
    bool name_is_pending(Owner owner, const std::string& name) const;

    uint32_t cpu_slots_;
    MapHome home_;
    std::shared_ptr<SlotPool> slots_;
    Handle next_map_ = 1, next_program_ = 1;
    std::map<Handle, std::shared_ptr<LoadedMap>> maps_;
    std::map<Handle, std::shared_ptr<LoadedProgram>> programs_;
    vm::Timers* timers_;
    std::set<Handle> running_;  ///< programs of the generation's chains
    std::vector<Grave> graves_;
};

}  // namespace weir::dataplane
