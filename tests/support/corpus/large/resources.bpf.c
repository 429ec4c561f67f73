/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What must be given back: N records of a ring buffer and N locked values, with branches and ends between taking and giving. */
#include "large.h"

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 16);
} events SEC(".maps");

struct bucket {
    struct bpf_spin_lock lock;
    u32 level;
    u64 tokens, stamp;
};

MAP(buckets, BPF_MAP_TYPE_ARRAY, 256, u32, struct bucket);

struct event {
    u32 kind, value;
    u64 bytes;
};

u64 lost;

SEC("xdp") int records(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u64 bytes = cursor.end - cursor.at;
    struct payload {
        u8 bytes[64];
    } *payload = TAKE(&cursor, struct payload);

    if (!payload)
        return XDP_PASS;
#define RECORD(i)                                                                                  \
    if (payload->bytes[(i) % 64] > 3 * (i) % 200) {                                                \
        struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);                     \
                                                                                                   \
        if (!event) {                                                                              \
            lost++;                                                                                \
        } else {                                                                                   \
            event->kind = (i);                                                                     \
            event->value = payload->bytes[((i) + 7) % 64];                                         \
            event->bytes = bytes;                                                                  \
            if (event->value == 77)                                                                \
                bpf_ringbuf_discard(event, 0);                                                     \
            else                                                                                   \
                bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);                                       \
        }                                                                                          \
    }
    EACH(N, RECORD)
    return lost ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int locks(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u64 bytes = cursor.end - cursor.at, now = bpf_ktime_get_ns();
    struct payload {
        u8 bytes[64];
    } *payload = TAKE(&cursor, struct payload);
    u32 refused = 0;

    if (!payload)
        return XDP_PASS;
#define BUCKET(i)                                                                                  \
    {                                                                                              \
        u32 key = payload->bytes[(i) % 64];                                                        \
        struct bucket *bucket = bpf_map_lookup_elem(&buckets, &key);                               \
                                                                                                   \
        if (!bucket)                                                                               \
            return XDP_ABORTED;                                                                    \
        bpf_spin_lock(&bucket->lock);                                                              \
        if (now - bucket->stamp > 1000000) {                                                       \
            bucket->tokens += (now - bucket->stamp) / 1000;                                        \
            bucket->stamp = now;                                                                   \
        }                                                                                          \
        if (bucket->tokens < bytes) {                                                              \
            bucket->level++;                                                                       \
            refused++;                                                                             \
        } else {                                                                                   \
            bucket->tokens -= bytes;                                                               \
        }                                                                                          \
        bpf_spin_unlock(&bucket->lock);                                                            \
    }
    EACH(N, BUCKET)
    return refused ? XDP_DROP : XDP_PASS;
}

LICENSE;
