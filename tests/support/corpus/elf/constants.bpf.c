/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Tables, strings and initialisers that compilers put into .rodata sections of their own. */
#include "../notes.h"

struct rule {
    u16 port;
    u8 verdict;
    char name[9];
};

static const struct rule kRules[] = {{80, XDP_TX, "http"}, {53, XDP_DROP, "dns"}, {443, XDP_PASS, "https"}};
static const u8 kWeights[32] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 4, 3, 3, 8, 3, 2, 7, 9, 5};
struct note notes[4];
char last_name[16];

SEC("xdp") int constants(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx), initial[8] = {11, 22, 33, 44, 55, 66, 77, 88};
    const struct rule *rule = &kRules[BELOW(length % 3, 3)];

    note(&notes[0], kWeights[length & 31]);
    note(&notes[1], rule->port);
    __builtin_memcpy(last_name, rule->name, sizeof(rule->name));
    initial[length & 7] += length;
    for (u32 i = 0; i < 8; i++)
        note(&notes[2], initial[i]);
    note(&notes[3], "even and odd"[length & 7]);
    return rule->verdict;
}

LICENSE;
