"""Turns a loop-free function over integers that returns bool into an SMT-LIB question: may it return false?

Values of a block are computed whether it is reached or not, as every operation is total; phis pick by the edges
that are taken. What LLVM leaves open (shifts by too much, division by zero, poison) becomes an unconstrained number.

Division and multiplication of 64-bit numbers are beyond a SAT solver. Where asked to, quotients and products of
numbers that vary become numbers of which only the facts of facts.smt2 are known.
"""
from facts import Facts
from ir import Unsupported

COMPARE = {"ult": "bvult", "ule": "bvule", "ugt": "bvugt", "uge": "bvuge", "slt": "bvslt", "sle": "bvsle", "sgt": "bvsgt",
           "sge": "bvsge"}
PLAIN = {"add": "bvadd", "sub": "bvsub", "mul": "bvmul", "and": "bvand", "or": "bvor", "xor": "bvxor"}
DIVISIONS = {"udiv": "bvudiv", "sdiv": "bvsdiv", "urem": "bvurem", "srem": "bvsrem"}
SHIFTS = {"shl": "bvshl", "lshr": "bvlshr", "ashr": "bvashr"}


def sort(bits):
    return "Bool" if bits == 1 else f"(_ BitVec {bits})"


def constant(number, bits):
    if bits == 1:
        return "true" if number & 1 else "false"
    return f"(_ bv{number % (1 << bits)} {bits})"


def unary(op, value, bits):
    if op == "abs":
        return f"(ite (bvslt {value} {constant(0, bits)}) (bvneg {value}) {value})"
    term = constant(bits, bits)
    places = range(bits) if op == "ctlz" else reversed(range(bits))
    for place in places:  # the last one wins
        count = bits - 1 - place if op == "ctlz" else place
        term = f"(ite (= ((_ extract {place} {place}) {value}) #b1) {constant(count, bits)} {term})"
    return term


