#include "jit/unverified.h"

#include <utility>

#include "jit/machine_code.h"
#include "vm/base/limits.h"

namespace weir::jit {

class UnverifiedCode {
public:
    explicit UnverifiedCode(MachineCode code) : machine(std::move(code)) {}

    MachineCode machine;
    vm::RunEnv env;
};

UnverifiedProgram::UnverifiedProgram(std::unique_ptr<UnverifiedCode> code)
    : code_(std::move(code)) {}
UnverifiedProgram::UnverifiedProgram(UnverifiedProgram&&) noexcept = default;
UnverifiedProgram& UnverifiedProgram::operator=(UnverifiedProgram&&) noexcept = default;
UnverifiedProgram::~UnverifiedProgram() = default;

uint64_t UnverifiedProgram::operator()(uint8_t* memory, uint64_t length) const {
    code_->env.aborted_insn = 0;
    const uint64_t result =
        code_->machine.single()(reinterpret_cast<uint64_t>(memory), length, &code_->env);
    return failed() ? 0 : result;
}

bool UnverifiedProgram::failed() const {
    return code_->env.aborted_insn != 0;
}

std::span<const uint8_t> UnverifiedProgram::code() const {
    return code_->machine.code();
}

const CodeMap& UnverifiedProgram::code_map() const {
    return code_->machine.map();
}

namespace {

Result<UnverifiedProgram> compile_unverified(std::span<const vm::Insn> insns,
                                             const vm::HelperTable& helpers, CpuFeatures cpu,
                                             const CompileOptions& options = {}) {
    const Result<std::vector<vm::DecodedSlot>> slots = vm::decode_program(insns);
    if (!slots) return std::unexpected(slots.error());
    const CompileInput input{.slots = *slots,
                             .facts = {},
                             .functions = find_functions(*slots, kStackBytes),
                             .maps = {},
                             .helpers = &helpers,
                             .cpu = cpu,
                             .options = options};
    Result<MachineCode> code = MachineCode::generate(input);
    if (!code) return std::unexpected(code.error());
    return UnverifiedProgram(std::make_unique<UnverifiedCode>(std::move(*code)));
}

}  // namespace

Result<UnverifiedProgram> TESTING_ONLY_compile_unverified(std::span<const vm::Insn> insns,
                                                          const vm::HelperTable& helpers) {
    return compile_unverified(insns, helpers, host_cpu_features());
}

Result<UnverifiedProgram> TESTING_ONLY_compile_unverified_blinded(std::span<const vm::Insn> insns,
                                                                  const vm::HelperTable& helpers) {
    return compile_unverified(insns, helpers, host_cpu_features(), {.blind_constants = true});
}

Result<UnverifiedProgram> TESTING_ONLY_compile_unverified_baseline(std::span<const vm::Insn> insns,
                                                                   const vm::HelperTable& helpers) {
    return compile_unverified(insns, helpers, CpuFeatures{});
}

}  // namespace weir::jit
