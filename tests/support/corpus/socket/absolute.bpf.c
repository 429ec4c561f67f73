/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* LD_ABS of every size, also relative to link and network header. */
#include "skb.h"

struct note notes[8];

SEC("socket") int absolute(struct __sk_buff *skb)
{
    note(&notes[0], load_byte(skb, 0));
    note(&notes[1], load_half(skb, 2));
    note(&notes[2], load_byte(skb, 0xfffffffffff00000ull));
    note(&notes[3], load_half(skb, 0xffffffffffe0000cull));
    note(&notes[4], load_word(skb, 12));
    note(&notes[5], load_half(skb, 7));
    note(&notes[6], load_word(skb, 61));
    note(&notes[7], load_byte(skb, 100));
    return (int)load_byte(skb, 9) * 100;
}

LICENSE;
