#!/usr/bin/env python3
"""Writes vectors/*.txt: programs and the r0 that RFC 9669 asks of them.

The expected values come from the arithmetic below, in Python's unbounded integers, not from any of the engines.
`reference.py DIR` writes the files into DIR; `reference.py --check DIR` fails if they differ from what is there.
"""

import pathlib
import sys

M64 = (1 << 64) - 1
EDGES64 = [0, 1, 2, 63, 64, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000000, 0x123456789ABCDEF0,
           0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF]
IMMEDIATES = [0, 1, 7, 33, 0x7FFFFFFF, -1, -2, -0x80000000]
PAIRS = [(0, 0), (1, 0), (0, 1), (7, 2), (0x123456789ABCDEF0, 0xFEDCBA98), (M64, 1), (M64, M64), (1 << 63, M64),
         (1 << 63, 1), (0x80000000, 0xFFFFFFFF), (0x7FFFFFFF, 0x80000000), (0xFFFFFFFF00000000, 35), (5, 1 << 32),
         (-13 & M64, 4), (13, -4 & M64), (0x1FFFFFFFF, 0x2FFFFFFFF)]


def signed(value, bits):
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def truncated(a, b):
    """Quotient and remainder rounded towards zero, as RFC 9669 section 4.1 wants them."""
    quotient = abs(a) // abs(b)
    if (a < 0) != (b < 0):
        quotient = -quotient
    return quotient, a - quotient * b


def arithmetic(op, a, b, bits):
    mask = (1 << bits) - 1
    ua, ub, sa, sb = a & mask, b & mask, signed(a, bits), signed(b, bits)
    shift = b & (bits - 1)
    result = {
        "+=": lambda: ua + ub, "-=": lambda: ua - ub, "*=": lambda: ua * ub,
        "/=": lambda: ua // ub if ub else 0, "%=": lambda: ua % ub if ub else ua,
        "s/=": lambda: truncated(sa, sb)[0] if sb else 0, "s%=": lambda: truncated(sa, sb)[1] if sb else sa,
        "|=": lambda: ua | ub, "&=": lambda: ua & ub, "^=": lambda: ua ^ ub, "=": lambda: ub,
        "<<=": lambda: ua << shift, ">>=": lambda: ua >> shift, "s>>=": lambda: sa >> shift,
    }[op]()
    return result & mask


def compare(op, a, b, bits):
    mask = (1 << bits) - 1
    ua, ub, sa, sb = a & mask, b & mask, signed(a, bits), signed(b, bits)
    return {
        "==": ua == ub, "!=": ua != ub, ">": ua > ub, ">=": ua >= ub, "<": ua < ub, "<=": ua <= ub,
        "s>": sa > sb, "s>=": sa >= sb, "s<": sa < sb, "s<=": sa <= sb, "&": (ua & ub) != 0,
    }[op]


OPERATORS = ["+=", "-=", "*=", "/=", "%=", "s/=", "s%=", "|=", "&=", "^=", "=", "<<=", ">>=", "s>>="]
COMPARISONS = ["==", "!=", ">", ">=", "<", "<=", "s>", "s>=", "s<", "s<=", "&"]


class File:
    def __init__(self, title):
        self.lines = [f"# {title} Written by reference.py; do not edit."]
        self.count = 0

    def add(self, name, program, result, memory=b""):
        head = f"== {name} {self.count}" + (f" mem {memory.hex()}" if memory else "")
        self.lines += ["", head] + [line.strip() for line in program.strip().splitlines()] + [f"=> {result & M64:#x}"]
        self.count += 1

    def text(self):
        return "\n".join(self.lines) + "\n"


