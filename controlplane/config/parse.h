#pragma once
// The stages from text to Config: read sections, then check what names each other.

#include <string>

#include "controlplane/config/config.h"
#include "controlplane/config/reader.h"

namespace weir::controlplane {

constexpr const char* kDefaultRunDir = "/run/weir";
constexpr const char* kDefaultConfigFile = "/etc/weir/weir.yaml";

/// Reads and checks a configuration. Files of sets are read; objects are not.
Result<Config> load_config(const std::string& path);
/// The same from text; `path` is what to call it, and its folder is where relative paths start.
Result<Config> parse_config(const std::string& text, const std::string& path);

/// `path` as the configuration in `folder` means it.
std::string resolve_path(const std::string& folder, const std::string& path);
/// A DPDK device string with its files (rx_pcap=, tx_pcap=, xdp_prog=) resolved likewise.
std::string resolve_device(const std::string& folder, const std::string& device);

// -- the stages, for parse.cc ---------------------------------------------------------------------
void read_workers(Reader& reader, const Node& node, Config& config);
void read_memory(Reader& reader, const Node& node, Config& config);
void read_jit(Reader& reader, const Node& node, Config& config);
void read_ports(Reader& reader, const Node& node, Config& config);
void read_programs(Reader& reader, const Node& node, Config& config);
void read_maps(Reader& reader, const Node& node, Config& config);
void read_sets(Reader& reader, const Node& node, Config& config);
void read_routes(Reader& reader, const Node& node, Config& config);
void read_neighbours(Reader& reader, const Node& node, Config& config);
void read_metrics(Reader& reader, const Node& node, Config& config);
/// Names that must exist, names that must be unique, combinations that mean nothing.
void check_references(Reader& reader, Config& config);

}  // namespace weir::controlplane
