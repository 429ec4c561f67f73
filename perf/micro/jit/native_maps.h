#pragma once
// What programs.bpf.c finds when it is compiled to native code: our own maps, looked up in place
// with the sizes that the source says, and helpers that are inlined. Only native.cc includes this.

#include <cerrno>
#include <cstdint>
#include <map>
#include <string>

#include "maps/hash_map.h"
#include "maps/lpm_map_find.h"
#include "maps/lru_map.h"
#include "perf/micro/jit/native.h"
#include "vm/base/check.h"
#include "vm/base/limits.h"
#include "vm/program/context.h"
#include "vm/program/run.h"

namespace weir::perf::native {

using vm::XdpContext;
using enum vm::XdpVerdict;

constexpr uint64_t BPF_NOEXIST = vm::kUpdateNoExist;

/// A map that programs name; what stands behind the name is bound when it exists.
class NativeMap {
public:
    explicit NativeMap(const char* name) { all()[name] = this; }
    virtual ~NativeMap() = default;
    NativeMap(const NativeMap&) = delete;
    NativeMap& operator=(const NativeMap&) = delete;
    virtual void bind(vm::Map& map) = 0;

    static std::map<std::string, NativeMap*, std::less<>>& all() {
        static std::map<std::string, NativeMap*, std::less<>> maps;
        return maps;
    }
};

template <uint32_t kEntries, uint32_t kKeyBytes, uint32_t kValueBytes>
class PERCPU_ARRAY final : public NativeMap {
public:
    using NativeMap::NativeMap;
    void bind(vm::Map& map) override {
        layout_ = map.array_layout().value();
        WEIR_CHECK(layout_.entries == kEntries && layout_.stride_bytes == kValueBytes);
    }
    [[gnu::always_inline]] uint8_t* look_up(const void* key, const vm::RunEnv& env) const {
        const uint32_t index = *static_cast<const uint32_t*>(key);
        if (index >= kEntries || env.cpu >= layout_.planes) return nullptr;
        return layout_.base + env.cpu * layout_.plane_bytes + index * kValueBytes;
    }

private:
    vm::ArrayLayout layout_;
};

template <uint32_t kEntries, uint32_t kKeyBytes, uint32_t kValueBytes>
class HASH final : public NativeMap {
public:
    using NativeMap::NativeMap;
    void bind(vm::Map& map) override { map_ = dynamic_cast<maps::HashMap*>(&map); }
    [[gnu::always_inline]] uint8_t* look_up(const void* key, const vm::RunEnv&) const {
        return map_->look_up<kKeyBytes>(static_cast<const uint8_t*>(key));
    }

private:
    maps::HashMap* map_ = nullptr;
};

template <uint32_t kEntries, uint32_t kKeyBytes, uint32_t kValueBytes>
class LRU_HASH final : public NativeMap {
public:
    using NativeMap::NativeMap;
    void bind(vm::Map& map) override { map_ = dynamic_cast<maps::LruMap*>(&map); }
    [[gnu::always_inline]] uint8_t* look_up(const void* key, const vm::RunEnv& env) const {
        return map_->look_up<kKeyBytes>(static_cast<const uint8_t*>(key), env.cpu);
    }
    int64_t update(const void* key, const void* value, uint64_t flags,
                   const vm::RunEnv& env) const {
        return map_->update(static_cast<const uint8_t*>(key), static_cast<const uint8_t*>(value),
                            flags, env.cpu);
    }

private:
    maps::LruMap* map_ = nullptr;
};

template <uint32_t kEntries, uint32_t kKeyBytes, uint32_t kValueBytes>
class LPM_TRIE final : public NativeMap {
public:
    using NativeMap::NativeMap;
    void bind(vm::Map& map) override {
        map_ = dynamic_cast<maps::LpmMap*>(&map);
        const uint32_t entries_max = map.spec().entries_max;
        WEIR_CHECK(maps::LpmFib::shape_for(entries_max, kAddressBytes).layout == kLayout);
    }
    [[gnu::always_inline]] uint8_t* look_up(const void* key, const vm::RunEnv&) const {
        return map_->look_up<kLayout, kAddressBytes>(static_cast<const uint8_t*>(key));
    }

private:
    static constexpr uint32_t kAddressBytes = kKeyBytes - maps::kLpmLengthBytes;
    static constexpr maps::LpmLayout kLayout =
        kEntries < 65'536 ? maps::LpmLayout::Pair : maps::LpmLayout::Wide;

    maps::LpmMap* map_ = nullptr;
};

/// bpf_xdp_adjust_head, as vm/helpers has it, of a packet without metadata.
inline int64_t adjust_head(XdpContext* context, int64_t offset) {
    if (context->data != context->data_meta ||
        offset < -(context->data_meta - context->frame_start) ||
        offset > context->data_end - context->data - kFrameBytesMin)
        return -EINVAL;
    context->data_meta += offset;
    context->data += offset;
    return 0;
}

struct NativeProgram {
    NativeProgram(const char* name, NativeFn run) { all()[name] = run; }

    static std::map<std::string, NativeFn, std::less<>>& all() {
        static std::map<std::string, NativeFn, std::less<>> programs;
        return programs;
    }
};

}  // namespace weir::perf::native

#define xdp_md XdpContext
#define PROGRAM(name)                                       \
    static uint32_t name(XdpContext* ctx, vm::RunEnv& env); \
    static const NativeProgram name##_program{#name, name}; \
    static uint32_t name([[maybe_unused]] XdpContext* ctx, [[maybe_unused]] vm::RunEnv& env)
#define MAP(kind, name, key_type, value_type, entries, create_flags)  \
    static kind<entries, sizeof(key_type), sizeof(value_type)> name { \
        #name                                                         \
    }

#define bpf_map_lookup_elem(map, key) (map)->look_up(key, env)
#define bpf_map_update_elem(map, key, value, flags) (map)->update(key, value, flags, env)
#define bpf_xdp_adjust_head(context, offset) adjust_head(context, offset)
