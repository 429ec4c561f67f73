/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Changes of byte order by instruction: to big and to little end, 16, 32 and 64 bits. */
#include "../notes.h"

struct note notes[6];

#define SWAP(slot, name)                                                                           \
    do {                                                                                           \
        u64 value = seed;                                                                          \
        asm volatile("%[v] = " name " %[v]" : [v] "+r"(value));                                    \
        note(&notes[slot], value);                                                                 \
    } while (0)

SEC("xdp") int byte_order(struct xdp_md *ctx)
{
    u64 seed = 0x8899aabbccddeeffull * LENGTH(ctx);

    SWAP(0, "be16");
    SWAP(1, "be32");
    SWAP(2, "be64");
    SWAP(3, "le16");
    SWAP(4, "le32");
    SWAP(5, "le64");
    return XDP_PASS;
}

LICENSE;