def arithmetic_file(bits):
    out = File(f"Arithmetic of {bits} bits, RFC 9669 section 4.1.")
    reg = "r" if bits == 64 else "w"
    for op in OPERATORS:
        for a, b in PAIRS:
            out.add(f"reg {op}", f"r1 = {a:#x} ll\nr2 = {b:#x} ll\n{reg}1 {op} {reg}2\nr0 = r1\nexit",
                    arithmetic(op, a, b, bits))
        for index, imm in enumerate(IMMEDIATES):
            a = EDGES64[(index * 5 + 9) % len(EDGES64)]
            out.add(f"imm {op}", f"r0 = {a:#x} ll\n{reg}0 {op} {imm}\nexit", arithmetic(op, a, imm, bits))
    for a in EDGES64:
        out.add("neg", f"r0 = {a:#x} ll\n{reg}0 = -{reg}0\nexit", -a & ((1 << bits) - 1))
        for width in [8, 16] + ([32] if bits == 64 else []):
            b = a ^ 0x8080
            out.add(f"movsx {width}", f"r1 = {b:#x} ll\nr0 = -1\n{reg}0 = (s{width}){reg}1\nexit",
                    signed(b, width) & ((1 << bits) - 1))
    return out


def jump_file(bits):
    out = File(f"Conditional jumps of {bits} bits, RFC 9669 section 4.3.")
    reg = "r" if bits == 64 else "w"
    for op in COMPARISONS:
        for a, b in PAIRS:
            out.add(f"reg {op}", f"r1 = {a:#x} ll\nr2 = {b:#x} ll\nr0 = 2\nif {reg}1 {op} {reg}2 goto +1\nr0 = 3\nexit",
                    2 if compare(op, a, b, bits) else 3)
        for index, imm in enumerate(IMMEDIATES):
            for a in (EDGES64[(index * 7 + 3) % len(EDGES64)], imm & M64, imm & 0xFFFFFFFF):
                out.add(f"imm {op}", f"r1 = {a:#x} ll\nr0 = 2\nif {reg}1 {op} {imm} goto +1\nr0 = 3\nexit",
                        2 if compare(op, a, imm, bits) else 3)
    return out


