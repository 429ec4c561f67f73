#pragma once
// What keeps an interface under net_af_xdp from the host: a program of ours
// (bpf/af_xdp_guard.bpf.c) that drops every frame which no socket of the dataplane takes. It stays
// attached when the process dies, and the next one takes it over without a gap. Control thread.

#include <cstdint>
#include <memory>
#include <string>

#include "dataplane/interface.h"
#include "vm/base/result.h"

namespace weir::dataplane {

class XdpGuard {
public:
    /// Takes the interface for this process and attaches the program, in the place of one that a
    /// killed dataplane left behind. kInvalid where another dataplane or another program has the
    /// interface, which stays as it is; kResource where the kernel refuses.
    static Result<std::unique_ptr<XdpGuard>> attach(const Interface& interface);
    /// Detaches, unless the interface was guarded before and nothing was served since: a dataplane
    /// that fails to come back must not open what the one before had closed. After the device's
    /// close, which detaches whatever is there.
    ~XdpGuard();
    XdpGuard(const XdpGuard&) = delete;
    XdpGuard& operator=(const XdpGuard&) = delete;

    const std::string& interface() const { return name_; }
    /// The port is in service: its orderly end gives the interface back to the host.
    void note_service() { stays_closed_ = false; }

private:
    XdpGuard(std::string name, uint32_t index, int lock);

    std::string name_;
    uint32_t index_;
    int lock_;          ///< a name in the network namespace that ends with the process
    int program_ = -1;  ///< the kernel's; below 0 for none
    bool is_attached_ = false;
    bool stays_closed_ = false;
};

}  // namespace weir::dataplane
