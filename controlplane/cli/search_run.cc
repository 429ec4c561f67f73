#include "controlplane/cli/search_run.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/core.h>

#include "maps/maps.h"

namespace weir::controlplane::cli {
namespace {

/// A run fills no more of a hash, and a small one is made fast.
constexpr uint32_t kHashEntriesMax = 256;
constexpr size_t kInnerMapsMax = 64;
constexpr uint32_t kTimersMax = 256;
constexpr uint64_t kTimerInsnsMax = 100'000;

bool is_hash_like(vm::MapType type) {
    return type == vm::MapType::Hash || type == vm::MapType::PercpuHash ||
           type == vm::MapType::LruHash || type == vm::MapType::LruPercpuHash ||
           type == vm::MapType::LpmTrie || type == vm::MapType::HashOfMaps;
}

bool keeps_what_comes(vm::MapType type) {
    return type == vm::MapType::Queue || type == vm::MapType::Stack ||
           type == vm::MapType::Ringbuf || type == vm::MapType::PerfEventArray;
}

vm::MapSpec small(vm::MapSpec spec) {
    if (is_hash_like(spec.type)) spec.entries_max = std::min(spec.entries_max, kHashEntriesMax);
    return spec;
}

uint64_t bytes_of(const vm::MapSpec& spec) {
    if (spec.type == vm::MapType::Ringbuf) return spec.entries_max;
    return uint64_t{spec.entries_max} * (uint64_t{spec.key_bytes} + spec.value_bytes);
}

void drain(vm::Map& map) {
    Bytes value(map.spec().value_bytes);
    for (uint32_t i = 0; i < map.spec().entries_max && map.pop(value.data()) == 0; ++i) continue;
    map.drain_events(0, [](void*, std::span<const uint8_t>) {}, nullptr);
}

}  // namespace

Result<void> SearchBench::make_maps(const vm::ProgramSpec& program) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < program.maps.size(); ++i) {
        const vm::MapSpec spec = small(program.maps[i]);
        bytes += bytes_of(spec);
        if (bytes > kSearchMapBytesMax)
            return fail(ErrorKind::kResource,
                        fmt::format("maps of more than {} bytes", kSearchMapBytesMax));
        auto map = maps::create_map(spec, 1);
        if (!map) return std::unexpected(map.error());
        drains_ = drains_ || keeps_what_comes(spec.type);
        if (uint8_t* const base = (*map)->direct_value(); base != nullptr && spec.entries_max == 1)
            globals_.push_back({static_cast<uint32_t>(i), base,
                                Bytes(base, base + spec.value_bytes), !spec.frozen});
        maps_.push_back(std::move(*map));
    }
    return {};
}

Result<std::unique_ptr<SearchBench>> SearchBench::make(const vm::ProgramSpec& program) {
    std::unique_ptr<SearchBench> bench(new SearchBench());
    auto code = vm::decode_program(program.insns);
    if (!code) return std::unexpected(code.error());
    bench->code_ = std::move(*code);
    if (const Result<void> made = bench->make_maps(program); !made)
        return std::unexpected(made.error());
    std::vector<vm::Map*> maps;
    bool has_timers = false;
    for (const auto& map : bench->maps_) {
        maps.push_back(map.get());
        has_timers = has_timers || map->spec().timer_offset != vm::kNoOffset;
    }
    auto made = vm::CheckedProgram::make(program, std::move(maps), steered_helpers());
    if (!made) return std::unexpected(made.error());
    bench->program_ = std::move(*made);
    if (has_timers) {
        bench->timers_ = std::make_unique<vm::Timers>(kTimersMax);
        bench->program_->report_faults_to(
            [here = bench.get()](const vm::RunFault& fault) { here->timer_fault_ = fault; },
            kTimerInsnsMax);
    }
    return bench;
}