def byte_order_file():
    out = File("Byte order, RFC 9669 section 4.2, on a little-endian machine.")
    for a in EDGES64 + [0x0102030405060708]:
        for width in (16, 32, 64):
            low = a & ((1 << width) - 1)
            swapped = int.from_bytes(low.to_bytes(width // 8, "little"), "big")
            for name, result in (("le", low), ("be", swapped), ("bswap", swapped)):
                out.add(f"{name}{width}", f"r0 = {a:#x} ll\nr0 = {name}{width} r0\nexit", result)
    return out


MEMORY = bytes([0x11, 0x82, 0x33, 0xC4, 0x55, 0x86, 0x77, 0xF8, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0x0F, 0x10])


def memory_file():
    out = File("Loads and stores, RFC 9669 sections 5.1 and 5.2.")
    for size in (1, 2, 4, 8):
        for at in (0, 1, 3, 16 - size):
            value = int.from_bytes(MEMORY[at:at + size], "little")
            out.add(f"load u{size * 8}", f"r0 = *(u{size * 8} *)(r1 + {at})\nexit", value, MEMORY)
            out.add(f"load back u{size * 8}", f"r1 += 16\nr0 = *(u{size * 8} *)(r1 - {16 - at})\nexit", value, MEMORY)
            if size < 8:
                out.add(f"load s{size * 8}", f"r0 = *(s{size * 8} *)(r1 + {at})\nexit", signed(value, size * 8), MEMORY)
        for imm in (0, 0x7F, -1, -0x80000000, 0x7FFFFFFF):
            stored = bytearray(b"\x5a" * 16)
            stored[4:4 + size] = (imm & ((1 << size * 8) - 1)).to_bytes(size, "little")
            for form, setup, value in (("imm", "", imm), ("reg", f"r2 = {imm}", "r2")):
                out.add(f"store {form} u{size * 8}",
                        f"r3 = 0x5a5a5a5a5a5a5a5a ll\n*(u64 *)(r10 - 16) = r3\n*(u64 *)(r10 - 8) = r3\n{setup}\n"
                        f"*(u{size * 8} *)(r10 - 12) = {value}\nr0 = *(u64 *)(r10 - 16)\nr1 = *(u64 *)(r10 - 8)\nr0 ^= r1\nexit",
                        int.from_bytes(stored[:8], "little") ^ int.from_bytes(stored[8:], "little"))
    return out


def interp_only_file():
    out = File("Legacy packet access (RFC 9669 section 5.5) and may_goto: programs of type xdp do not get machine code for them.")
    for size in (1, 2, 4):
        for at in (0, 1, 3, 16 - size):
            big = int.from_bytes(MEMORY[at:at + size], "big")
            out.add(f"packet u{size * 8}", f"r0 = *(u{size * 8} *)skb[{at}]\nexit", big, MEMORY)
            out.add(f"packet ind u{size * 8}", f"r7 = {at}\nr0 = *(u{size * 8} *)skb[r7]\nexit", big, MEMORY)
            out.add(f"packet ind imm u{size * 8}", f"r7 = {at - 5}\nr0 = *(u{size * 8} *)skb[r7 + 5]\nexit", big, MEMORY)
        out.add(f"packet end u{size * 8}", f"r0 = 7\nr0 = *(u{size * 8} *)skb[{17 - size}]\nr0 = 9\nexit", 0, MEMORY)
        out.add(f"packet before u{size * 8}", f"r0 = 7\nr0 = *(u{size * 8} *)skb[-1]\nr0 = 9\nexit", 0, MEMORY)
    out.add("may_goto", "r0 = 0\nr0 += 1\nmay_goto +1\nif r0 != 1000 goto -3\nexit", 1000)
    return out


def atomic_program(bits, text, memory, operand, r0, tail):
    return (f"r3 = {memory:#x} ll\n*(u64 *)(r10 - 8) = r3\nr2 = {operand:#x} ll\nr0 = {r0:#x} ll\n"
            f"{text}\n{tail}\nexit")


def atomic_file():
    out = File("Atomic operations, RFC 9669 section 5.3, and Linux's load-acquire and store-release.")
    operations = {"+=": lambda a, b: a + b, "|=": lambda a, b: a | b, "&=": lambda a, b: a & b, "^=": lambda a, b: a ^ b}
    names = {"+=": "add", "|=": "or", "&=": "and", "^=": "xor"}
    pairs = [(1, 2), (M64, 1), (0x123456789ABCDEF0, 0xFFFFFFFF80000001), (0, M64)]
    for bits in (32, 64):
        mask, r, kind = (1 << bits) - 1, "r" if bits == 64 else "w", f"u{bits}"
        suffix = "_64" if bits == 64 else "32_32"
        for memory, operand in pairs:
            kept = memory & ~mask
            load_all = "r0 = *(u64 *)(r10 - 8)"
            for op, function in operations.items():
                new = kept | (function(memory & mask, operand & mask) & mask)
                for tail, result in ((load_all, new), ("r0 = r2", operand)):
                    text = f"lock *({kind} *)(r10 - 8) {op} {r}2"
                    out.add(f"lock {op} {kind}", atomic_program(bits, text, memory, operand, 0, tail), result)
                for tail, result in ((load_all, new), ("r0 = r2", memory & mask)):
                    text = f"{r}2 = atomic_fetch_{names[op]}(({kind} *)(r10 - 8), {r}2)"
                    out.add(f"fetch {op} {kind}", atomic_program(bits, text, memory, operand, 0, tail), result)
            for tail, result in ((load_all, kept | (operand & mask)), ("r0 = r2", memory & mask)):
                out.add(f"xchg {kind}", atomic_program(bits, f"{r}2 = xchg{suffix}(r10 - 8, {r}2)", memory, operand, 0, tail),
                        result)
            for r0 in (memory, memory ^ 1, memory ^ (1 << 40)):
                equal = (memory & mask) == (r0 & mask)
                text = f"{r}0 = cmpxchg{suffix}(r10 - 8, {r}0, {r}2)"
                for tail, result in ((load_all, kept | (operand & mask) if equal else memory), ("", memory & mask)):
                    out.add(f"cmpxchg {kind}", atomic_program(bits, text, memory, operand, r0, tail), result)
    for size in (8, 16, 32, 64):
        mask, r = (1 << size) - 1, "r" if size == 64 else "w"
        for memory, operand in pairs:
            out.add(f"load_acquire u{size}",
                    atomic_program(size, f"{r}0 = load_acquire((u{size} *)(r10 - 8))", memory, operand, 5, ""), memory & mask)
            out.add(f"store_release u{size}",
                    atomic_program(size, f"store_release((u{size} *)(r10 - 8), {r}2)", memory, operand, 5,
                                   "r0 = *(u64 *)(r10 - 8)"), (memory & ~mask) | (operand & mask))
    return out


def flow_file():
    out = File("Calls, jumps without condition and 64-bit immediates, RFC 9669 sections 4.3 and 5.4.")
    for value in EDGES64:
        out.add("imm64", f"r0 = {value:#x} ll\nexit", value)
        out.add("helper", f"r1 = {value:#x} ll\ncall 5\nexit", value)
        out.add("callx", f"r1 = {value:#x} ll\nr6 = 5\ncallx r6\nexit", value)
    out.add("goto", "r0 = 1\ngoto +1\nr0 = 2\nexit", 1)
    out.add("gotol", "r0 = 1\ngotol +1\nr0 = 2\nexit", 1)
    out.add("goto back", "r0 = 0\ngoto +2\nr0 += 1\ngoto +1\ngoto -3\nexit", 1)
    for steps in (1, 2, 100, 1000):
        out.add("loop", f"r0 = 0\nr1 = {steps}\nr0 += r1\nr1 -= 1\nif r1 != 0 goto -3\nexit", steps * (steps + 1) // 2)
    saved = "\n".join(f"r{i} = {i * 11}" for i in range(6, 10))
    total = "\n".join(f"r0 += r{i}" for i in range(6, 10))
    clobber = "\n".join(f"r{i} = 1" for i in range(6, 10))
    out.add("local call saves r6-r9", f"{saved}\ncall sub\n{total}\nexit\nsub:\n{clobber}\nr0 = 5\nexit",
            5 + 11 * (6 + 7 + 8 + 9))
    out.add("local call passes r1-r5", "r1 = 1\nr2 = 2\nr3 = 3\nr4 = 4\nr5 = 5\ncall sub\nexit\n"
            "sub:\nr0 = r1\nr0 *= 10\nr0 += r2\nr0 *= 10\nr0 += r3\nr0 *= 10\nr0 += r4\nr0 *= 10\nr0 += r5\nexit", 12345)
    out.add("a call has a stack of its own", "*(u64 *)(r10 - 8) = 77\ncall sub\nr0 = *(u64 *)(r10 - 8)\nexit\n"
            "sub:\n*(u64 *)(r10 - 8) = 1\nr0 = 0\nexit", 77)
    out.add("callee writes to the caller's stack", "*(u64 *)(r10 - 8) = 77\nr1 = r10\nr1 += -8\ncall sub\n"
            "r0 = *(u64 *)(r10 - 8)\nexit\nsub:\n*(u64 *)(r1 + 0) = 78\nr0 = 0\nexit", 78)
    out.add("frame pointer comes back", "r6 = r10\ncall sub\nr0 = r10\nr0 -= r6\nexit\nsub:\nr0 = 0\nexit", 0)
    for depth in range(1, 8):
        chain = "\n".join(f"f{i}:\nr1 += 1\n" + (f"call f{i + 1}" if i < depth else "r0 = r1") + "\nexit"
                          for i in range(1, depth + 1))
        out.add("nested calls", f"r1 = 0\ncall f1\nexit\n{chain}", depth)
    recursion = "\n".join(["call fib", "exit", "fib:", "if r1 > 1 goto +2", "r0 = r1", "exit", "r6 = r1", "r1 -= 1",
                           "call fib", "r7 = r0", "r1 = r6", "r1 -= 2", "call fib", "r0 += r7", "exit"])
    out.add("recursion", f"r1 = 6\n{recursion}", 8)
    return out


def files():
    return {
        "arithmetic64.txt": arithmetic_file(64), "arithmetic32.txt": arithmetic_file(32), "jump64.txt": jump_file(64),
        "jump32.txt": jump_file(32), "byte_order.txt": byte_order_file(), "memory.txt": memory_file(),
        "interp_only.txt": interp_only_file(), "atomic.txt": atomic_file(), "flow.txt": flow_file(),
    }


def main(arguments):
    check = arguments[:1] == ["--check"]
    directory = pathlib.Path(arguments[-1])
    for name, file in files().items():
        path = directory / name
        if not check:
            path.write_text(file.text())
        elif path.read_text() != file.text():
            sys.exit(f"{path}: differs from what reference.py writes; run reference.py {directory}")
        print(f"{name}: {file.count} vectors")


if __name__ == "__main__":
    main(sys.argv[1:])
