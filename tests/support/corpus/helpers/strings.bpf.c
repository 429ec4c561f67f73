/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* strncmp, strtol, strtoul: numbers in every base, with signs and rubbish, too large ones, and words compared. */
#include "../notes.h"

struct note notes[40];

static __always_inline void parse(struct note *results, const char *digits, u32 size, u64 base)
{
    long number = -77;
    unsigned long positive = 77;

    note(&results[0], bpf_strtol(digits, size, base, &number));
    note(&results[1], number);
    note(&results[2], bpf_strtoul(digits, size, base, &positive));
    note(&results[3], positive);
}

#define PARSE(slot, text, base)                                                                    \
    do {                                                                                           \
        char digits[] = text;                                                                      \
        parse(&notes[slot], digits, sizeof(digits) - 1, base);                                     \
    } while (0)

static const char kWord[] = "weir";

SEC("xdp") int strings(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx);
    char word[8] = "weir";

    word[3] = (char)('p' + (length & 3));
    note(&notes[0], bpf_strncmp(word, 5, kWord));
    note(&notes[1], bpf_strncmp(word, 3, kWord));
    note(&notes[2], bpf_strncmp(word, 8, kWord) == 0);
    PARSE(3, "1234 and so on", 10);
    PARSE(7, "  -42", 0);
    PARSE(11, "0x1fF", 0);
    PARSE(15, "0777", 0);
    PARSE(19, "99999999999999999999999", 10);
    PARSE(23, "xyz", 10);
    PARSE(27, "-9223372036854775808", 10);
    PARSE(31, "ff", 16);
    PARSE(35, "12", 11);
    return notes[0].last ? XDP_DROP : XDP_PASS;
}

LICENSE;
