#include "controlplane/cli/program_bench.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "controlplane/cli/element_text.h"
#include "controlplane/cli/object_options.h"
#include "controlplane/config/reader.h"
#include "controlplane/deploy/map_sync.h"
#include "controlplane/deploy/sha256.h"
#include "maps/maps.h"
#include "vm/base/check.h"

namespace weir::controlplane::cli {
namespace {

constexpr uint32_t kCpuSlots = 1;

/// bpf_printk of an offline run is for the person who runs it.
void print_line(void*, const char* text, uint32_t length) {
    fmt::print(stderr, "{}\n", std::string_view(text, length));
}

Json map_elements(vm::Map& map) {
    std::map<Bytes, Bytes, KeyLess> sorted;
    Bytes key(map.spec().key_bytes), next(map.spec().key_bytes);
    Bytes value(map.control_value_bytes());
    int status = map.next_key(nullptr, next.data());
    while (status == 0) {
        key = next;
        if (map.control_lookup(key.data(), value) == 0) sorted[key] = value;
        status = map.next_key(key.data(), next.data());
    }
    Json elements = Json::array();
    for (const auto& [raw_key, raw_value] : sorted)
        elements.push_back({to_hex(raw_key), to_hex(raw_value)});
    return elements;
}

}  // namespace

PacketBuffer::PacketBuffer(size_t data_bytes) : memory_(kPacketHeadroomBytes + data_bytes) {}

vm::XdpContext PacketBuffer::load(ByteSpan bytes) {
    WEIR_CHECK(kPacketHeadroomBytes + bytes.size() <= memory_.size());
    // The same bytes around every packet, so that a run is repeatable.
    std::memset(memory_.data(), 0, kPacketHeadroomBytes);
    uint8_t* data = memory_.data() + kPacketHeadroomBytes;
    if (!bytes.empty()) std::memcpy(data, bytes.data(), bytes.size());
    std::memset(data + bytes.size(), 0, memory_.size() - kPacketHeadroomBytes - bytes.size());
    vm::XdpContext context{};
    context.data = context.data_meta = data;
    context.data_end = data + bytes.size();
    context.frame_start = memory_.data();
    context.frame_limit = memory_.data() + memory_.size();
    context.ingress_ifindex = kOfflineIfindex;
    return context;
}

Result<std::unique_ptr<ProgramBench>> ProgramBench::make(const Parsed& parsed) {
    const Result<std::optional<jit::Engine>> engine = engine_of(parsed);
    if (!engine) return std::unexpected(engine.error());
    const Result<vm::ObjectSpec> object = load_object_of(parsed);
    if (!object) return std::unexpected(object.error());
    const Result<vm::ProgramSpec> spec = pick_program(*object, parsed);
    if (!spec) return std::unexpected(spec.error());
    Result<std::shared_ptr<const vm::VerifiedProgram>> proven = prove(*spec);
    if (!proven) return fail_in(parsed.text("OBJ"), proven.error());
    std::unique_ptr<ProgramBench> bench(new ProgramBench);
    bench->verified_ = std::move(*proven);
    bench->env_.printk = print_line;
    if (const Result<void> made = bench->make_maps(*object); !made)
        return fail_in(parsed.text("OBJ"), made.error());
    for (const std::string& option : parsed.words("map-fill"))
        if (const Result<void> filled = bench->fill_map(option); !filled)
            return std::unexpected(filled.error());
    if (const Result<void> compiled = bench->compile(*engine); !compiled)
        return fail_in(parsed.text("OBJ"), compiled.error());
    return bench;
}

/// Maps that the program does not refer to are made too, for the listing, if their kind is offered.
Result<void> ProgramBench::make_maps(const vm::ObjectSpec& object) {
    std::map<std::string, vm::Map*> by_name;
    const auto add = [&](const vm::MapSpec& map, bool needed) -> Result<void> {
        if (by_name.contains(map.name)) return {};
        Result<std::unique_ptr<vm::Map>> made = maps::create_map(map, kCpuSlots);
        if (!made && needed) return fail_in("map " + map.name, made.error());
        if (!made) return {};
        by_name[map.name] = made->get();
        maps_.push_back(std::move(*made));
        return {};
    };
    for (const vm::MapSpec& map : spec().maps)
        if (const Result<void> added = add(map, true); !added) return added;
    for (const vm::MapSpec& map : object.maps)
        if (const Result<void> added = add(map, false); !added) return added;
    for (const vm::MapSpec& map : spec().maps) program_maps_.push_back(by_name[map.name]);
    return {};
}

Result<void> ProgramBench::fill_map(const std::string& option) {
    const size_t equals = option.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == option.size())
        return fail(ErrorKind::kInvalid,
                    fmt::format("--map-fill: value '{}', expected NAME=FILE", option));
    const std::string name = option.substr(0, equals);
    const auto found = std::find_if(maps_.begin(), maps_.end(),
                                    [&](const auto& map) { return map->spec().name == name; });
    if (found == maps_.end()) {
        std::string all;
        for (const auto& map : maps_) all += (all.empty() ? "" : ", ") + map->spec().name;
        return fail(ErrorKind::kInvalid,
                    fmt::format("--map-fill: value '{}', expected a map of the object: {}", name,
                                all.empty() ? "it has none" : all));
    }
    const std::string path = option.substr(equals + 1);
    const Result<std::vector<ParsedElement>> elements = read_elements(path, (*found)->spec());
    if (!elements) return std::unexpected(elements.error());
    for (const ParsedElement& element : *elements) {
        const int status =
            (*found)->control_update(element.key.data(), element.value, vm::kUpdateAny);
        if (status != 0)
            return fail(ErrorKind::kInvalid,
                        fmt::format("{}: map {}: key 0x{}: {}", path, name, to_hex(element.key),
                                    std::strerror(-status)));
    }
    return {};
}

Result<void> ProgramBench::compile(std::optional<jit::Engine> engine) {
    Result<std::unique_ptr<jit::CompiledProgram>> compiled = jit::compile(
        verified_, program_maps_, maps::all_helpers(), engine.value_or(jit::Engine::kJit));
    if (!compiled && !engine) {
        fmt::print(stderr, "weir: the interpreter runs {}: {}\n", spec().name,
                   compiled.error().message);
        compiled =
            jit::compile(verified_, program_maps_, maps::all_helpers(), jit::Engine::kInterp);
    }
    if (!compiled) return std::unexpected(compiled.error());
    compiled_ = std::move(*compiled);
    return {};
}

Json ProgramBench::maps_json() const {
    Json document = Json::object();
    for (const std::unique_ptr<vm::Map>& map : maps_)
        document[map->spec().name] = map_elements(*map);
    return document;
}

void add_bench_options(Options& options) {
    options.value("pcap-in", "FILE", "capture to read packets from (pcap or pcapng, Ethernet)")
        .values("map-fill", "NAME=FILE",
                "first contents of a map, as lines 'KEY VALUE'; may be given several times")
        .value("engine", "jit|interp", "what runs the program (default jit)")
        .value("burst", "N", "packets per burst, 1 to 64 (default 32)");
}

}  // namespace weir::controlplane::cli
