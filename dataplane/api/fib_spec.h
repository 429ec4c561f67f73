#pragma once
// Routes and neighbours of a PUBLISH -> what vm::Fib is built from.

#include <span>
#include <vector>

#include "dataplane/api/messages.h"
#include "vm/base/result.h"
#include "vm/helpers/fib.h"

namespace weir::dataplane::api {

/// Refuses addresses of other lengths than 4 and 16 bytes, and MACs of other lengths than 6, by the
/// entry's number; the rest is Fib::build's to refuse.
Result<vm::FibSpec> fib_spec(std::span<const Route> routes, std::span<const Neighbour> neighbours,
                             std::vector<vm::Interface> interfaces);

}  // namespace weir::dataplane::api
