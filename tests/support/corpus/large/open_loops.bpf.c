/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Loops that no constant bounds: number iterators, nested and with early ends, and may_goto; each over packets and maps. */
#include "large.h"

#define MAY_GOTO(label)                                                                            \
    asm volatile goto("1: .byte 0xe5; .byte 0; .long ((%l[" #label "] - 1b - 8) / 8) & 0xffff; .short 0" \
                      : : : : label)

struct bpf_iter_num {
    u64 opaque;
} __attribute__((aligned(8)));

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;

u64 table[256], out;
MAP(values, BPF_MAP_TYPE_ARRAY, 256, u32, struct counters);

SEC("xdp") int iterate_packet(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u8 *bytes = cursor.at;
    struct bpf_iter_num it;
    u32 hash = 17;
    int *at;

    bpf_iter_num_new(&it, 0, N);
    while ((at = bpf_iter_num_next(&it))) {
        u64 offset = *at;

        HIDE(offset);
        if (offset > 9000 || (void *)(bytes + offset + 1) > cursor.end)
            break;
        hash = mix(hash, bytes[offset]);
        if (bytes[offset] == 0xff)
            table[hash & 255]++;
    }
    bpf_iter_num_destroy(&it);
    out = hash;
    return hash & 1 ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int iterate_nested(struct xdp_md *ctx)
{
    struct bpf_iter_num rows, columns;
    u64 sum = 0, rounds = 0;
    int *row, *column;

    bpf_iter_num_new(&rows, 0, N);
    while ((row = bpf_iter_num_next(&rows))) {
        bpf_iter_num_new(&columns, 0, N);
        while ((column = bpf_iter_num_next(&columns))) {
            u32 key = (*row * 16 + *column) & 255;
            struct counters *value = bpf_map_lookup_elem(&values, &key);

            if (!value)
                continue;
            if (value->packets > 100)
                break;
            sum += value->bytes;
            value->packets = ++rounds;
        }
        bpf_iter_num_destroy(&columns);
        if (sum > 1ull << 40)
            break;
    }
    bpf_iter_num_destroy(&rows);
    out = sum;
    return sum & 1 ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int may_goto_words(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u64 sum = ctx->rx_queue_index;

    for (u32 at = 0;; at += 2) {
        __be16 *word = cursor.at + at;

        MAY_GOTO(out);
        if (at > 9000 || (void *)(word + 1) > cursor.end)
            break;
        sum += *word;
        if (*word == bpf_htons(0x2020))
            table[0]++;
        if (sum > 1ull << 30)
            break;
    }
out:
    out = sum;
    return sum & 1 ? XDP_DROP : XDP_PASS;
}

/* The cursor itself moves on: only a bound that holds for every round shows that it stays in the packet. */
SEC("xdp") int may_goto_cursor(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u64 sum = 0, spaces = 0;

    for (;;) {
        __be16 *word = cursor.at;

        MAY_GOTO(out);
        if ((void *)(word + 1) > cursor.end)
            break;
        sum += *word;
        if (*word == bpf_htons(0x2020))
            spaces++;
        cursor.at = word + 1;
        if (sum > 1ull << 30 && spaces > 7)
            break;
    }
out:
    out = sum + spaces;
    return spaces ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int may_goto_chase(struct xdp_md *ctx)
{
    u64 at = ctx->rx_queue_index & 255, hops = 0;

    for (;;) {
        MAY_GOTO(out);
        if (table[at] == at || hops > N)
            break;
        at = table[at] & 255;
        hops++;
    }
out:
    out = hops;
    return hops & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
