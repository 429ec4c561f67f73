/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Ring buffer: records by output, reserve and submit, some discarded, with every flag; its state by query. */
#include "../notes.h"

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 65536);
} events SEC(".maps");

struct event {
    u32 length;
    u8 address[6];
    u16 serial;
    u64 filler;
};

struct note notes[16];
u16 serial;

static __always_inline void reserve(struct xdp_md *ctx, u32 length)
{
    u8 *data = (void *)(long)ctx->data;
    struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

    note(&notes[0], event ? 1 : 0);
    if (!event)
        return;
    event->length = length;
    event->serial = ++serial;
    event->filler = 0x1122334455667788;
    if (data + 14 <= (u8 *)(long)ctx->data_end)
        __builtin_memcpy(event->address, data + 6, 6);
    else
        __builtin_memset(event->address, 0, 6);
    if (length % 3 == 0)
        bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
    else
        bpf_ringbuf_submit(event, length & 1 ? BPF_RB_FORCE_WAKEUP : 0);
}

SEC("xdp") int ringbuf_records(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx);
    char text[13] = "hello, world";

    reserve(ctx, length);
    note(&notes[1], bpf_ringbuf_output(&events, text, sizeof(text), 0));
    note(&notes[2], bpf_ringbuf_output(&events, text, 5, BPF_RB_NO_WAKEUP));
    note(&notes[3], bpf_ringbuf_output(&events, text, 5, 77));
    note(&notes[4], bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA));
    note(&notes[5], bpf_ringbuf_query(&events, BPF_RB_RING_SIZE));
    note(&notes[6], bpf_ringbuf_query(&events, BPF_RB_CONS_POS));
    note(&notes[7], bpf_ringbuf_query(&events, BPF_RB_PROD_POS));
    note(&notes[8], bpf_ringbuf_query(&events, 99));
    return XDP_PASS;
}

LICENSE;
