/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* snprintf: every conversion that programs may use, widths, cut output, and formats that it refuses. */
#include "../notes.h"

struct note notes[16];
char text[12][128];

#define PRINT(slot, size, format, ...)                                                             \
    do {                                                                                           \
        static const char kFormat[] = format;                                                      \
        u64 values[] = {__VA_ARGS__};                                                              \
        note(&notes[slot], bpf_snprintf(text[slot], size, kFormat, values, sizeof(values)));       \
    } while (0)

static const char kWord[] = "weir";

SEC("xdp") int formatting(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx);
    u8 *data = (void *)(long)ctx->data;
    u64 address = 0x0100007f;
    u16 wide[8] = {0x120, 0xb80d, 0, 0, 0, 0, 0, 0x100};

    u64 word = (u64)(long)kWord;

    asm volatile("" : "+r"(word));
    if (data + 14 > (u8 *)(long)ctx->data_end)
        return XDP_DROP;
    PRINT(0, 48, "%d %u %x %i", length, length * 7, length, 0xfffffff0);
    PRINT(1, 120, "%ld %lu %lx %lld %llu %llx", length, ~0ull, 1ull << 63, -5ull, 1ull << 63, 255);
    PRINT(2, 48, "%s and %s", (u64)word, (u64)word);
    PRINT(3, 48, "%08x|%5d|%-6d|%c", length, 42, 42, 'w');
    PRINT(4, 10, "cut short at %d", length);
    PRINT(5, 48, "%pI4 %pi4", (u64)(long)&address, (u64)(long)&address);
    PRINT(6, 48, "%pI6", (u64)(long)wide);
    PRINT(7, 48, "%% %lli %+5d", length, length);
    PRINT(8, 48, "%10s|%-8s|", (u64)word, (u64)word);
    PRINT(9, 48, "%X|%+d|% d|", length, length, length);
    note(&notes[11], bpf_snprintf(0, 0, "%d%d", (u64[]){length, 5}, 16));
    return XDP_PASS;
}

LICENSE;
