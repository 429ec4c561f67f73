#pragma once
// A pcap-filter(7) expression -> classic BPF, by libpcap.

#include <string>

#include "vm/cbpf/check.h"

struct pcap;  // libpcap's pcap_t

namespace weir::vm::cbpf {

constexpr uint32_t kSnapBytes = 262'144;  ///< what a filter returns for a match; tcpdump's default
/// libpcap's optimiser takes time with the cube of what it is given: these keep it to seconds.
constexpr size_t kExpressionBytesMax = 8'192;
constexpr uint32_t kUnoptimisedInsnsMax = 3 * kInsnsMax;

/// The DLT_ number of a link type's name ("EN10MB", "RAW"), as libpcap has it.
Result<int> link_type_by_name(const std::string& name);
std::string link_type_name(int link_type);

/// Compiles for a link type, optimised, netmask unknown. kInvalid carries libpcap's words;
/// kUnsupported names an instruction that libpcap wrote and that is not offered (check.h);
/// kResource: no memory.
///
/// Host names are looked up in /etc/hosts alone, without the network: from the first call on this
/// holds for every look-up of a host in this process (__nss_configure_lookup). Any thread; one
/// expression is compiled at a time.
Result<ClassicProgram> compile(const std::string& expression, int link_type);

/// The same for an open capture, which knows its link type and byte order.
Result<ClassicProgram> compile(const std::string& expression, struct pcap* capture);

}  // namespace weir::vm::cbpf
