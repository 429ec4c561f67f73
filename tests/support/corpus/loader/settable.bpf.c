/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Variables of every type that a value can be given to before the load, and some that cannot take one. */
#include "../common.h"

enum mode { OFF, ON = 3, NEGATIVE = -2 };

struct limits {
    u32 low, high;
    struct {
        u16 inner;
    };
    u8 key[4];
    u32 bits : 3;
};

const volatile u8 a_u8 = 1;
const volatile s8 a_s8 = -1;
const volatile u16 a_u16 = 1;
const volatile s16 a_s16 = 1;
const volatile u32 a_u32 = 1;
const volatile s32 a_s32 = 1;
const volatile u64 a_u64 = 1;
const volatile s64 a_s64 = 1;
const volatile bool a_bool = true;
const volatile char a_char = 'a';
const volatile enum mode an_enum = ON;
const volatile u8 an_address[16] = {1};
const volatile char a_name[8] = "none";
const volatile u32 numbers[3] = {1, 2, 3};
const volatile struct limits limits[2] = {{1, 2}};
u64 in_data = 5;
u32 in_bss;
double fraction = 0.5;
void *place = (void *)1;

SEC("xdp") int reads(struct xdp_md *ctx)
{
    return a_u8 + a_s8 + a_u16 + a_s16 + a_u32 + a_s32 + a_u64 + a_s64 + a_bool + a_char + an_enum + an_address[3] +
           a_name[0] + numbers[1] + limits[1].high + in_data + in_bss + (place != 0);
}

LICENSE;
