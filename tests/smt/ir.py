"""Reads the part of LLVM's textual IR that loop-free functions over integers compile to."""
import re
from dataclasses import dataclass, field

INT = re.compile(r"i(\d+)$")


@dataclass
class Insn:
    name: str | None  # the value that it defines, with its %
    op: str
    bits: int  # width of the result, or of what is compared, returned or switched on
    args: list  # operands: "%name" or an integer; what else an operation needs stands in `extra`
    extra: object = None


@dataclass
class Block:
    label: str
    insns: list = field(default_factory=list)
    successors: list = field(default_factory=list)


@dataclass
class Function:
    name: str
    params: list  # (bits, name)
    blocks: dict


class Unsupported(Exception):
    pass


def width(text):
    found = INT.match(text)
    if not found:
        raise Unsupported(f"type {text}")
    return int(found.group(1))


def operand(text):
    text = text.strip()
    if text.startswith("%"):
        return text
    if text in ("true", "false"):
        return int(text == "true")
    if text in ("poison", "undef"):
        return None
    return int(text)


BINARY = {"add", "sub", "mul", "udiv", "sdiv", "urem", "srem", "shl", "lshr", "ashr", "and", "or", "xor"}
CASTS = {"zext", "sext", "trunc"}
FLAGS = {"nuw", "nsw", "exact", "disjoint", "nneg", "samesign", "tail", "notail", "musttail", "noundef", "zeroext", "signext"}
CALL = re.compile(r"call\s+(?:range\([^)]*\)\s+|\w+\s+)*?(void|i\d+|\{[^}]*\})\s+@([\w.$]+)\((.*)\)")
INTRINSICS = ("umin", "umax", "smin", "smax", "ctlz", "cttz", "ctpop", "bswap", "fshl", "fshr", "abs", "usub.sat", "uadd.sat",
              "uadd.with.overflow", "usub.with.overflow", "umul.with.overflow", "sadd.with.overflow", "ssub.with.overflow")
IGNORED = ("lifetime", "assume", "experimental.noalias", "dbg")


def parse_call(name, text):
    found = CALL.search(text)
    if not found:
        raise Unsupported(text)
    result, callee, args = found.groups()
    short = callee.removeprefix("llvm.")
    if callee.startswith("llvm.") and short.startswith(IGNORED):
        return None
    if callee.startswith("any_"):
        return Insn(name, "any", width(result), [])
    kind = next((kind for kind in INTRINSICS if short == kind or short.startswith(kind + ".i")), None)
    if kind is None:
        raise Unsupported(f"call of {callee}")
    values = [operand(arg.split()[-1]) for arg in args.split(",")]
    bits = width(re.search(r"i\d+", result).group(0))
    return Insn(name, kind, bits, values)


def parse_simple(name, op, rest):
    words = [word for word in rest.split() if word not in FLAGS]
    text = " ".join(words)
    if op in BINARY:
        kind, args = text.split(None, 1)
        return Insn(name, op, width(kind), [operand(arg) for arg in args.split(",")])
    if op in CASTS:
        source, target = text.split(" to ")
        kind, value = source.split()
        return Insn(name, op, width(target.strip()), [operand(value)], width(kind))
    if op == "icmp":
        predicate, kind, args = text.split(None, 2)
        return Insn(name, op, width(kind), [operand(arg) for arg in args.split(",")], predicate)
    if op == "select":
        condition, yes, no = (part.split() for part in text.split(","))
        return Insn(name, op, width(yes[0]), [operand(condition[1]), operand(yes[1]), operand(no[1])])
    if op == "freeze":
        kind, value = text.split()
        return Insn(name, op, width(kind), [operand(value)])
    if op == "phi":
        kind, arms = text.split(None, 1)
        pairs = re.findall(r"\[\s*([^,\]]+),\s*%([\w.]+)\s*\]", arms)
        return Insn(name, op, width(kind), [operand(value) for value, _ in pairs], [label for _, label in pairs])
    if op == "extractvalue":
        value, index = re.match(r"\{[^}]*\} (%[\w.]+), (\d+)", text).groups()
        return Insn(name, op, 0, [value], int(index))
    if op == "ret":
        kind, value = text.split()
        return Insn(name, op, width(kind), [operand(value)])
    if op == "br":
        found = re.match(r"label %([\w.]+)$", text)
        if found:
            return Insn(name, op, 0, [], [found.group(1)])
        condition, yes, no = re.match(r"i1 ([^,]+), label %([\w.]+), label %([\w.]+)", text).groups()
        return Insn(name, op, 1, [operand(condition)], [yes, no])
    if op == "switch":
        kind, value, default, arms = re.match(r"(i\d+) ([^,]+), label %([\w.]+) \[(.*)\]", text).groups()
        pairs = [(int(case), label) for case, label in re.findall(r"i\d+ (-?\d+), label %([\w.]+)", arms)]
        return Insn(name, op, width(kind), [operand(value)], (default, pairs))
    if op == "unreachable":
        return Insn(name, op, 0, [])
    raise Unsupported(f"{op} {rest}")


def parse_insn(line):
    line = re.sub(r",? ![\w.]+( ![\w.]+)*(, ![\w.]+ ![\w.]+)*$", "", line)
    found = re.match(r"(%[\w.]+) = (.*)", line)
    name, text = found.groups() if found else (None, line)
    if re.match(r"((tail|notail|musttail) )?call ", text):
        return parse_call(name, text)
    op, _, rest = text.partition(" ")
    return parse_simple(name, op, rest)


def successors(insn):
    if insn.op == "br":
        return list(insn.extra)
    if insn.op == "switch":
        return [insn.extra[0]] + [label for _, label in insn.extra[1]]
    return []


def parse_function(header, lines):
    name, params = re.match(r"define [^@]*@([\w.$]+)\((.*?)\)[^()]*\{", header).groups()
    function = Function(name, [], {})
    for param in filter(None, (text.strip() for text in params.split(","))):
        words = [word for word in param.split() if word not in FLAGS]
        function.params.append((width(words[0]), words[-1]))
    block = Block(str(len(function.params)))
    function.blocks[block.label] = block
    for line in lines:
        found = re.match(r"([\w.]+):", line)
        if found:
            block = Block(found.group(1))
            function.blocks[block.label] = block
            continue
        insn = parse_insn(line.strip())
        if insn is None:
            continue
        block.insns.append(insn)
        block.successors = successors(insn)
    # the entry's label is not printed where it has no name
    return function


def read_module(text, prefix):
    """The functions whose names begin with `prefix`; (name, function or why it cannot be read)."""
    lines = iter(text.splitlines())
    for line in lines:
        if not line.startswith("define ") or f"@{prefix}" not in line:
            continue
        body = []
        for inner in lines:
            if inner == "}":
                break
            if "switch " in inner and not inner.rstrip().endswith("]"):
                parts = [inner]
                while "]" not in parts[-1]:
                    parts.append(next(lines))
                inner = " ".join(part.strip() for part in parts)
            inner = inner.split(" ;")[0].rstrip() if not inner.startswith(";") else ""
            if inner.strip():
                body.append(inner)
        name = re.search(r"@([\w.$]+)\(", line).group(1)
        try:
            yield name, parse_function(line, body)
        except Unsupported as reason:
            yield name, str(reason)
