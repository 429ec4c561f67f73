/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Looks for words in the first N bytes of payload: at every place (nested loops), and at the start by unrolled compares. */
#include "large.h"

#define WORDS 4
#define LETTERS 12

struct word {
    char letters[LETTERS];
    u32 length;
};

const volatile struct word words[WORDS] = {
    {"password=", 9}, {"cmd.exe", 7}, {"/etc/passwd", 11}, {"${jndi:", 7},
};
u64 found[WORDS], methods[8];

static __always_inline bool is_at(u8 *at, void *end, const volatile struct word *word)
{
    for (u32 i = 0; i < LETTERS; i++) {
        if (i >= word->length)
            return true;
        if ((void *)(at + i + 1) > end || at[i] != (u8)word->letters[i])
            return false;
    }
    return true;
}

SEC("xdp") int search_everywhere(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u8 *payload;

    if (!TAKE(&cursor, struct eth) || !TAKE(&cursor, struct ipv4) || !TAKE(&cursor, struct udp))
        return XDP_PASS;
    payload = cursor.at;
    for (u32 at = 0; at < N; at++) {
        if ((void *)(payload + at + 1) > cursor.end)
            return XDP_PASS;
        for (u32 word = 0; word < WORDS; word++) {
            if (is_at(payload + at, cursor.end, &words[word])) {
                found[word]++;
                return XDP_DROP;
            }
        }
    }
    return XDP_PASS;
}

#define LETTER(at, letter) ((void *)(payload + (at) + 1) <= cursor.end && payload[at] == (letter))
#define IS3(a, b, c) (LETTER(0, a) && LETTER(1, b) && LETTER(2, c) && LETTER(3, ' '))
#define IS4(a, b, c, d) (LETTER(0, a) && LETTER(1, b) && LETTER(2, c) && LETTER(3, d) && LETTER(4, ' '))

SEC("xdp") int search_methods(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u32 method = 0;
    u8 *payload;

    if (!TAKE(&cursor, struct eth) || !TAKE(&cursor, struct ipv4) || !TAKE(&cursor, struct tcp))
        return XDP_PASS;
    payload = cursor.at;
    if (IS3('G', 'E', 'T'))
        method = 1;
    else if (IS3('P', 'U', 'T'))
        method = 2;
    else if (IS4('P', 'O', 'S', 'T'))
        method = 3;
    else if (IS4('H', 'E', 'A', 'D'))
        method = 4;
    else if (IS4('L', 'O', 'C', 'K'))
        method = 5;
    else if (IS4('M', 'O', 'V', 'E'))
        method = 6;
    else if (IS4('C', 'O', 'P', 'Y'))
        method = 7;
    methods[method]++;
    return method ? XDP_PASS : XDP_DROP;
}

LICENSE;
