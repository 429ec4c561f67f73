/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A state machine over N bytes of payload that finds the parts of an HTTP request: states by branches in one program, by a
 * table in the other. */
#include "large.h"

enum state { METHOD, SPACE, PATH, VERSION, LINE_END, NAME, COLON, VALUE, BODY, BAD, STATES };

u64 ends[STATES], lengths[STATES];

static __always_inline u32 next_of(u32 state, u8 byte, u32 *length)
{
    switch (state) {
    case METHOD:
        if (byte == ' ')
            return SPACE;
        return byte >= 'A' && byte <= 'Z' ? METHOD : BAD;
    case SPACE:
        *length = 0;
        return byte == '/' ? PATH : BAD;
    case PATH:
        if (byte == ' ')
            return VERSION;
        *length += 1;
        return byte < 33 ? BAD : PATH;
    case VERSION:
        if (byte == '\r')
            return LINE_END;
        return byte == 'H' || byte == 'T' || byte == 'P' || byte == '/' || byte == '.' || (byte >= '0' && byte <= '9')
                   ? VERSION : BAD;
    case LINE_END:
        return byte == '\n' ? NAME : BAD;
    case NAME:
        if (byte == '\r')
            return BODY;
        if (byte == ':')
            return COLON;
        return (byte | 32) >= 'a' && (byte | 32) <= 'z' ? NAME : byte == '-' ? NAME : BAD;
    case COLON:
        return byte == ' ' ? VALUE : BAD;
    case VALUE:
        if (byte == '\r')
            return LINE_END;
        *length += 1;
        return VALUE;
    }
    return state;
}

SEC("xdp") int states_by_branches(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u32 state = METHOD, length = 0;

    if (!TAKE(&cursor, struct eth) || !TAKE(&cursor, struct ipv4) || !TAKE(&cursor, struct tcp))
        return XDP_PASS;
    for (u32 i = 0; i < N; i++) {
        u8 *byte = TAKE(&cursor, u8);

        if (!byte)
            break;
        state = next_of(state, *byte, &length);
        if (state == BAD)
            break;
    }
    if (state < STATES) {
        ends[state]++;
        lengths[state] += length;
    }
    return state == BAD ? XDP_DROP : XDP_PASS;
}

/* Bytes fall into classes, and a table says where a class leads from each state. */
const volatile u8 classes[256] = {[' '] = 1, ['/'] = 2, ['\r'] = 3, ['\n'] = 4, [':'] = 5, ['A'] = 6, ['H'] = 6, ['a'] = 7};
const volatile u8 transitions[STATES][8] = {
    [METHOD] = {BAD, SPACE, BAD, BAD, BAD, BAD, METHOD, BAD},
    [SPACE] = {BAD, BAD, PATH, BAD, BAD, BAD, BAD, BAD},
    [PATH] = {PATH, VERSION, PATH, BAD, BAD, PATH, PATH, PATH},
    [VERSION] = {VERSION, BAD, VERSION, LINE_END, BAD, BAD, VERSION, VERSION},
    [LINE_END] = {BAD, BAD, BAD, BAD, NAME, BAD, BAD, BAD},
    [NAME] = {NAME, BAD, BAD, BODY, BAD, COLON, NAME, NAME},
    [COLON] = {VALUE, VALUE, VALUE, LINE_END, BAD, VALUE, VALUE, VALUE},
    [VALUE] = {VALUE, VALUE, VALUE, LINE_END, BAD, VALUE, VALUE, VALUE},
    [BODY] = {BODY, BODY, BODY, BODY, BODY, BODY, BODY, BODY},
    [BAD] = {BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD},
};

SEC("xdp") int states_by_table(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u32 state = METHOD;

    if (!TAKE(&cursor, struct eth) || !TAKE(&cursor, struct ipv4) || !TAKE(&cursor, struct tcp))
        return XDP_PASS;
    for (u32 i = 0; i < N; i++) {
        u8 *byte = TAKE(&cursor, u8);

        if (!byte)
            break;
        state = transitions[state][classes[*byte] & 7];
        if (state >= STATES)
            return XDP_ABORTED;
    }
    ends[state]++;
    return state == BAD ? XDP_DROP : XDP_PASS;
}

LICENSE;
