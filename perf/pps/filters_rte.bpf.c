// What rte_bpf can run of filters.bpf.c: no maps and no helpers, instruction set v2, the packet's bytes as the argument and no end to
// compare with, so that it is spared those comparisons. testpmd's bpf-load takes the section .text. 0 drops, else the packet stays.
#include <linux/if_ether.h>
#include <linux/in.h>

#include <bpf/bpf_endian.h>

#define BLOCKED_PORT 53

typedef unsigned char u8;
typedef unsigned short u16;

#ifdef DROP_PORT
static inline __attribute__((always_inline)) int drops(const u8 *transport, u8 protocol) {
    return (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) &&
           *(const u16 *)(transport + 2) == bpf_htons(BLOCKED_PORT);
}

unsigned long long filter(const u8 *packet) {
    u16 protocol = *(const u16 *)(packet + 12);
    const u8 *network = packet + 14;
    if (protocol == bpf_htons(ETH_P_8021Q)) {
        protocol = *(const u16 *)(packet + 16);
        network = packet + 18;
    }
    if (protocol == bpf_htons(ETH_P_IP)) return !drops(network + (network[0] & 15) * 4, network[9]);
    if (protocol == bpf_htons(ETH_P_IPV6)) return !drops(network + 40, network[6]);
    return 1;
}
#else
unsigned long long filter(const u8 *packet) { return VERDICT; }
#endif
