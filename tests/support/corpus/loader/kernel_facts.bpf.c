/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Variables of .kconfig of every type, and kernel functions that are there, missing, or only maybe. */
#include "../common.h"

extern int LINUX_KERNEL_VERSION __kconfig;
extern bool LINUX_HAS_BPF_COOKIE __kconfig;
extern bool CONFIG_YES __kconfig;
extern enum libbpf_tristate CONFIG_MODULE __kconfig;
extern char CONFIG_LETTER __kconfig;
extern u16 CONFIG_NUMBER __kconfig;
extern s64 CONFIG_NEGATIVE __kconfig;
extern u64 CONFIG_HEX __kconfig;
extern const char CONFIG_TEXT[8] __kconfig;
extern u32 CONFIG_ABSENT __kconfig __weak;
extern u32 CONFIG_MISSING __kconfig;
extern u8 CONFIG_TOO_LARGE __kconfig;
extern bool CONFIG_IS_MODULE __kconfig;

extern int bpf_dynptr_from_xdp(struct xdp_md *ctx, u64 flags, void *dynptr) __ksym;
extern int bpf_xdp_metadata_rx_hash(const struct xdp_md *ctx, u32 *hash, u32 *type) __ksym __weak;
extern void bpf_not_there(void) __ksym __weak;
extern void bpf_never_there(void) __ksym;
extern const int maybe_variable __ksym __weak;

#define FACT(name, expression) \
    SEC("xdp") int name(struct xdp_md *ctx) { return (expression); }

FACT(version, LINUX_KERNEL_VERSION + LINUX_HAS_BPF_COOKIE)
FACT(settings, CONFIG_YES + CONFIG_MODULE + CONFIG_LETTER + CONFIG_NUMBER + CONFIG_NEGATIVE + CONFIG_HEX + CONFIG_TEXT[1])
FACT(absent, CONFIG_ABSENT)
FACT(missing, CONFIG_MISSING)
FACT(too_large, CONFIG_TOO_LARGE)
FACT(module_for_bool, CONFIG_IS_MODULE)

SEC("xdp") int calls(struct xdp_md *ctx)
{
    u64 dynptr[2];

    return bpf_dynptr_from_xdp(ctx, 0, dynptr);
}

SEC("xdp") int checks_first(struct xdp_md *ctx)
{
    if (bpf_not_there)
        bpf_not_there();
    return &maybe_variable ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int is_there(struct xdp_md *ctx) { return bpf_xdp_metadata_rx_hash ? XDP_DROP : XDP_PASS; }

SEC("xdp") int calls_missing(struct xdp_md *ctx)
{
    bpf_never_there();
    return XDP_PASS;
}

LICENSE;