std::optional<SearchBench::GlobalPlace> SearchBench::global_at(uint64_t address) const {
    for (const Global& global : globals_) {
        const uint64_t offset = address - reinterpret_cast<uint64_t>(global.base);
        if (global.varies && offset < global.contents.size())
            return GlobalPlace{global.map, static_cast<uint32_t>(offset)};
    }
    return std::nullopt;
}

SearchInput SearchBench::first_input(size_t packet_bytes) const {
    SearchInput input;
    input.packet.resize(packet_bytes);
    for (const Global& global : globals_)
        if (global.varies) input.globals[global.map] = global.contents;
    return input;
}

void SearchBench::set_globals(const SearchInput& input) {
    for (const Global& global : globals_) {
        std::ranges::copy(global.contents, global.base);
        const auto chosen = input.globals.find(global.map);
        if (!global.varies || chosen == input.globals.end()) continue;
        const size_t bytes = std::min(chosen->second.size(), global.contents.size());
        std::copy_n(chosen->second.begin(), bytes, global.base);
    }
}

vm::Map* SearchBench::make_inner(const vm::Map& outer) {
    if (outer.spec().inner == nullptr || inner_maps_.size() >= kInnerMapsMax ||
        bytes_of(*outer.spec().inner) > kSearchMapBytesMax / kInnerMapsMax)
        return nullptr;
    auto made = maps::create_map(*outer.spec().inner, 1);
    if (!made) return nullptr;
    inner_maps_.push_back(std::move(*made));
    return inner_maps_.back().get();
}

void SearchBench::clean(const std::vector<TouchedElement>& touched) {
    for (const TouchedElement& element : touched) {
        const vm::MapType type = element.map->spec().type;
        if (has_no_keys(type)) continue;  // drained below
        const bool is_inner =
            std::ranges::none_of(maps_, [&](const auto& map) { return map.get() == element.map; });
        if (is_inner) continue;
        if (!has_all_elements(type))
            element.map->control_erase(element.key.data());
        else if (uint8_t* const value = element.map->lookup(element.key.data(), 0))
            std::memset(value, 0, element.map->spec().value_bytes);
    }
    inner_maps_.clear();
    if (!drains_) return;
    for (const auto& map : maps_)
        if (keeps_what_comes(map->spec().type)) drain(*map);
}

SearchRun SearchBench::run(const SearchInput& input, uint64_t insns_max, RunFollower* follower) {
    const auto inner = [](void* opaque, const vm::Map& outer) {
        return static_cast<SearchBench*>(opaque)->make_inner(outer);
    };
    set_globals(input);
    SteeredCalls calls(input, inner, this);
    SteeredEnv env;
    env.calls = &calls;
    env.timers = timers_.get();
    vm::CheckedResult result;
    const auto run_over = [&](auto& context, vm::XdpContext& packet) {
        if (follower != nullptr)
            follower->begin({*this, input, packet, reinterpret_cast<uint64_t>(&context), calls});
        result = vm::run_checked(*program_, context, env, insns_max, follower);
    };
    if (spec().type == vm::ProgramType::SocketFilter) {
        vm::SkbContext context = packet_.load_socket(input.packet);
        run_over(context, context.frame);
    } else {
        vm::XdpContext context = packet_.load_xdp(input.packet, spec().has_frags);
        context.ingress_ifindex = input.context[0];
        context.rx_queue_index = input.context[1];
        context.egress_ifindex = input.context[2];
        run_over(context, context);
    }
    if (timers_ != nullptr && !result.fault) {
        constexpr uint64_t kLate = UINT64_MAX - 1;
        timers_->run_due(kLate, env);
        result.fault = std::exchange(timer_fault_, std::nullopt);
    }
    SearchRun ran{std::move(result.fault), result.insns, {}, calls.forced(), calls.failable()};
    for (const TouchedElement& element : calls.touched())
        ran.found.push_back({element.map->spec().name, element.key, element.lookup,
                             element.address != 0, element.map->spec().value_bytes});
    clean(calls.touched());
    return ran;
}

}  // namespace weir::controlplane::cli
