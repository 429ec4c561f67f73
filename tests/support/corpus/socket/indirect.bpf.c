/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* LD_IND: the transport header behind an IPv4 header of any length, and an index out of the packet's bytes. */
#include "skb.h"

struct note notes[4];

SEC("socket") int indirect(struct __sk_buff *skb)
{
    u64 header = (load_byte(skb, 0) & 15) * 4;

    note(&notes[0], header);
    note(&notes[1], load_half(skb, header + 2));
    note(&notes[2], load_word(skb, header));
    note(&notes[3], load_byte(skb, load_byte(skb, header + 1)));
    return notes[1].last == 443 ? 0 : -1;
}

LICENSE;
