/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* cb[]: five words that are zero at first and the program's own while it runs. */
#include "skb.h"

struct note notes[6];

static __noinline u32 mix(struct __sk_buff *skb)
{
    skb->cb[4] = skb->cb[0] * 3;
    return skb->cb[4] + skb->cb[1];
}

SEC("socket") int control_block(struct __sk_buff *skb)
{
    note(&notes[0], skb->cb[0] | skb->cb[1] | skb->cb[2] | skb->cb[3] | skb->cb[4]);
    skb->cb[0] = skb->len;
    skb->cb[1] = 7;
    *(u16 *)&skb->cb[2] = 0x1234;
    *((u8 *)&skb->cb[3] + 3) = 0xff;
    note(&notes[1], mix(skb));
    note(&notes[2], skb->cb[2]);
    note(&notes[3], *((u16 *)&skb->cb[3] + 1));
    note(&notes[4], skb->cb[4]);
    return (int)skb->cb[0];
}

LICENSE;
