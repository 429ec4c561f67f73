#pragma once
// What the numbered packets of the swap tests carry behind their UDP header. Host order: generator,
// programs and checker are on one machine.

#ifdef __bpf__
#include <linux/types.h>
typedef __u32 stamp_u32;
typedef __u64 stamp_u64;
#else
#include <cstdint>
using stamp_u32 = uint32_t;
using stamp_u64 = uint64_t;
#endif

#define STAMP_MAGIC 0x57454952
#define STAMP_OFFSET 42 /* Ethernet, IPv4, UDP */

struct stamp {
    stamp_u32 magic;
    stamp_u32 flow;
    stamp_u64 number;        /* of its flow, from 0 */
    stamp_u32 first_version; /* written by the first program of the chain */
    stamp_u32 second_version;
    stamp_u32 first_runs; /* counted up by it */
    stamp_u32 second_runs;
    stamp_u32 worker;
    stamp_u32 kind; /* of the first program's object */
};
