#include "dataplane/device_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include "dataplane/text.h"

namespace weir::dataplane {
namespace {

enum class Kind : uint8_t { Text, Number, Switch, YesNo, Role };

struct Key {
    std::string_view name;
    Kind kind = Kind::Text;
    bool repeats = false;
};

constexpr std::array kAfPacket = {Key{"iface"},
                                  Key{"qpairs", Kind::Number},
                                  Key{"blocksz", Kind::Number},
                                  Key{"framesz", Kind::Number},
                                  Key{"framecnt", Kind::Number},
                                  Key{"qdisc_bypass", Kind::Switch}};
constexpr std::array kAfXdp = {Key{"iface"},
                               Key{"start_queue", Kind::Number},
                               Key{"queue_count", Kind::Number},
                               Key{"shared_umem", Kind::Switch},
                               Key{"xdp_prog"},
                               Key{"busy_budget", Kind::Number},
                               Key{"force_copy", Kind::Switch}};
constexpr std::array kMemif = {Key{"id", Kind::Number},
                               Key{"role", Kind::Role},
                               Key{"bsize", Kind::Number},
                               Key{"rsize", Kind::Number},
                               Key{"socket"},
                               Key{"socket-abstract", Kind::YesNo},
                               Key{"mac"},
                               Key{"zero-copy", Kind::YesNo},
                               Key{"secret"}};
constexpr std::array kNull = {Key{"size", Kind::Number}, Key{"copy", Kind::Number},
                              Key{"no-rx", Kind::Switch}};
constexpr std::array kPcap = {
    Key{"rx_pcap", Kind::Text, true},  Key{"tx_pcap", Kind::Text, true},
    Key{"rx_iface", Kind::Text, true}, Key{"rx_iface_in", Kind::Text, true},
    Key{"tx_iface", Kind::Text, true}, Key{"iface"},
    Key{"phy_mac", Kind::Switch},      Key{"infinite_rx", Kind::Switch}};
constexpr std::array kRing = {Key{"nodeaction", Kind::Text, true}};
constexpr std::array kTap = {Key{"iface"}, Key{"mac"}, Key{"remote"}};
constexpr std::array kVirtioUser = {Key{"path"},
                                    Key{"mac"},
                                    Key{"cq", Kind::Switch},
                                    Key{"queue_size", Kind::Number},
                                    Key{"queues", Kind::Number},
                                    Key{"iface"},
                                    Key{"server", Kind::Switch},
                                    Key{"mrg_rxbuf", Kind::Switch},
                                    Key{"in_order", Kind::Switch},
                                    Key{"packed_vq", Kind::Switch},
                                    Key{"speed", Kind::Number},
                                    Key{"vectorized", Kind::Switch}};

struct Driver {
    std::string_view name;
    std::span<const Key> keys;
    /// One of these must be there; empty: none need be.
    std::vector<std::string_view> needed;
};

const std::vector<Driver>& drivers() {
    static const std::vector<Driver> all = {
        {"net_af_packet", kAfPacket, {"iface"}},
        {"net_af_xdp", kAfXdp, {"iface"}},
        {"net_memif", kMemif, {}},
        {"net_null", kNull, {}},
        {"net_pcap", kPcap, {"rx_pcap", "tx_pcap", "rx_iface", "rx_iface_in", "tx_iface", "iface"}},
        {"net_ring", kRing, {}},
        {"net_tap", kTap, {}},
        {"net_virtio_user", kVirtioUser, {"path"}},
    };
    return all;
}

/// What the value should be; nullptr where it is that.
const char* expected_of(Kind kind, const std::string& value) {
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const bool is_number = error == std::errc() && end == value.data() + value.size();
    switch (kind) {
        case Kind::Text: return value.empty() ? "a text" : nullptr;
        case Kind::Number: return is_number ? nullptr : "a whole number";
        case Kind::Switch: return is_number && number <= 1 ? nullptr : "0 or 1";
        case Kind::YesNo: return value == "yes" || value == "no" ? nullptr : "yes or no";
        case Kind::Role:
            return value == "server" || value == "client" ? nullptr : "server or client";
    }
    return nullptr;
}

Result<void> check_key(const Device& device, const Driver& driver, const std::string& name,
                       const std::string& value) {
    const auto known = std::ranges::find(driver.keys, name, &Key::name);
    if (known == driver.keys.end()) {
        std::vector<std::string_view> names;
        for (const Key& key : driver.keys) names.push_back(key.name);
        return fail(ErrorKind::kInvalid,
                    fmt::format("device '{}': {} has no key '{}'; it has {}", device.text,
                                driver.name, name, join(names, ", ")));
    }
    if (const char* expected = expected_of(known->kind, value); expected != nullptr)
        return fail(ErrorKind::kInvalid, fmt::format("device '{}': {}={}, expected {}", device.text,
                                                     name, value, expected));
    if (!known->repeats && std::ranges::count(device.arguments, name, [](const auto& argument) {
                               return argument.first;
                           }) > 1)
        return fail(ErrorKind::kInvalid,
                    fmt::format("device '{}': {} is there twice", device.text, name));
    return {};
}

}  // namespace

const std::vector<std::string_view>& virtual_drivers() {
    static const std::vector<std::string_view> names = [] {
        std::vector<std::string_view> made;
        for (const Driver& driver : drivers()) made.push_back(driver.name);
        return made;
    }();
    return names;
}

Result<void> check_device_keys(const Device& device) {
    if (device.is_pci()) return {};
    const auto driver = std::ranges::find(drivers(), device.driver, &Driver::name);
    if (driver == drivers().end()) return {};
    for (const auto& [name, value] : device.arguments) {
        if (const Result<void> good = check_key(device, *driver, name, value); !good) return good;
    }
    const auto has = [&](std::string_view key) { return device.argument(key).has_value(); };
    if (driver->needed.empty() || std::ranges::any_of(driver->needed, has)) return {};
    return fail(ErrorKind::kInvalid,
                fmt::format("device '{}' needs {}=", device.text, join(driver->needed, "= or ")));
}

}  // namespace weir::dataplane
