#include "dataplane/rings.h"

#include <fmt/format.h>
#include <rte_errno.h>

namespace weir::dataplane {

Result<Ring> make_ring(const std::string& name, uint32_t packets, int numa_socket) {
    Ring ring(rte_ring_create(name.c_str(), packets, numa_socket, RING_F_SP_ENQ | RING_F_SC_DEQ));
    if (ring == nullptr)
        return fail(ErrorKind::kResource,
                    fmt::format("ring {}: {}", name, rte_strerror(rte_errno)));
    return ring;
}

}  // namespace weir::dataplane
