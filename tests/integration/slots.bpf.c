/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Tail calls and maps in maps with first contents, a spin lock, samples from the operator: what the test sees are the counts. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum { CALLED_FIRST, CALLED_SECOND, FELL_THROUGH, COUNTS };

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, COUNTS);
    __type(key, __u32);
    __type(value, __u64);
} counts SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} pick SEC(".maps");

struct table {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} table_a SEC(".maps"), table_b SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 2);
    __type(key, __u32);
    __array(values, struct table);
} outer SEC(".maps") = {.values = {[0] = &table_a, [1] = &table_b}};

struct pair {
    struct bpf_spin_lock lock;
    __u32 pad;
    __u64 one, other;
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct pair);
} pairs SEC(".maps");

int first(struct xdp_md *ctx);
int second(struct xdp_md *ctx);

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 4);
    __type(key, __u32);
    __array(values, int(struct xdp_md *));
} jumps SEC(".maps") = {.values = {[0] = (void *)&first, [1] = (void *)&second}};

static __always_inline void count(__u32 which)
{
    __u64 *value = bpf_map_lookup_elem(&counts, &which);

    if (value)
        __sync_fetch_and_add(value, 1);
}

SEC("xdp") int first(struct xdp_md *ctx)
{
    count(CALLED_FIRST);
    return XDP_DROP;
}

/* Calls itself through the array until the kernel's bound of tail calls. */
SEC("xdp") int second(struct xdp_md *ctx)
{
    count(CALLED_SECOND);
    bpf_tail_call(ctx, &jumps, 1);
    return XDP_DROP;
}

SEC("xdp") int entry(struct xdp_md *ctx)
{
    __u32 zero = 0, *choice = bpf_map_lookup_elem(&pick, &zero);
    void *table;
    __u64 *value;

    if (!choice)
        return XDP_ABORTED;
    table = bpf_map_lookup_elem(&outer, choice);
    value = table ? bpf_map_lookup_elem(table, &zero) : 0;
    if (value)
        __sync_fetch_and_add(value, 1);
    bpf_tail_call(ctx, &jumps, *choice);
    count(FELL_THROUGH);
    return XDP_DROP;
}

SEC("xdp") int locked(struct xdp_md *ctx)
{
    __u32 zero = 0;
    struct pair fresh = {}, *pair = bpf_map_lookup_elem(&pairs, &zero);

    if (!pair) {
        bpf_map_update_elem(&pairs, &zero, &fresh, BPF_NOEXIST);
        return XDP_DROP;
    }
    bpf_spin_lock(&pair->lock);
    pair->one++;
    pair->other++;
    bpf_spin_unlock(&pair->lock);
    return XDP_DROP;
}

struct {
    __uint(type, BPF_MAP_TYPE_USER_RINGBUF);
    __uint(max_entries, 4096);
} commands SEC(".maps");

static long obey(struct bpf_dynptr *sample, void *context)
{
    __u64 number = 0;
    __u32 first = 0;
    __u64 *sum = bpf_map_lookup_elem(&counts, &first);

    if (sum && !bpf_dynptr_read(&number, sizeof(number), sample, 0, 0))
        __sync_fetch_and_add(sum, number);
    return 0;
}

SEC("xdp") int listens(struct xdp_md *ctx)
{
    if (bpf_user_ringbuf_drain(&commands, obey, 0, BPF_RB_NO_WAKEUP) > 0)
        count(CALLED_SECOND);
    return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
