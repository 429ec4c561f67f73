/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Array and per-CPU array: every flag of an update, keys beyond the end, another CPU's slot by helper. */
#include "../notes.h"

struct pair {
    u64 a;
    u32 b;
} __attribute__((packed));

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 7);
    __uint(key_size, 4);
    __uint(value_size, sizeof(struct pair));
} plain SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 5);
    __type(key, u32);
    __type(value, struct pair);
} percpu SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 3);
    __uint(map_flags, BPF_F_RDONLY_PROG | BPF_F_MMAPABLE);
    __type(key, u32);
    __type(value, u64);
} read_only SEC(".maps");

struct note notes[16];

static __always_inline void count(void *map, u32 key, u32 length)
{
    struct pair *pair = bpf_map_lookup_elem(map, &key);

    if (!pair)
        return;
    pair->a += length;
    pair->b++;
}

SEC("xdp") int array_kinds(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx), key = length % 9, zero = 0, six = 6;
    struct pair value = {.a = length, .b = 1};
    u64 *constant = bpf_map_lookup_elem(&read_only, &zero);
    struct pair *slot;

    count(&plain, key, length);
    count(&percpu, key, length);
    note(&notes[0], bpf_map_update_elem(&plain, &key, &value, BPF_ANY));
    note(&notes[1], bpf_map_update_elem(&plain, &six, &value, BPF_EXIST));
    note(&notes[2], bpf_map_update_elem(&plain, &key, &value, BPF_NOEXIST));
    note(&notes[3], bpf_map_update_elem(&plain, &key, &value, BPF_F_LOCK));
    note(&notes[4], bpf_map_update_elem(&plain, &key, &value, 77));
    note(&notes[5], bpf_map_delete_elem(&plain, &key));
    note(&notes[6], bpf_map_update_elem(&percpu, &zero, &value, BPF_ANY));
    note(&notes[7], bpf_map_update_elem(&percpu, &key, &value, BPF_NOEXIST));
    note(&notes[8], bpf_map_update_elem(&percpu, &six, &value, BPF_EXIST));
    note(&notes[9], bpf_map_delete_elem(&percpu, &zero));
    note(&notes[10], constant ? *constant : 1);
    slot = bpf_map_lookup_percpu_elem(&percpu, &zero, bpf_get_smp_processor_id());
    note(&notes[11], slot ? slot->a : 0);
    slot = bpf_map_lookup_percpu_elem(&percpu, &zero, 100000);
    note(&notes[12], slot ? slot->a : 0);
    slot = bpf_map_lookup_percpu_elem(&percpu, &six, 0);
    note(&notes[13], slot ? slot->a : 0);
    return key > 6 ? XDP_DROP : XDP_PASS;
}

LICENSE;
