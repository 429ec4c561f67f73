/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Variables in every section that may hold them; statics, structs, arrays, alignment, weak and hidden ones. */
#include "../notes.h"

struct settings {
    u8 on;
    u64 limit;
    char name[7];
} __attribute__((aligned(16)));

u32 tuned SEC(".data.tuning") = 7;
u64 tuned_more SEC(".data.tuning") = 0xffff000000000000;
const u16 constants[4] SEC(".rodata.tables") = {1, 10, 100, 1000};
const volatile struct settings settings = {.on = 1, .limit = 90, .name = "corpus"};
static volatile const s16 offset = -3;
__attribute__((weak)) u64 weak_one = 5;
__hidden u32 hidden_one = 6;
static struct settings changing = {.limit = 2};
u8 zeroes[100];
bool seen_long;

SEC("xdp") int data_sections(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx);
    static u32 turns = 40;

    turns++;
    tuned = tuned * 3 + constants[length & 3];
    tuned_more += offset;
    weak_one ^= length;
    hidden_one += turns;
    changing.limit *= 3;
    changing.name[BELOW(length % 7, 7)]++;
    zeroes[BELOW(length % 100, 100)] += settings.name[2];
    seen_long |= length > settings.limit;
    return settings.on && changing.limit & 4 ? XDP_DROP : XDP_PASS;
}

LICENSE;
