#pragma once
// Which elements of the maps are the configuration's: the keys that its sets put there. All others
// are the operator's or a program's, and a deployment leaves them alone.

#include <map>
#include <string>
#include <vector>

#include "controlplane/deploy/bundle.h"

namespace weir::controlplane {

/// PROGRAM/MAP -> keys of one size, sorted by KeyLess, each once.
using PolicyKeys = std::map<std::string, std::vector<Bytes>>;

/// Of the programs that are in a chain.
PolicyKeys policy_keys(const Bundle& bundle);
/// Keys of either. Old ones of another size than the newer ones are of a map that is gone.
PolicyKeys merge_keys(const PolicyKeys& old, const PolicyKeys& more);

/// One block of bytes: u32 maps, then per map its sized name | u32 bytes of a key | u32 keys |
/// keys.
Bytes encode_keys(const PolicyKeys& keys);
/// Errors name the offset. Memory taken is bounded by a small multiple of the input.
Result<PolicyKeys> decode_keys(ByteSpan bytes);

}  // namespace weir::controlplane
