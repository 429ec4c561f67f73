/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Ring buffer records of a size known only at run time, by dynptr: reserved, written, read back, submitted or not. */
#include "../notes.h"

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 65536);
} events SEC(".maps");

struct note notes[16];

SEC("xdp") int ringbuf_dynptr(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx), size = 8 + length % 100, read_back = 0;
    struct bpf_dynptr record;
    u64 *slice;

    note(&notes[0], bpf_ringbuf_reserve_dynptr(&events, size, 0, &record));
    note(&notes[1], bpf_dynptr_write(&record, 0, &length, sizeof(length), 0));
    note(&notes[2], bpf_dynptr_write(&record, size - 4, &size, sizeof(size), 0));
    note(&notes[3], bpf_dynptr_write(&record, size - 3, &size, sizeof(size), 0));
    note(&notes[4], bpf_dynptr_write(&record, 0, &size, sizeof(size), 1));
    note(&notes[5], bpf_dynptr_read(&read_back, sizeof(read_back), &record, 0, 0));
    note(&notes[6], read_back);
    note(&notes[7], bpf_dynptr_read(&read_back, sizeof(read_back), &record, size, 0));
    note(&notes[8], read_back);
    slice = bpf_dynptr_data(&record, 0, 8);
    note(&notes[9], slice ? 1 : 0);
    if (slice)
        *slice |= 0xabcd000000000000;
    note(&notes[10], bpf_dynptr_data(&record, 4, 200) ? 1 : 0);
    for (u32 at = 8; at < 108; at += 4) {
        u32 filler = at * length;

        if (bpf_dynptr_write(&record, at, &filler, sizeof(filler), 0))
            break;
    }
    /* Bytes that nobody wrote would differ between runs. */
    if (size % 4 || length % 5 == 0)
        bpf_ringbuf_discard_dynptr(&record, 0);
    else
        bpf_ringbuf_submit_dynptr(&record, BPF_RB_NO_WAKEUP);
    note(&notes[11], bpf_ringbuf_reserve_dynptr(&events, 1 << 20, 0, &record));
    note(&notes[12], bpf_dynptr_write(&record, 0, &length, sizeof(length), 0));
    bpf_ringbuf_discard_dynptr(&record, 0);
    note(&notes[13], bpf_ringbuf_query(&events, BPF_RB_PROD_POS));
    return XDP_PASS;
}

LICENSE;
