/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Atomic operations with and without fetch, 32 and 64 bits. Needs v3. */
#include "common.h"

u64 sum, mask_or, mask_and = ~0ull, mask_xor, before, swapped, exchanged;
u32 narrow, narrow_before;

SEC("xdp") int atomics(struct xdp_md *ctx)
{
    u64 length = ctx->data_end - ctx->data;

    __sync_fetch_and_add(&sum, length);
    before = __sync_fetch_and_add(&sum, 1);
    before ^= __sync_fetch_and_or(&mask_or, length);
    before += __sync_fetch_and_and(&mask_and, ~length);
    before ^= __sync_fetch_and_xor(&mask_xor, length << 7);
    swapped = __sync_val_compare_and_swap(&exchanged, swapped, length);
    before += __sync_lock_test_and_set(&exchanged, length * 3);
    narrow_before = __sync_fetch_and_add(&narrow, (u32)length);
    narrow_before ^= __sync_val_compare_and_swap(&narrow, narrow_before + (u32)length, 0xfffffff0u);
    return before & 4 ? XDP_DROP : XDP_PASS;
}

LICENSE;
