/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What maps_bench runs in the live kernel and in our machine code: each run takes the next 32 keys of an array through one map.
 * "walk" and the like do the same without the map: the floor of the loop. max_entries are set when the object is loaded. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define KEYS_PER_RUN 32
#define LRU_WINDOW (1 << 15) /* flows that come back are among the newest so many */

struct key {
    __u8 bytes[24];
};

#define MAP(name, kind, key_bytes, create_flags)     \
    struct {                                         \
        __uint(type, BPF_MAP_TYPE_##kind);           \
        __uint(max_entries, 1);                      \
        __uint(key_size, key_bytes);                 \
        __uint(value_size, 8);                       \
        __uint(map_flags, create_flags);             \
    } name SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct key);
} keys SEC(".maps");

MAP(hash4, HASH, 4, 0)
MAP(hash8, HASH, 8, 0)
MAP(hash16, HASH, 16, 0)
MAP(percpu8, PERCPU_HASH, 8, 0)
MAP(lpm4, LPM_TRIE, 8, BPF_F_NO_PREALLOC)
MAP(lpm6, LPM_TRIE, 20, BPF_F_NO_PREALLOC)
MAP(lru8, LRU_HASH, 8, 0)

__u32 next_key;
__u64 next_flow;

/* The end of the array starts it again. */
#define FOR_EACH_KEY(name, STATEMENT)                                     \
    SEC("xdp") int name(struct xdp_md *ctx)                               \
    {                                                                     \
        __u32 first = next_key, found = 0;                                \
                                                                          \
        for (int i = 0; i < KEYS_PER_RUN; i++) {                          \
            __u32 index = first + i;                                      \
            struct key *key = bpf_map_lookup_elem(&keys, &index);         \
                                                                          \
            if (!key) {                                                   \
                next_key = 0;                                             \
                return 0;                                                 \
            }                                                             \
            STATEMENT                                                     \
        }                                                                 \
        next_key = first + KEYS_PER_RUN;                                  \
        return found;                                                     \
    }

FOR_EACH_KEY(walk, found += key->bytes[0];)

#define LOOK_UP(map) FOR_EACH_KEY(look_up_##map, found += bpf_map_lookup_elem(&map, key) != 0;)
LOOK_UP(hash4)
LOOK_UP(hash8)
LOOK_UP(hash16)
LOOK_UP(lpm4)
LOOK_UP(lpm6)

#define UPDATE(map) FOR_EACH_KEY(update_##map, found += bpf_map_update_elem(&map, key, key, BPF_ANY);)
UPDATE(hash8)
UPDATE(percpu8)

/* Every tenth flow is new, or each. */
static __always_inline __u64 take_flow(const struct key *key, int always_new)
{
    __u32 number = *(const __u32 *)key;

    if (always_new || number % 10 == 0)
        return next_flow++;
    return next_flow - 1 - number % LRU_WINDOW;
}

static __always_inline __u32 pass_flow(__u64 flow)
{
    if (bpf_map_lookup_elem(&lru8, &flow))
        return 1;
    bpf_map_update_elem(&lru8, &flow, &flow, BPF_ANY);
    return 0;
}

FOR_EACH_KEY(walk_tenth_new, found += take_flow(key, 0);)
FOR_EACH_KEY(walk_all_new, found += take_flow(key, 1);)
FOR_EACH_KEY(flows_tenth_new, found += pass_flow(take_flow(key, 0));)
FOR_EACH_KEY(flows_all_new, found += pass_flow(take_flow(key, 1));)

char _license[] SEC("license") = "Dual BSD/GPL";
