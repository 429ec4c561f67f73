#include "tests/differential/cbpf_program.h"

#include <algorithm>
#include <random>

namespace weir::tests {
namespace {

using vm::cbpf::ClassicInsn;
using vm::cbpf::ClassicOp;
using vm::cbpf::Form;

constexpr uint16_t kAllWords = 0xffff;

class Generator {
public:
    explicit Generator(uint64_t seed)
        : random_(seed),
          many_paths_(seed % kManyPathsEach == 0),
          count_(many_paths_ ? 60 + below(340) : 2 + below(60)) {}

    std::vector<ClassicInsn> generate() {
        written_at_.assign(count_, kAllWords);
        for (size_t pc = 0; pc + 1 < count_; ++pc) {
            written_ &= written_at_[pc];
            put_any(pc);
        }
        put_return();
        return std::move(insns_);
    }

private:
    uint64_t below(uint64_t bound) { return random_() % bound; }

    uint32_t number() {
        constexpr uint32_t kSpecial[] = {0,      1,          2,          15,         31,
                                         32,     0xff,       0xffff,     0x10000,    0x7fffffff,
                                         65'534, 0x80000000, 0x80000001, 0xffffffff, 0xfffffff0};
        if (below(2) == 0) return static_cast<uint32_t>(below(256));
        if (below(2) == 0) return kSpecial[below(std::size(kSpecial))];
        return static_cast<uint32_t>(random_());
    }

    uint32_t packet_offset() {
        constexpr uint32_t kFar[] = {65'531, 65'532, 65'534, 65'535,     65'536,
                                     32'766, 32'768, 40'000, 0x7fffffff, 0xffdfffff};
        if (below(60) == 0) return kFar[below(std::size(kFar))];
        return static_cast<uint32_t>(below(below(8) == 0 ? 1600 : 50));
    }

    void put_any(size_t pc) {
        if (pc + 2 < count_ && below(many_paths_ ? 2 : 4) == 0) return put_branch(pc);
        const ClassicOp& op = vm::cbpf::kClassicOps[below(vm::cbpf::kClassicOps.size())];
        if (vm::cbpf::is_branch(op.form)) return put_branch(pc);
        ClassicInsn insn{op.code, 0, 0, number()};
        switch (op.form) {
            case Form::LoadAbsolute:
            case Form::LoadIndexed:
            case Form::LoadXHeader: insn.k = packet_offset(); break;
            case Form::LoadScratch:
            case Form::LoadXScratch:
                if (written_ == 0) return put_store();
                insn.k = written_word();
                break;
            case Form::Store:
            case Form::StoreX: return put_store();
            case Form::DivideConstant: insn.k = std::max(1u, insn.k); break;
            case Form::ShiftConstant: insn.k %= 32; break;
            case Form::Jump: return put_jump(pc);
            case Form::ReturnConstant:
            case Form::ReturnA:
                if (below(20) != 0) return put_any(pc);
                return put_return();
            default: break;
        }
        insns_.push_back(insn);
    }

    uint32_t written_word() {
        uint32_t word = static_cast<uint32_t>(below(vm::cbpf::kScratchWords));
        while ((written_ >> word & 1) == 0) word = (word + 1) % vm::cbpf::kScratchWords;
        return word;
    }

    void put_store() {
        constexpr uint16_t kStoreA = 0x02, kStoreX = 0x03;
        const auto word = static_cast<uint32_t>(below(below(4) == 0 ? vm::cbpf::kScratchWords : 3));
        insns_.push_back({below(2) == 0 ? kStoreA : kStoreX, 0, 0, word});
        written_ = static_cast<uint16_t>(written_ | 1u << word);
    }

    void put_jump(size_t pc) {
        constexpr uint16_t kJump = 0x05;
        const auto skip = static_cast<uint32_t>(below(std::min<uint64_t>(count_ - pc - 1, 6)));
        insns_.push_back({kJump, 0, 0, skip});
        written_at_[pc + 1 + skip] &= written_;
        written_ = kAllWords;
    }

    void put_branch(size_t pc) {
        constexpr uint16_t kBranches[] = {0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d};
        const uint64_t room = std::min<uint64_t>(count_ - pc - 1, below(6) == 0 ? 256 : 5);
        const auto jt = static_cast<uint8_t>(below(room)), jf = static_cast<uint8_t>(below(room));
        insns_.push_back({kBranches[below(std::size(kBranches))], jt, jf, number()});
        written_at_[pc + 1 + jt] &= written_;
        written_at_[pc + 1 + jf] &= written_;
        written_ = kAllWords;
    }

    void put_return() {
        constexpr uint16_t kReturnConstant = 0x06, kReturnA = 0x16;
        if (below(4) == 0)
            insns_.push_back({kReturnConstant, 0, 0, below(2) == 0 ? 0 : number()});
        else
            insns_.push_back({kReturnA, 0, 0, 0});
    }

    std::mt19937_64 random_;
    bool many_paths_;
    size_t count_;
    std::vector<ClassicInsn> insns_;
    std::vector<uint16_t> written_at_;
    uint16_t written_ = 0;
};

}  // namespace

std::vector<ClassicInsn> generate_classic(uint64_t seed) {
    return Generator(seed).generate();
}

}  // namespace weir::tests
