/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The types of a make-believe kernel: what core_local's types have to be made to fit. */
#include "../common.h"

enum color { RED = 5, GREEN = 6, BLUE = 70000 };
enum wide { WIDE_ONE = 0x100000000ULL, WIDE_TWO = 0x200000005ULL };
enum signed_color { BELOW = -7 };

struct inner {
    u64 pad;
    u32 first;
    u32 second;
};

struct moved {
    u64 added[3];
    union {
        struct {
            u32 unused;
            u32 hidden; /* in an anonymous struct in a union, at 28 */
        };
        u64 both;
    };
    u64 grown; /* u32 in the object */
    u16 shrunk; /* u32 in the object */
    s64 signed_grown;
    struct inner nested[4];
    u8 *pointer;
    u32 low : 5;
    s32 high : 11;
    u32 flexible[];
};

/* Two kernels' worth of one type, and they disagree. */
struct twice {
    u32 x;
};
struct twice___v2 {
    u32 pad, x;
};

/* These agree. */
struct agreed {
    u32 pad, x;
};
struct agreed___v2 {
    s32 other, x, y;
};

struct changed_kind {
    struct inner field; /* a number in the object */
};

typedef u32 word_t;
typedef int (*callback_t)(struct moved *, u64);
union choice {
    u32 number;
    u8 bytes[4];
};

struct moved moved_one;
struct twice twice_one;
struct twice___v2 twice_two;
struct agreed agreed_one;
struct agreed___v2 agreed_two;
struct changed_kind changed_one;
enum color color_one;
enum wide wide_one;
enum signed_color signed_one;
word_t word_one;
callback_t callback_one;
union choice choice_one;

SEC("xdp") int target(struct xdp_md *ctx) { return XDP_PASS; }

LICENSE;
