#pragma once
// Files of map elements. A file is read whole before anything is done with it, so that one that is
// wrong anywhere changes nothing.

#include <string>
#include <string_view>
#include <vector>

#include "dataplane/api/messages.h"
#include "vm/base/bytes.h"
#include "vm/base/result.h"

namespace weir::controlplane::cli {

/// Elements back to back: key, then value (all slots of a per-CPU kind).
struct ElementRecords {
    size_t key_bytes = 0;
    size_t value_bytes = 0;
    Bytes bytes;

    size_t record_bytes() const { return key_bytes + value_bytes; }
    size_t count() const { return record_bytes() == 0 ? 0 : bytes.size() / record_bytes(); }
    ByteSpan key(size_t index) const {
        return ByteSpan(bytes).subspan(index * record_bytes(), key_bytes);
    }
    ByteSpan value(size_t index) const {
        return ByteSpan(bytes).subspan(index * record_bytes() + key_bytes, value_bytes);
    }
};

/// Lines "KEY VALUE" as element_text.h has them (empty lines and those that start with '#' are
/// skipped), or the JSON list that `weir map dump -j` prints. Each key is there once: of a repeated
/// one the last line wins. Errors name file, line, column, what is there and what was expected.
Result<ElementRecords> read_elements(const std::string& path, const dataplane::api::MapInfo& map);
Result<ElementRecords> parse_elements(std::string_view text, const std::string& path,
                                      const dataplane::api::MapInfo& map);

/// More elements than the map may hold are kResource.
Result<void> check_count(const ElementRecords& records, const dataplane::api::MapInfo& map);

/// Lines "- 0xHEX": samples of any size, for a user_ringbuf.
Result<std::vector<Bytes>> read_samples(const std::string& path);

struct ParsedBinding {
    Bytes key;
    std::string name;
};
/// Lines "KEY NAME", for maps whose values are programs or maps.
Result<std::vector<ParsedBinding>> read_bindings(const std::string& path, const vm::MapSpec& map);

}  // namespace weir::controlplane::cli
