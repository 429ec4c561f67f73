#pragma once
// The last confirmed generation as a file, from which the dataplane boots without a control plane.
//
//   8 bytes "WEIRPLAY" | frames: CONFIGURE, then per map CREATE_MAP and UPDATEs, per program LOAD,
//   per slot BIND, PUBLISH | u32 CRC-32 of all before
//
// In the file, handle N means its Nth map, and in PUBLISH and slots of prog arrays its Nth program.
// Programs are specs, to be proven again.

#include <memory>
#include <string>
#include <vector>

#include "dataplane/api/frame.h"
#include "dataplane/registry.h"
#include "vm/base/result.h"

namespace weir::dataplane {

constexpr const char* kReplayName = "confirmed.replay";  ///< in the run directory
constexpr uint64_t kReplayBytesMax = uint64_t{4} << 30;

struct ReplayMap {
    api::MapCreate create;
    std::vector<api::Element> policy;
};

struct Replay {
    api::Configure configure;
    std::vector<ReplayMap> maps;
    std::vector<api::ProgramLoad> programs;  ///< `maps`: file handles
    std::vector<api::SlotBind> slots;        ///< `map` and `target`: file handles
    api::Publish publish;                    ///< `programs`: file handles
};

/// Errors name file, frame and offset.
Result<Replay> read_replay(const std::string& path);
/// The same for contents at hand; `name` stands in front of errors.
Result<Replay> parse_replay(const std::string& name, ByteSpan bytes);

/// Writes the published programs and maps of `registry`, and `publish`, which names programs by
/// their handles there. Atomic: the file at `path` is the old or the new one, whole and on disk,
/// whatever happens. Takes no copy of the maps' contents.
Result<void> write_replay(const std::string& path, const api::Configure& configure,
                          Registry& registry, const api::Publish& publish);

}  // namespace weir::dataplane
