/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* CO-RE relocations of every kind, an answer per program, against the types of core_target. */
#include "../common.h"

#include <bpf/bpf_core_read.h>

#define RELOCATED __attribute__((preserve_access_index))

enum color { RED, BLUE, PURPLE };
enum wide { WIDE_TWO = 1ULL << 40 };
enum signed_color { BELOW = 1 };

struct inner {
    u32 second;
} RELOCATED;

struct moved {
    u32 hidden;
    u32 grown;
    u32 shrunk;
    s32 signed_grown;
    struct inner nested[4];
    u8 *pointer;
    u32 low : 5;
    s32 high : 11;
    u32 gone;
    u32 flexible[];
} RELOCATED;

struct moved___other {
    u32 hidden;
} RELOCATED;

struct twice {
    u32 x;
} RELOCATED;

struct agreed {
    u32 x;
} RELOCATED;

struct changed_kind {
    u32 field;
} RELOCATED;

struct nowhere {
    u32 x;
} RELOCATED;

typedef u64 word_t;
typedef int (*callback_t)(struct moved *, u64);
union choice {
    u32 number;
};

#define ANSWER(name, expression) \
    SEC("xdp") u64 name(void *ctx) { return (expression); }
#define READ(type, access) (((type *)ctx)->access)

ANSWER(offset_hidden, READ(struct moved, hidden))
ANSWER(offset_flavor, READ(struct moved___other, hidden))
ANSWER(offset_grown, READ(struct moved, grown))
ANSWER(offset_shrunk, READ(struct moved, shrunk))
ANSWER(offset_signed_grown, READ(struct moved, signed_grown))
ANSWER(offset_nested, READ(struct moved, nested[3].second))
ANSWER(offset_flexible, READ(struct moved, flexible[6]))
ANSWER(offset_second_element, (long)__builtin_preserve_access_index(&((struct inner *)ctx)[1].second))
ANSWER(offset_gone, READ(struct moved, gone))
ANSWER(offset_ambiguous, READ(struct twice, x))
ANSWER(offset_agreed, READ(struct agreed, x))
ANSWER(offset_changed_kind, READ(struct changed_kind, field))
ANSWER(offset_nowhere, READ(struct nowhere, x))
ANSWER(size_grown, bpf_core_field_size(((struct moved *)0)->grown))
ANSWER(size_nested, bpf_core_field_size(((struct moved *)0)->nested))
ANSWER(size_bits, __builtin_preserve_field_info(((struct moved *)0)->high, BPF_FIELD_BYTE_SIZE))
ANSWER(exists_hidden, bpf_core_field_exists(((struct moved *)0)->hidden))
ANSWER(exists_gone, bpf_core_field_exists(((struct moved *)0)->gone))
ANSWER(exists_changed_kind, bpf_core_field_exists(((struct changed_kind *)0)->field))
ANSWER(signed_high, __builtin_preserve_field_info(((struct moved *)0)->high, BPF_FIELD_SIGNED))
ANSWER(signed_low, __builtin_preserve_field_info(((struct moved *)0)->low, BPF_FIELD_SIGNED))
ANSWER(left_low, __builtin_preserve_field_info(((struct moved *)0)->low, BPF_FIELD_LSHIFT_U64))
ANSWER(right_low, __builtin_preserve_field_info(((struct moved *)0)->low, BPF_FIELD_RSHIFT_U64))
ANSWER(offset_high, __builtin_preserve_field_info(((struct moved *)0)->high, BPF_FIELD_BYTE_OFFSET))
ANSWER(left_high, __builtin_preserve_field_info(((struct moved *)0)->high, BPF_FIELD_LSHIFT_U64))
ANSWER(right_high, __builtin_preserve_field_info(((struct moved *)0)->high, BPF_FIELD_RSHIFT_U64))
ANSWER(type_exists, bpf_core_type_exists(struct moved))
ANSWER(type_nowhere, bpf_core_type_exists(struct nowhere))
ANSWER(type_union, bpf_core_type_exists(union choice))
ANSWER(typedef_exists, bpf_core_type_exists(callback_t))
ANSWER(size_of_moved, bpf_core_type_size(struct moved))
ANSWER(size_of_nowhere, bpf_core_type_size(struct nowhere))
ANSWER(size_of_word, bpf_core_type_size(word_t))
ANSWER(id_local, bpf_core_type_id_local(struct moved))
ANSWER(id_target, bpf_core_type_id_kernel(struct moved))
ANSWER(id_nowhere, bpf_core_type_id_kernel(struct nowhere))
ANSWER(enum_exists, bpf_core_enum_value_exists(enum color, BLUE))
ANSWER(enum_gone, bpf_core_enum_value_exists(enum color, PURPLE))
ANSWER(enum_value, bpf_core_enum_value(enum color, BLUE))
ANSWER(enum_value_gone, bpf_core_enum_value(enum color, PURPLE))
ANSWER(enum_wide, bpf_core_enum_value(enum wide, WIDE_TWO))
ANSWER(enum_signed, bpf_core_enum_value(enum signed_color, BELOW))
#if __clang_major__ >= 15
struct agreed___matching {
    u32 x;
};
ANSWER(matches, __builtin_preserve_type_info(*(struct agreed___matching *)0, 2))
ANSWER(matches_not, __builtin_preserve_type_info(*(struct moved *)0, 2))
ANSWER(matches_enum, __builtin_preserve_type_info(*(enum signed_color *)0, 2))
ANSWER(matches_callback, __builtin_preserve_type_info(*(callback_t *)0, 2))
#endif

SEC("xdp") u64 store_constant(struct moved *moved)
{
    moved->grown = 7;
    return 0;
}

SEC("xdp") u64 store_register(struct moved *moved)
{
    moved->shrunk = moved->hidden;
    return 0;
}

SEC("xdp") u64 guarded(struct moved *moved)
{
    if (bpf_core_field_exists(moved->gone))
        return moved->gone;
    return 2;
}

SEC("xdp") u64 address(struct moved *moved) { return (long)__builtin_preserve_access_index(&moved->nested[2].second); }

LICENSE;
