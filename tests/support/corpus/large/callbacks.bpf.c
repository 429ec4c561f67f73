/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* bpf_loop and bpf_for_each_map_elem with state of their own: a checksum, a parser of options, nested loops, branches in every
 * round; up to N rounds. */
#include "large.h"

u64 table[256], kinds[32], out;
MAP(connections, BPF_MAP_TYPE_HASH, 1024, u32, struct counters);

struct sum_state {
    u8 *at, *end;
    u64 sum;
    u32 words, odd;
};

static long add_word(u32 i, struct sum_state *state)
{
    u8 *at = state->at;

    if (at + 2 > state->end)
        return 1;
    state->sum += at[0] << 8 | at[1];
    if (at[1] & 1)
        state->odd++;
    state->words++;
    state->at = at + 2;
    return 0;
}

SEC("xdp") int sum_by_callback(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct sum_state state = {.at = cursor.at, .end = cursor.end};

    bpf_loop(N, add_word, &state, 0);
    out = state.sum + state.words;
    return fold(state.sum) == 0xffff ? XDP_PASS : XDP_DROP;
}

struct walk_state {
    struct xdp_md *ctx;
    u32 offset, end;
    u32 seen[8];
    bool failed;
};

static long one_option(u32 i, struct walk_state *state)
{
    u8 *data = (void *)(long)state->ctx->data, *data_end = (void *)(long)state->ctx->data_end;
    u32 offset = state->offset;
    u8 *option, length;

    if (offset >= state->end)
        return 1;
    if (offset > 1400) {
        state->failed = true;
        return 1;
    }
    option = data + offset;
    if (option + 2 > data_end) {
        state->failed = true;
        return 1;
    }
    kinds[option[0] & 31]++;
    state->seen[option[0] & 7] = offset;
    if (option[0] == 0)
        return 1;
    if (option[0] == 1) {
        state->offset = offset + 1;
        return 0;
    }
    length = option[1];
    if (length < 2) {
        state->failed = true;
        return 1;
    }
    state->offset = offset + length;
    return 0;
}

SEC("xdp") int options_by_callback(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct walk_state state = {.ctx = ctx, .offset = sizeof(struct eth) + sizeof(struct ipv4) + sizeof(struct tcp)};
    struct tcp *tcp;

    if (!TAKE(&cursor, struct eth) || !TAKE(&cursor, struct ipv4))
        return XDP_PASS;
    tcp = TAKE(&cursor, struct tcp);
    if (!tcp)
        return XDP_PASS;
    state.end = state.offset + (tcp->offset >> 4) * 4 - 20;
    bpf_loop(40, one_option, &state, 0);
    return state.failed ? XDP_DROP : state.seen[2] ? XDP_TX : XDP_PASS;
}

struct grid {
    u64 row, sum, zeroes;
};

static long one_cell(u32 column, struct grid *grid)
{
    u64 *cell = &table[(grid->row * 16 + column) & 255];

    if (*cell == 0)
        grid->zeroes++;
    else if (*cell > 1000)
        return 1;
    grid->sum += *cell;
    *cell += 1;
    return 0;
}

static long one_row(u32 row, struct grid *grid)
{
    grid->row = row;
    bpf_loop(16, one_cell, grid, 0);
    return grid->zeroes > 200;
}

SEC("xdp") int nested_callbacks(struct xdp_md *ctx)
{
    struct grid grid = {};

    bpf_loop(N, one_row, &grid, 0);
    out = grid.sum;
    return grid.zeroes ? XDP_DROP : XDP_PASS;
}

struct survey {
    u64 packets, bytes, busy;
    u32 oldest;
    u32 limit;
};

static long survey_one(void *map, u32 *key, struct counters *counters, struct survey *survey)
{
    survey->packets += counters->packets;
    survey->bytes += counters->bytes;
    if (counters->packets > 1000)
        survey->busy = 1;
    if (counters->bytes / (counters->packets | 1) > 1200)
        survey->oldest = *key;
    counters->packets >>= 1;
    return 0;
}

/* Ends by a number that it has counted itself. */
static long survey_until(void *map, u32 *key, struct counters *counters, struct survey *survey)
{
    survey_one(map, key, counters, survey);
    if (counters->bytes > 1000)
        survey->limit--;
    return survey->limit == 0;
}

SEC("xdp") int survey_map(struct xdp_md *ctx)
{
    struct survey survey = {.limit = N};
    u32 key = ctx->rx_queue_index;
    struct counters fresh = {1, 1};

    bpf_for_each_map_elem(&connections, survey_one, &survey, 0);
    if (survey.busy)
        bpf_map_delete_elem(&connections, &survey.oldest);
    else
        bpf_map_update_elem(&connections, &key, &fresh, BPF_ANY);
    out = survey.packets + survey.bytes;
    return survey.busy ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int survey_map_until(struct xdp_md *ctx)
{
    struct survey survey = {.limit = N};

    bpf_for_each_map_elem(&connections, survey_until, &survey, 0);
    out = survey.packets + survey.bytes;
    return survey.busy ? XDP_DROP : XDP_PASS;
}

LICENSE;