class Encoder:
    def __init__(self, function, with_facts=False):
        self.function = function
        self.facts = Facts(self) if with_facts else None
        self.lines = []
        self.bits = {}
        self.pairs = {}  # results of arithmetic with overflow: (value, overflow)
        self.fresh_count = self.any_count = 0
        self.guards = {}  # label -> condition
        self.edges = {}  # (from, to) -> condition

    def question(self):
        """SMT-LIB text without check-sat."""
        for bits, name in self.function.params:
            self.declare(self.symbol(name), bits)
            self.bits[name] = bits
        bad = []
        for label in self.order():
            self.enter(label)
            for insn in self.function.blocks[label].insns:
                if insn.op == "ret":
                    bad.append(f"(and {self.guards[label]} (not {self.value(insn.args[0], 1)}))")
                elif insn.op == "unreachable":
                    bad.append(self.guards[label])
                elif insn.op in ("br", "switch"):
                    self.leave(label, insn)
                else:
                    self.compute(insn)
        if self.facts:
            self.facts.assert_all()
        self.lines.append(f"(assert (or false {' '.join(bad)}))")
        return "\n".join(self.lines)

    def symbol(self, name):
        return f"|{name}|"

    def declare(self, symbol, bits):
        self.lines.append(f"(declare-const {symbol} {sort(bits)})")

    def define(self, symbol, bits, term):
        self.declare(symbol, bits)  # z3 expands define-fun wherever it stands
        self.lines.append(f"(assert (= {symbol} {term}))")

    def fresh(self, bits):
        self.fresh_count += 1
        symbol = f"open{self.fresh_count}"
        self.declare(symbol, bits)
        return symbol

    def value(self, arg, bits):
        if arg is None:
            return self.fresh(bits)
        return constant(arg, bits) if isinstance(arg, int) else self.symbol(arg)

    def order(self):
        """Blocks before their successors."""
        done, open_, result = set(), set(), []

        def visit(label):
            stack = [(label, iter(self.function.blocks[label].successors))]
            open_.add(label)
            while stack:
                at, following = stack[-1]
                for successor in following:
                    if successor in open_:
                        raise Unsupported("a loop")
                    if successor not in done:
                        open_.add(successor)
                        stack.append((successor, iter(self.function.blocks[successor].successors)))
                        break
                else:
                    stack.pop()
                    open_.discard(at)
                    done.add(at)
                    result.append(at)

        visit(next(iter(self.function.blocks)))
        return reversed(result)

    def enter(self, label):
        arriving = [condition for (_, to), condition in self.edges.items() if to == label]
        guard = f"guard.{label}"
        self.define(guard, 1, f"(or {' '.join(arriving)})" if arriving else "true")
        self.guards[label] = guard

    def leave(self, label, insn):
        taken = {}
        if insn.op == "br" and not insn.args:
            taken[insn.extra[0]] = "true"
        elif insn.op == "br":
            condition = self.value(insn.args[0], 1)
            yes, no = insn.extra
            taken[yes] = condition
            taken[no] = f"(not {condition})" if yes != no else "true"
        else:
            default, arms = insn.extra
            value = self.value(insn.args[0], insn.bits)
            equal = [(f"(= {value} {constant(case, insn.bits)})", to) for case, to in arms]
            for condition, to in equal:
                taken[to] = f"(or {taken[to]} {condition})" if to in taken else condition
            other = f"(not (or false {' '.join(condition for condition, _ in equal)}))"
            taken[default] = f"(or {taken[default]} {other})" if default in taken else other
        for to, condition in taken.items():
            edge = f"edge.{label}.{to}"
            self.define(edge, 1, f"(and {self.guards[label]} {condition})")
            self.edges[label, to] = edge

    def compute(self, insn):
        if insn.op.endswith("with.overflow"):
            self.pairs[insn.name] = self.with_overflow(insn)
            return
        bits, term = self.term(insn)
        self.bits[insn.name] = bits
        self.define(self.symbol(insn.name), bits, term)

    def with_overflow(self, insn):
        a, b = (self.value(arg, insn.bits) for arg in insn.args)
        kind = insn.op.split(".")[0]
        extend, wide = ("zero_extend", insn.bits) if kind[0] == "u" else ("sign_extend", insn.bits)
        operation = {"add": "bvadd", "sub": "bvsub", "mul": "bvmul"}[kind[1:]]
        exact = f"({operation} ((_ {extend} {wide}) {a}) ((_ {extend} {wide}) {b}))"
        result = f"({operation} {a} {b})"
        return (insn.bits, result), (1, f"(not (= {exact} ((_ {extend} {wide}) {result})))")

    def term(self, insn):
        op, bits = insn.op, insn.bits
        if op == "any":
            self.any_count += 1
            self.declare(f"any{self.any_count}", bits)
            return bits, f"any{self.any_count}"
        if op == "phi":
            return bits, self.phi(insn)
        if op == "extractvalue":
            return self.pairs[insn.args[0]][insn.extra]
        if op in ("zext", "sext", "trunc"):
            return bits, self.cast(op, self.value(insn.args[0], insn.extra), insn.extra, bits)
        if op == "select":
            condition = self.value(insn.args[0], 1)
            return bits, f"(ite {condition} {self.value(insn.args[1], bits)} {self.value(insn.args[2], bits)})"
        if op in ("ctlz", "cttz", "abs"):
            term = unary(op, self.value(insn.args[0], bits), bits)
            if op != "abs" and insn.args[1] == 1:  # of zero it may be anything
                zero = f"(= {self.value(insn.args[0], bits)} {constant(0, bits)})"
                term = f"(ite {zero} {self.fresh(bits)} {term})"
            return bits, term
        args = [self.value(arg, bits) for arg in insn.args]
        if op == "icmp":
            return 1, self.compare(insn.extra, args, bits)
        if op == "freeze":
            return bits, args[0]
        if bits == 1:
            return bits, f"({ {'and': 'and', 'or': 'or', 'xor': 'xor', 'add': 'xor', 'sub': 'xor', 'mul': 'and'}[op]} {args[0]} {args[1]})"
        if self.facts and (op in DIVISIONS or op == "mul" and not any(isinstance(arg, int) for arg in insn.args)):
            return bits, self.facts.term(op, args, bits)
        if op in PLAIN:
            return bits, f"({PLAIN[op]} {args[0]} {args[1]})"
        if op in DIVISIONS:
            return bits, f"(ite (= {args[1]} {constant(0, bits)}) {self.fresh(bits)} ({DIVISIONS[op]} {args[0]} {args[1]}))"
        if op in SHIFTS:
            shifted = f"({SHIFTS[op]} {args[0]} {args[1]})"
            if isinstance(insn.args[1], int) and insn.args[1] < bits:
                return bits, shifted
            return bits, f"(ite (bvult {args[1]} {constant(bits, bits)}) {shifted} {self.fresh(bits)})"
        return bits, self.intrinsic(op, args, bits)

    def phi(self, insn):
        label = next(label for label, block in self.function.blocks.items() if insn in block.insns)
        arms = [(self.edges.get((source, label)), self.value(arg, insn.bits))
                for arg, source in zip(insn.args, insn.extra)]
        arms = [(edge, value) for edge, value in arms if edge is not None]
        term = arms[-1][1]
        for edge, value in reversed(arms[:-1]):
            term = f"(ite {edge} {value} {term})"
        return term

    def cast(self, op, value, source, target):
        if op == "trunc":
            low = f"((_ extract {target - 1} 0) {value})"
            return low if target > 1 else f"(= {low} #b1)"
        if source == 1:
            return f"(ite {value} {constant(1 if op == 'zext' else -1, target)} {constant(0, target)})"
        return f"((_ {'zero' if op == 'zext' else 'sign'}_extend {target - source}) {value})"

    def compare(self, predicate, args, bits):
        if predicate in ("eq", "ne"):
            equal = f"(= {args[0]} {args[1]})"
            return equal if predicate == "eq" else f"(not {equal})"
        if bits == 1:
            raise Unsupported(f"icmp {predicate} i1")
        return f"({COMPARE[predicate]} {args[0]} {args[1]})"

    def intrinsic(self, op, args, bits):
        if op in ("umin", "umax", "smin", "smax"):
            less = f"(bv{op[0]}{'lt' if op[1:] == 'min' else 'gt'} {args[0]} {args[1]})"
            return f"(ite {less} {args[0]} {args[1]})"
        if op == "bswap":
            parts = " ".join(f"((_ extract {at + 7} {at}) {args[0]})" for at in range(0, bits, 8))
            return f"(concat {parts})"
        if op == "ctpop":
            ones = [f"((_ zero_extend {bits - 1}) ((_ extract {at} {at}) {args[0]}))" for at in range(bits)]
            return f"(bvadd {' '.join(ones)})"
        if op == "usub.sat":
            return f"(ite (bvult {args[0]} {args[1]}) {constant(0, bits)} (bvsub {args[0]} {args[1]}))"
        if op in ("fshl", "fshr"):
            by = f"(bvurem {args[2]} {constant(bits, bits)})"
            rest = f"(bvsub {constant(bits, bits)} {by})"
            left, right = (by, rest) if op == "fshl" else (rest, by)
            return f"(bvor (bvshl {args[0]} {left}) (bvlshr {args[1]} {right}))"
        raise Unsupported(op)
