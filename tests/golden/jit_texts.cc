#include "tests/golden/jit_texts.h"

#include <array>

namespace weir::tests {
namespace {

constexpr auto kOperands = std::to_array<std::string_view>({
    "r1 += 0x80\n",
    "r1 -= 0x80\n",
    "w1 += 0x80\n",
    "r1 += -0x80\n",
    "r1 += 0x1\n",
    "r1 *= 0x0\n",
    "r1 *= 0x1\n",
    "w1 *= 0x1\n",
    "r1 *= 0x8\n",
    "r1 *= 0x1f\n",
    "r1 /= 0x0\n",
    "r1 /= 0x1\n",
    "w1 /= 0x1\n",
    "r1 /= 0x10\n",
    "r1 /= 0x7\n",
    "r3 /= 0x7\n",
    "r0 /= 0x7\n",
    "r0 /= r3\n",
    "r3 /= r0\n",
    "r1 %= 0x0\n",
    "w1 %= 0x0\n",
    "r1 %= 0x10\n",
    "r1 %= -0x1\n",
    "r1 s/= -0x1\n",
    "r1 s%= -0x1\n",
    "r1 s/= 0x10\n",
    "r1 &= 0xff\n",
    "w1 &= 0xff\n",
    "r1 &= 0xffff\n",
    "r1 &= 0x7fffffff\n",
    "r1 &= -0x8\n",
    "w1 &= -0x8\n",
    "r1 |= 0x0\n",
    "r1 ^= -0x1\n",
    "r1 = 0x0\n",
    "w1 = 0x0\n",
    "r1 = -0x1\n",
    "w1 = -0x1\n",
    "r1 = r1\n",
    "w1 = w1\n",
    "r1 <<= 0x0\n",
    "w1 <<= 0x0\n",
    "r4 <<= r1\n",
    "r1 >>= r4\n",
    "r4 >>= r4\n",
    "w4 s>>= w5\n",
    "r1 = 0x100000000 ll\n",
    "r1 = -0x1 ll\n",
    "if r1 == 0x0 goto +0x1\nr0 = 0x1\n",
    "if w1 s< 0x0 goto +0x1\nr0 = 0x1\n",
    "if r1 s>= 0x0 goto +0x1\nr0 = 0x1\n",
    "if r1 & 0x1 goto +0x1\nr0 = 0x1\n",
    "if r1 & 0x80 goto +0x1\nr0 = 0x1\n",
    "if r1 & 0x1000 goto +0x1\nr0 = 0x1\n",
    "if r1 & -0x80000000 goto +0x1\nr0 = 0x1\n",
    "if w1 & -0x80000000 goto +0x1\nr0 = 0x1\n",
    "if r1 == 0x80 goto +0x1\nr0 = 0x1\n",
    "if r1 > r2 goto +0x0\nr0 = 0x1\n",
    "*(u8 *)(r10 - 0x1) = 0xff\n",
    "*(u16 *)(r10 - 0x2) = 0xffff\n",
    "*(u64 *)(r10 - 0x8) = 0x0\n",
    "*(u64 *)(r10 - 0x200) = r9\n",
    "r0 = *(u8 *)(r7 + 0x0)\n",
    "r0 = *(u64 *)(r10 - 0x80)\n",
    "r0 = *(s8 *)(r9 + 0x7f)\n",
    "r0 = atomic_fetch_or((u64 *)(r1 + 0x8), r0)\n",
    "r2 = atomic_fetch_and((u64 *)(r0 + 0x8), r2)\n",
    "r1 = r2\nr1 += 0xe\n",
    "r1 = r2\nr1 += r3\n",
    "r1 = r2\nr1 -= r3\n",
    "r1 = r2\nr1 <<= 0x3\n",
    "r1 = r2\nr1 *= 0x5\n",
    "r1 = r2\nr1 &= 0xff\n",
    "w1 = w2\nw1 >>= 0x8\n",
    "r1 <<= 0x20\nr1 >>= 0x20\n",
    "r1 <<= 0x20\nr1 s>>= 0x20\n",
    "r1 <<= 0x30\nr1 >>= 0x30\n",
    "r1 <<= 0x38\nr1 s>>= 0x38\n",
    "r1 &= 0x7\nif r1 == 0x0 goto +0x1\nr0 = 0x1\n",
    "r1 -= r2\nif r1 == 0x0 goto +0x1\nr0 = 0x1\n",
    "r1 = *(u16 *)(r2 + 0xc)\nr1 = be16 r1\n",
    "r1 = *(u32 *)(r2 + 0xc)\nr1 = be32 r1\n",
    "r1 = *(u16 *)(r2 + 0xc)\nif r1 != 0x8 goto +0x1\nr0 = 0x1\n",
    "r6 = r1\nr6 += r2\nr7 = r6\nr0 = r7\n",
    "r1 += r2\nr0 = *(u8 *)(r1 + 0x4)\n",
    "r1 = r2\nr1 += r3\nr0 = *(u64 *)(r1 + 0x0)\n",
    "r1 = *(u8 *)(r2 + 0x0)\nr3 = *(u8 *)(r2 + 0x1)\nr3 <<= 0x8\nr3 |= r1\nr0 = r3\n",
    "r1 = *(u16 *)(r2 + 0x0)\nr3 = *(u16 *)(r2 + 0x2)\nr3 <<= 0x10\nr3 |= r1\nr0 = r3\n",
    "r0 = r1\nr0 <<= 0xd\nr1 >>= 0x33\nr0 |= r1\n",
    "w0 = w1\nw0 <<= 0x5\nw1 >>= 0x1b\nw0 |= w1\n",
    "r1 = *(u64 *)(r2 + 0x8)\nr1 += 0x1\n*(u64 *)(r2 + 0x8) = r1\n",
    "r3 = *(u64 *)(r2 + 0x8)\nr3 -= r1\n*(u64 *)(r2 + 0x8) = r3\n",
    "r1 = *(u64 *)(r2 + 0x8)\nr3 += r1\n*(u64 *)(r2 + 0x8) = r3\n",
    "r1 = *(u32 *)(r2 + 0x8)\nw3 ^= w1\nr0 = r3\n",
    "w1 = 0x7\n*(u32 *)(r10 - 0x4) = r1\n",
    "r1 <<= 0x3\nr1 += r2\nr0 = r1\n",
    "*(u64 *)(r10 - 0x8) = r1\nr0 = *(u64 *)(r10 - 0x8)\n",
});

vm::MapSpec map_spec(const char* name, vm::MapType type, uint32_t key, uint32_t value) {
    vm::MapSpec spec;
    spec.name = name;
    spec.type = type;
    spec.key_bytes = key;
    spec.value_bytes = value;
    spec.entries_max = 1000;
    const bool hashes = type == vm::MapType::Hash || type == vm::MapType::PercpuHash ||
                        type == vm::MapType::LruHash || type == vm::MapType::LruPercpuHash;
    if (hashes) spec.flags = vm::kMapZeroSeed;
    if (type == vm::MapType::LpmTrie) spec.flags = vm::kMapNoPrealloc;
    return spec;
}

/// A key of so many bytes in pieces of eight and four, looked up, its value's first number taken.
/// `number` is the key's first piece: a constant or r3, which comes out of the context.
std::string lookup_text(uint32_t key_bytes, const std::string& number) {
    std::string text = "r3 = *(u32 *)(r1 + 0xc)\n";
    for (uint32_t at = 0; at < key_bytes; at += 8) {
        const char* type = key_bytes - at >= 8 ? "u64" : "u32";
        text += std::string("*(") + type + " *)(r10 - " + std::to_string(24 - at) +
                ") = " + (at == 0 ? number : "r3") + "\n";
    }
    return text +
           "r2 = r10\nr2 += -0x18\nr1 = map[0] ll\ncall 0x1\nif r0 == 0x0 goto +0x1\n"
           "r0 = *(u64 *)(r0 + 0x0)\nexit\n";
}

ProvenText lookup(vm::MapType type, uint32_t key_bytes, uint32_t value_bytes,
                  const std::string& number = "r3") {
    const std::string kind = vm::map_type_name(type);
    return {kind + " look-up, key of " + std::to_string(key_bytes) + ", value of " +
                std::to_string(value_bytes) + (number == "r3" ? "" : ", key " + number),
            Shows::Single,
            {map_spec("map", type, key_bytes, value_bytes)},
            lookup_text(key_bytes, number)};
}

ProvenText helper(const char* name, const char* text) {
    return {name, Shows::Single, {}, text};
}

}  // namespace

std::span<const std::string_view> operand_texts() {
    return kOperands;
}

std::vector<ProvenText> proven_texts() {
    using enum vm::MapType;
    constexpr const char* kParse =
        "r0 = 0x1\nr2 = *(u32 *)(r1 + 0x4)\nr1 = *(u32 *)(r1 + 0x0)\nr3 = r1\nr3 += 0xe\n"
        "if r3 > r2 goto +0x3\nr4 = *(u16 *)(r1 + 0xc)\nif r4 != 0x8 goto +0x1\nr0 = 0x2\nexit\n";
    constexpr const char* kFlow =
        "r0 = 0x1\nr6 = r1\nr2 = *(u32 *)(r1 + 0x4)\nr1 = *(u32 *)(r1 + 0x0)\nr3 = r1\n"
        "r3 += 0x22\nif r3 > r2 goto +0xa\nr4 = *(u64 *)(r1 + 0x1a)\n*(u64 *)(r10 - 0x8) = r4\n"
        "r2 = r10\nr2 += -0x8\nr1 = map[0] ll\ncall 0x1\nif r0 == 0x0 goto +0x2\nr1 = 0x1\n"
        "lock *(u64 *)(r0 + 0x8) += r1\nr0 = 0x2\nexit\n";
    return {
        lookup(Array, 4, 8),
        lookup(Array, 4, 8, "0x3"),
        lookup(Array, 4, 8, "0x4000"),
        lookup(Array, 4, 24),
        lookup(PercpuArray, 4, 16),
        lookup(Hash, 4, 8),
        lookup(Hash, 8, 16),
        lookup(Hash, 8, 16, "0x3"),
        lookup(Hash, 20, 8),
        lookup(PercpuHash, 8, 8),
        lookup(LruHash, 16, 8),
        lookup(LruPercpuHash, 8, 8),
        lookup(LpmTrie, 8, 8),
        lookup(LpmTrie, 20, 8),
        {"number in global data",
         Shows::Single,
         {map_spec("map", Array, 4, 16)},
         "r1 = map[0][0] + 0x8 ll\nr0 = *(u64 *)(r1 + 0x0)\nexit\n"},
        helper("ktime_get_ns", "call 0x5\nexit\n"),
        helper("get_prandom_u32", "call 0x7\nexit\n"),
        helper("get_smp_processor_id", "call 0x8\nexit\n"),
        helper("redirect", "r1 = 0x3\nr2 = 0x0\ncall 0x17\nexit\n"),
        helper("csum_diff of 8 bytes",
               "*(u64 *)(r10 - 0x8) = r1\nr1 = 0x0\nr2 = 0x0\nr3 = r10\nr3 += -0x8\nr4 = 0x8\n"
               "r5 = 0x0\ncall 0x1c\nexit\n"),
        helper("xdp_adjust_head", "r2 = 0x4\ncall 0x2c\nr0 = 0x2\nexit\n"),
        helper("xdp_adjust_tail", "r2 = -0x4\ncall 0x41\nr0 = 0x2\nexit\n"),
        helper("xdp_get_buff_len", "call 0xbc\nexit\n"),
        {"tail call",
         Shows::Single,
         {map_spec("map", ProgArray, 4, 4)},
         "r2 = map[0] ll\nr3 = 0x1\ncall 0xc\nr0 = 0x2\nexit\n"},
        {"a packet's type", Shows::Single, {}, kParse},
        {"a burst of packets' types", Shows::Burst, {}, kParse},
        {"a burst that counts flows", Shows::Burst, {map_spec("map", Hash, 8, 16)}, kFlow},
        {"the same, overlapping", Shows::Overlap, {map_spec("map", Hash, 8, 16)}, kFlow},
    };
}

}  // namespace weir::tests
