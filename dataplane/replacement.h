#pragma once
// Other maps in the place of published ones, all in one step. The programs that use them are
// compiled again over the new maps, from the proof that they have; the next generation runs these.
// So each packet sees the old contents of all maps or the new ones, and a look-up costs nothing for
// it. Control thread only.

#include <memory>
#include <vector>

#include "dataplane/registry.h"

namespace weir::dataplane {

class Replacement {
public:
    /// Checks and compiles; changes nothing. Refuses maps that are not published or not of
    /// `owner`, a difference in name or definition, and kinds and maps whose contents are not
    /// elements that the control side sets: global data, frozen maps, rings, and slots of maps and
    /// programs; and what stands in such a slot itself, which one step cannot change.
    static Result<Replacement> prepare(const Registry& registry, Owner owner,
                                       const std::vector<api::MapReplacement>& requests);

    /// The registry knows the new maps and programs by the handles of the old ones, and the old
    /// maps by those of the new. A second call takes it back.
    void exchange(Registry& registry);
    /// After exchange and publication. What policy had put into the old maps and the new ones have
    /// too is policy there, so that a replay restores it. The old maps are nobody's any more, and
    /// timers go on with the new programs.
    void finish(Registry& registry);

    size_t map_count() const { return maps_.size(); }

private:
    struct MapPair {
        std::shared_ptr<LoadedMap> in_place, other;
    };

    std::vector<MapPair> maps_;
    std::vector<std::shared_ptr<LoadedProgram>> programs_;  ///< those that are not registered now
};

}  // namespace weir::dataplane
