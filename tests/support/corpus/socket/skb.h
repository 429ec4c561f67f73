/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Loads by LD_ABS and LD_IND: in network byte order, and past the end they end the program with 0. */
#pragma once

#include "../notes.h"

unsigned long long load_byte(void *skb, unsigned long long at) asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long at) asm("llvm.bpf.load.half");
unsigned long long load_word(void *skb, unsigned long long at) asm("llvm.bpf.load.word");
