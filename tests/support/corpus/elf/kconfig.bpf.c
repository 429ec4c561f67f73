/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What the kernel was built with: numbers, booleans, tristates, strings, its version, and weak ones that are missing. */
#include "../notes.h"

extern int LINUX_KERNEL_VERSION __kconfig;
extern const unsigned long CONFIG_HZ __kconfig;
extern bool CONFIG_BPF_SYSCALL __kconfig;
extern const enum libbpf_tristate CONFIG_BPF_JIT __kconfig;
extern char CONFIG_DEFAULT_HOSTNAME[24] __kconfig __weak;
extern u32 CONFIG_WEIR_HAS_NO_SUCH_OPTION __kconfig __weak;
extern bool CONFIG_WEIR_NEITHER_THIS __kconfig __weak;

struct note notes[8];

SEC("xdp") int kconfig(struct xdp_md *ctx)
{
    note(&notes[0], LINUX_KERNEL_VERSION);
    note(&notes[1], CONFIG_HZ);
    note(&notes[2], CONFIG_BPF_SYSCALL);
    note(&notes[3], CONFIG_BPF_JIT);
    note(&notes[4], CONFIG_DEFAULT_HOSTNAME[0]);
    note(&notes[5], CONFIG_WEIR_HAS_NO_SUCH_OPTION);
    note(&notes[6], CONFIG_WEIR_NEITHER_THIS);
    return CONFIG_HZ > 50 ? XDP_PASS : XDP_DROP;
}

LICENSE;
