// Our check of classic programs against the kernel's: what SO_ATTACH_FILTER takes, and what it
// refuses. WEIR_CBPF_CHECKS and WEIR_SEED make a long run of it.

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>

#include <fmt/format.h>

#include "tests/differential/cbpf_program.h"
#include "tests/support/environment.h"
#include "vm/cbpf/check.h"
#include "vm/cbpf/reference.h"

namespace weir::tests {
namespace {

using vm::cbpf::ClassicInsn;

constexpr uint64_t kChecksByDefault = 5'000;

class Socket {
public:
    Socket() : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}
    ~Socket() { close(fd_); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    /// 0, or the kernel's error.
    int attach(std::vector<ClassicInsn>& insns) const {
        static_assert(sizeof(sock_filter) == sizeof(ClassicInsn));
        sock_fprog program{};
        program.len = static_cast<unsigned short>(insns.size());
        program.filter = reinterpret_cast<sock_filter*>(insns.data());
        const int status = setsockopt(fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
        return status == 0 ? 0 : errno;
    }

private:
    int fd_;
};

/// A few fields get other values; most programs break a rule by it.
void damage(std::vector<ClassicInsn>& insns, std::mt19937_64& random) {
    for (uint64_t left = random() % 3; left > 0; --left) {
        ClassicInsn& insn = insns[random() % insns.size()];
        switch (random() % 5) {
            case 0: insn.code = static_cast<uint16_t>(random() % 256); break;
            case 1: insn.jt = static_cast<uint8_t>(random()); break;
            case 2: insn.jf = static_cast<uint8_t>(random()); break;
            case 3: insn.k = static_cast<uint32_t>(random() % 40); break;
            default: insn.k = static_cast<uint32_t>(random()); break;
        }
    }
}

std::string text_of(const std::vector<ClassicInsn>& insns) {
    std::string text;
    for (size_t pc = 0; pc < insns.size(); ++pc)
        text += vm::cbpf::disassemble(insns[pc], pc) + "\n";
    return text;
}

TEST(ClassicCheckAndKernel, TakeTheSamePrograms) {
    const Socket socket;
    std::vector<ClassicInsn> plain = {{0x06, 0, 0, 1}};
    if (const int problem = socket.attach(plain); problem != 0)
        GTEST_SKIP() << "the kernel attaches no filters: " << std::strerror(problem);
    const uint64_t count = number_from_environment("WEIR_CBPF_CHECKS", kChecksByDefault);
    const uint64_t first = first_seed();
    uint64_t accepted = 0, refused = 0, not_offered = 0;
    for (uint64_t seed = first; seed < first + count; ++seed) {
        std::mt19937_64 random(seed);
        std::vector<ClassicInsn> insns = generate_classic(seed);
        damage(insns, random);
        const int status = socket.attach(insns);
        ASSERT_TRUE(status == 0 || status == EINVAL) << std::strerror(status);
        const auto checked = vm::cbpf::check(insns);
        if (!checked && checked.error().kind == ErrorKind::kUnsupported) {
            ++not_offered;
            continue;
        }
        ASSERT_EQ(checked.has_value(), status == 0)
            << "seed " << seed << ": " << (checked ? "" : checked.error().message) << "\n"
            << text_of(insns);
        ++(checked ? accepted : refused);
    }
    fmt::print("{} programs from seed {}: {} accepted, {} refused, {} not offered\n", count, first,
               accepted, refused, not_offered);
    EXPECT_GE(accepted * 5, count);
    EXPECT_GE(refused * 5, count);
}

}  // namespace
}  // namespace weir::tests
