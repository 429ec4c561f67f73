/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Loops of N rounds over numbers, the packet's bytes, a table, and the values of maps; plain, with branches, nested. */
#include "large.h"

u64 table[N], out;
MAP(numbers, BPF_MAP_TYPE_ARRAY, N, u32, u64);
MAP(seen, BPF_MAP_TYPE_HASH, N, u32, u64);

#define KEEP_LOOP _Pragma("clang loop unroll(disable) vectorize(disable)")

SEC("xdp") int loop_counter(struct xdp_md *ctx)
{
    u64 sum = ctx->rx_queue_index;

    KEEP_LOOP for (u32 i = 0; i < N; i++) {
        sum = sum * 31 + i;
        HIDE(sum);
    }
    out = sum;
    return XDP_PASS;
}

SEC("xdp") int loop_branches(struct xdp_md *ctx)
{
    u64 sum = ctx->rx_queue_index, odd = 0, big = 0;

    KEEP_LOOP for (u32 i = 0; i < N; i++) {
        sum = sum * 31 + i;
        HIDE(sum);
        if (sum & 1)
            odd++;
        if (sum > 1ull << 60)
            big += odd;
        else if (sum % 3 == 1)
            sum += big;
        if (odd == 1000 && big > 5)
            break;
    }
    out = sum + odd;
    return odd > big ? XDP_PASS : XDP_DROP;
}

SEC("xdp") int loop_packet(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u8 *bytes = cursor.at;
    u32 hash = 17;

    KEEP_LOOP for (u32 i = 0; i < N; i++) {
        if ((void *)(bytes + i + 1) > cursor.end)
            break;
        hash = hash * 31 + bytes[i];
        if (bytes[i] == 0x7f)
            hash ^= 0x5a5a;
    }
    out = hash;
    return hash & 1 ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int loop_cursor(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u32 hash = 17, words = 0;

    KEEP_LOOP for (u32 i = 0; i < N / 4; i++) {
        __be32 *word = TAKE(&cursor, __be32);

        if (!word)
            break;
        words++;
        hash = hash * 31 + *word;
    }
    out = hash + words;
    return hash & 1 ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int loop_table(struct xdp_md *ctx)
{
    u64 sum = 0;

    KEEP_LOOP for (u32 i = 0; i < N; i++) {
        sum += table[i];
        if (sum > 1000)
            table[i] = 0;
        else
            table[i]++;
    }
    out = sum;
    return XDP_PASS;
}

SEC("xdp") int loop_map_values(struct xdp_md *ctx)
{
    u64 sum = 0;

    KEEP_LOOP for (u32 i = 0; i < N; i++) {
        u32 key = i;
        u64 *value = bpf_map_lookup_elem(&numbers, &key);

        if (!value)
            continue;
        sum += *value;
        *value = sum;
    }
    out = sum;
    return XDP_PASS;
}

/* The counter is in memory, in half a stack slot, as its address is taken. */
SEC("xdp") int loop_key_in_memory(struct xdp_md *ctx)
{
    u64 sum = 0;

    KEEP_LOOP for (u32 i = 0; i < N; i++) {
        u64 *value = bpf_map_lookup_elem(&numbers, &i);

        if (!value)
            continue;
        sum += *value;
        *value = sum;
    }
    out = sum;
    return XDP_PASS;
}

SEC("xdp") int loop_map_updates(struct xdp_md *ctx)
{
    u64 failures = 0;

    KEEP_LOOP for (u32 i = 0; i < N; i++) {
        u32 key = i * 7;
        u64 *value = bpf_map_lookup_elem(&seen, &key);

        if (value) {
            *value += 1;
            continue;
        }
        if (bpf_map_update_elem(&seen, &key, &failures, BPF_NOEXIST))
            failures++;
    }
    out = failures;
    return XDP_PASS;
}

SEC("xdp") int loop_nested(struct xdp_md *ctx)
{
    u64 sum = ctx->rx_queue_index;

    KEEP_LOOP for (u32 i = 0; i < N / 10; i++) {
        KEEP_LOOP for (u32 j = 0; j < 10; j++) {
            sum = sum * 31 + i * j;
            HIDE(sum);
            if (sum & 64)
                break;
        }
    }
    out = sum;
    return XDP_PASS;
}

SEC("xdp") int loop_triangle(struct xdp_md *ctx)
{
    u32 rows = ctx->rx_queue_index & 31;
    u64 sum = 0;

    KEEP_LOOP for (u32 i = 0; i < N && i < rows; i++) {
        KEEP_LOOP for (u32 j = i; j < rows; j++) {
            u32 at = i * 32 + j;

            if (at >= N)
                break;
            sum += table[at];
            HIDE(sum);
        }
    }
    out = sum;
    return XDP_PASS;
}

SEC("xdp") int loop_down(struct xdp_md *ctx)
{
    u64 sum = 0;
    u32 left = ctx->rx_queue_index;

    HIDE(left);
    if (left > N)
        left = N;
    KEEP_LOOP while (left > 0) {
        left--;
        sum += table[left < N ? left : 0] >> (left & 7);
        HIDE(sum);
    }
    out = sum;
    return XDP_PASS;
}

LICENSE;
