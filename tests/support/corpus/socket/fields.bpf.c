/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The fields of __sk_buff that a socket filter may read, whole and in part. */
#include "skb.h"

struct note notes[20];

SEC("socket") int fields(struct __sk_buff *skb)
{
    note(&notes[0], skb->len);
    note(&notes[1], skb->pkt_type);
    note(&notes[2], skb->mark);
    note(&notes[3], skb->queue_mapping);
    note(&notes[4], skb->protocol);
    note(&notes[5], skb->vlan_present);
    note(&notes[6], skb->vlan_tci);
    note(&notes[7], skb->vlan_proto);
    note(&notes[8], skb->priority);
    note(&notes[9], skb->ingress_ifindex < 2); /* the kernel's test leaves it out */
    note(&notes[10], skb->ifindex);
    note(&notes[11], skb->tc_index);
    note(&notes[12], skb->hash);
    note(&notes[13], *(volatile u8 *)&skb->len);
    note(&notes[14], *(volatile u16 *)&skb->len);
    note(&notes[15], *((volatile u8 *)&skb->protocol + 1));
    return skb->len > 100 ? (int)skb->len - 50 : 0;
}

LICENSE;
