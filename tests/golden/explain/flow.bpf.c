// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Programs that must be refused, one mistake each: where a run goes and whether it ends. How each refusal is explained
// stands in flow.txt under the function's name.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define DATA(ctx) ((void *)(long)(ctx)->data)
#define END(ctx) ((void *)(long)(ctx)->data_end)

SEC("xdp") int wait_for_ever(struct xdp_md *ctx)
{
    while (ctx->rx_queue_index != 7)
        asm volatile("");
    return XDP_PASS;
}

// Options of length 0 are never passed.
SEC("xdp") int options_of_any_length(struct xdp_md *ctx)
{
    __u8 *at = DATA(ctx), *end = END(ctx);
    int count = 0;

    while (at + 2 <= end && at[0] != 0) {
        at += at[1] & 15;
        count++;
    }
    return count & 1;
}

SEC("xdp") int rounds_from_the_packet(struct xdp_md *ctx)
{
    __u64 *data = DATA(ctx), sum = 0;

    if ((void *)(data + 1) > END(ctx))
        return XDP_PASS;
    for (__u64 i = 0; i != *data; i += 2)
        asm volatile("%0 += 3" : "+r"(sum));
    return sum & 1;
}

// Whether such a loop ends for every number, nobody knows.
SEC("xdp") int hailstones(struct xdp_md *ctx)
{
    __u8 *data = DATA(ctx), *end = END(ctx);
    __u32 number = 1;

    for (__u32 i = 0; i < 1500 && data + i + 1 <= end; i++)
        number = number * 31 + data[i];
    for (number |= 1; number != 1; number = number & 1 ? number * 3 + 1 : number / 2)
        asm volatile("" : "+r"(number));
    return XDP_PASS;
}

static __noinline int again(int depth)
{
    if (depth == 0)
        return 0;
    int below = again(depth - 1);
    asm volatile("%0 += %1" : "+r"(below) : "r"(depth));
    return below;
}

SEC("xdp") int recursive(struct xdp_md *ctx)
{
    return again(ctx->rx_queue_index);
}

#define LEVEL(here, below)                                                                                             \
    static __noinline int here(int number)                                                                             \
    {                                                                                                                  \
        asm volatile("" : "+r"(number));                                                                               \
        return below(number + 1) + 1;                                                                                  \
    }
static __noinline int level9(int number)
{
    asm volatile("" : "+r"(number));
    return number;
}
LEVEL(level8, level9)
LEVEL(level7, level8)
LEVEL(level6, level7)
LEVEL(level5, level6)
LEVEL(level4, level5)
LEVEL(level3, level4)
LEVEL(level2, level3)

SEC("xdp") int nine_deep(struct xdp_md *ctx)
{
    return level2(ctx->rx_queue_index);
}

static __noinline int large_frame(int number)
{
    __u64 buffer[38];

    for (int i = 0; i < 38; i++)
        buffer[i] = number;
    asm volatile("" : : "r"(buffer) : "memory");
    return buffer[number & 31];
}

SEC("xdp") int stack_of_two_frames(struct xdp_md *ctx)
{
    __u64 buffer[38];

    for (int i = 0; i < 38; i++)
        buffer[i] = i;
    asm volatile("" : : "r"(buffer) : "memory");
    return large_frame(ctx->rx_queue_index) + buffer[7];
}

SEC("xdp") __attribute__((naked)) int no_end(struct xdp_md *ctx)
{
    asm volatile("r0 = 2");
}

SEC("xdp") __attribute__((naked)) int frame_pointer_moved(struct xdp_md *ctx)
{
    asm volatile("r10 += -8; r0 = 2; exit");
}

SEC("xdp") __attribute__((naked)) int helper_by_register(struct xdp_md *ctx)
{
    asm volatile("r2 = 5; .byte 0x8d, 0x02, 0, 0, 0, 0, 0, 0; r0 = 2; exit");
}

char program_license[] SEC("license") = "Dual BSD/GPL";
