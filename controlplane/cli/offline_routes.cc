#include "controlplane/cli/offline_routes.h"

#include "controlplane/cli/offline_packet.h"
#include "controlplane/config/parse.h"
#include "controlplane/deploy/bundle.h"
#include "dataplane/api/fib_spec.h"
#include "vm/base/check.h"

namespace weir::controlplane::cli {
namespace {

constexpr uint32_t kEthernetMtu = 1500;

vm::MacAddress mac_of(uint32_t ifindex) {
    constexpr uint8_t kLocallyAdministered = 0x02;
    return {kLocallyAdministered,
            0,
            static_cast<uint8_t>(ifindex >> 24),
            static_cast<uint8_t>(ifindex >> 16),
            static_cast<uint8_t>(ifindex >> 8),
            static_cast<uint8_t>(ifindex)};
}

}  // namespace

std::vector<vm::Interface> offline_interfaces(
    const std::vector<dataplane::api::PortConfig>& ports) {
    std::vector<vm::Interface> interfaces;
    for (const dataplane::api::PortConfig& port : ports)
        interfaces.push_back({.ifindex = port.ifindex,
                              .mac = mac_of(port.ifindex),
                              .mtu = port.mtu == 0 ? kEthernetMtu : port.mtu});
    return interfaces;
}

Result<std::shared_ptr<const vm::Fib>> routes_of_config(const std::string& path) {
    const Result<Config> config = load_config(path);
    if (!config) return std::unexpected(config.error());
    Result<vm::FibSpec> spec =
        dataplane::api::fib_spec(make_routes(*config), make_neighbours(*config),
                                 offline_interfaces(make_configure(*config).ports));
    if (!spec) return fail_in(path, spec.error());
    Result<std::unique_ptr<const vm::Fib>> fib = vm::Fib::build(std::move(*spec));
    if (!fib) return fail_in(path, fib.error());
    return std::shared_ptr<const vm::Fib>(std::move(*fib));
}

std::shared_ptr<const vm::Fib> no_routes() {
    Result<std::unique_ptr<const vm::Fib>> fib =
        vm::Fib::build({.interfaces = {{.ifindex = kOfflineIfindex, .mtu = vm::kInterfaceMtuMax}}});
    WEIR_CHECK(fib.has_value());
    return std::shared_ptr<const vm::Fib>(std::move(*fib));
}

}  // namespace weir::controlplane::cli
