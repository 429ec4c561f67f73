"""Quotients and products as numbers of which only the facts of facts.smt2 are known, each fact for each of them."""


def zero(bits):
    return f"(_ bv0 {bits})"


class Facts:
    def __init__(self, encoder):
        self.encoder = encoder
        self.quotients = []  # (quotient, dividend, divisor, bits)
        self.products = []  # (product, it fits in bits, factor, factor, bits)

    def term(self, op, args, bits):
        """The SMT-LIB term of an operation of LLVM, which narrows some: what is less than 64 bits wide is computed at 64."""
        wide = max(bits, 64)
        if op == "mul":
            return self.cut(self.product(*(self.extended(arg, bits) for arg in args), wide), bits)
        if op[0] == "u":
            operands = [self.extended(arg, bits) for arg in args]
            return self.cut(self.quotient(*operands, wide) if op == "udiv" else self.remainder(*operands, wide), bits)
        # signed: by magnitudes; LLVM leaves the smallest number by -1 open, the magnitudes wrap around
        is_negative = [f"(bvslt {arg} {zero(bits)})" for arg in args]
        magnitudes = [self.extended(f"(ite {negative} (bvneg {arg}) {arg})", bits) for arg, negative in zip(args, is_negative)]
        if op == "sdiv":
            result, sign = self.quotient(*magnitudes, wide), f"(xor {is_negative[0]} {is_negative[1]})"
        else:
            result, sign = self.remainder(*magnitudes, wide), is_negative[0]
        result = self.named(self.cut(result, bits), bits)
        return f"(ite {sign} (bvneg {result}) {result})"

    def extended(self, term, bits):
        if bits >= 64:
            return self.named(term, bits)
        return self.named(f"((_ zero_extend {64 - bits}) {term})", 64)

    def cut(self, term, bits):
        return term if bits >= 64 else f"((_ extract {bits - 1} 0) {term})"

    def named(self, term, bits):
        """Facts mention a term often."""
        name = f"term{len(self.encoder.lines)}"
        self.encoder.define(name, bits, term)
        return name

    def quotient(self, dividend, divisor, bits):
        quotient = self.encoder.fresh(bits)
        self.quotients.append((quotient, dividend, divisor, bits))
        return quotient

    def product(self, a, b, bits):
        product, fits = self.encoder.fresh(bits), self.encoder.fresh(1)
        self.products.append((product, fits, a, b, bits))
        return product

    def remainder(self, dividend, divisor, bits):
        quotient = self.quotient(dividend, divisor, bits)
        return self.named(f"(bvsub {dividend} {self.product(quotient, divisor, bits)})", bits)

    def assert_all(self):
        for number, one in enumerate(self.quotients):
            self.small_quotient(one)
            self.power_of_two(one)
            for other in self.quotients[:number]:
                self.quotients_grow(one, other)
                self.quotients_grow(other, one)
            for product in self.products:
                self.product_of_quotient(one, product)
        for number, one in enumerate(self.products):
            self.nothing_of_zero(one)
            self.keeps_low_zeros(one)
            for other in self.products[:number]:
                self.products_grow(one, other)
                self.products_grow(other, one)

    def assert_that(self, condition, conclusion):
        self.encoder.lines.append(f"(assert (=> {condition} {conclusion}))")

    def quotients_grow(self, small, large):
        (q, a, b, bits), (p, c, d, other_bits) = small, large
        if bits == other_bits:
            self.assert_that(f"(and (bvule {a} {c}) (bvuge {b} {d}) (distinct {d} {zero(bits)}))", f"(bvule {q} {p})")

    def small_quotient(self, quotient):
        q, a, b, bits = quotient
        self.assert_that(f"(distinct {b} {zero(bits)})", f"(and (bvule {q} {a}) (= (= {q} {zero(bits)}) (bvult {a} {b})))")

    def power_of_two(self, quotient):
        q, a, b, bits = quotient
        one = f"(_ bv1 {bits})"
        is_power = f"(and (distinct {b} {zero(bits)}) (= (bvand {b} (bvsub {b} {one})) {zero(bits)}))"
        places = [f"(=> (= ((_ extract {place} {place}) {b}) #b1) (= {q} (bvlshr {a} (_ bv{place} {bits}))))"
                  for place in range(bits)]
        self.assert_that(is_power, f"(and {' '.join(places)})")

    def product_of_quotient(self, quotient, product):
        (q, a, b, bits), (p, fits, x, y, other_bits) = quotient, product
        if bits != other_bits:
            return
        same = f"(or (and (= {x} {q}) (= {y} {b})) (and (= {x} {b}) (= {y} {q})))"
        self.assert_that(f"(and {same} (distinct {b} {zero(bits)}))", f"(and {fits} (bvule {p} {a}) (bvult (bvsub {a} {p}) {b}))")

    def products_grow(self, small, large):
        (p, p_fits, x, y, bits), (r, r_fits, u, v, other_bits) = small, large
        if bits != other_bits:
            return
        below = f"(or (and (bvule {x} {u}) (bvule {y} {v})) (and (bvule {x} {v}) (bvule {y} {u})))"
        self.assert_that(f"(and {below} {r_fits})", f"(and {p_fits} (bvule {p} {r}))")
        same = f"(or (and (= {x} {u}) (= {y} {v})) (and (= {x} {v}) (= {y} {u})))"
        self.assert_that(same, f"(= {p} {r})")

    def nothing_of_zero(self, product):
        p, _, x, y, bits = product
        self.assert_that(f"(or (= {x} {zero(bits)}) (= {y} {zero(bits)}))", f"(= {p} {zero(bits)})")

    def keeps_low_zeros(self, product):
        p, _, x, y, bits = product
        for factor in (x, y):
            lowest = f"(bvand {factor} (bvneg {factor}))"
            self.encoder.lines.append(f"(assert (= (bvand {p} (bvsub {lowest} (_ bv1 {bits}))) {zero(bits)}))")
