#include "controlplane/cli/jited_listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "controlplane/cli/program_listing.h"
#include "controlplane/deploy/sha256.h"
#include "jit/disassemble.h"

namespace weir::controlplane::cli {
namespace {

/// The code of one eBPF instruction, or of none.
struct Stretch {
    std::vector<uint32_t> slots;  ///< that it does; empty: entering, leaving, the loop of a burst
    std::vector<jit::MachineInsn> insns;
};

/// Functions of the program by their first byte, and the cells behind the code through which calls
/// out of reach go.
std::string name_in(const JitedProgram& program, uint64_t address) {
    if (address >= program.address && address - program.address < program.code.size()) {
        const uint64_t offset = address - program.address;
        for (const jit::CodeFunction& function : program.map.functions)
            if (function.begin == offset) return code_function_name(program.spec, function);
        const bool is_cell = !program.map.functions.empty() &&
                             offset >= program.map.functions.back().end &&
                             program.code.size() - offset >= sizeof(uint64_t);
        if (!is_cell) return {};
        std::memcpy(&address, program.code.data() + offset, sizeof address);
    }
    return jit::name_of(program.names, address);
}

std::vector<Stretch> stretches_of(const JitedProgram& program, const jit::CodeFunction& function) {
    const std::vector<jit::CodePlace>& places = program.map.places;
    auto place = std::ranges::lower_bound(places, function.begin, {}, &jit::CodePlace::offset);
    std::vector<Stretch> stretches;
    while (place != places.end() && place->offset < function.end) {
        Stretch& stretch = stretches.emplace_back();
        const uint32_t begin = place->offset;
        for (; place != places.end() && place->offset == begin; ++place)
            if (place->slot != jit::kNoSlot) stretch.slots.push_back(place->slot);
        const uint32_t end =
            place == places.end() ? function.end : std::min(place->offset, function.end);
        stretch.insns =
            jit::disassemble(program.code, program.address, begin, end,
                             [&program](uint64_t address) { return name_in(program, address); });
    }
    return stretches;
}

std::string opcodes_of(const JitedProgram& program, const jit::MachineInsn& insn) {
    std::string text;
    for (const uint8_t byte : program.code.subspan(insn.offset, insn.bytes))
        text += fmt::format("{}{:02x}", text.empty() ? "" : " ", byte);
    return text;
}

std::string line_text(const vm::LineInfo& line) {
    return fmt::format("{}:{}: {}", line.file, line.line, line.text);
}

class TextListing {
public:
    TextListing(const JitedProgram& program, const JitedOptions& options)
        : program_(program), options_(options) {
        for (ListedInsn& insn : list_program(program.spec)) {
            const uint32_t slot = insn.slot;
            insns_.emplace(slot, std::move(insn));
        }
    }

    std::string text() && {
        for (const jit::CodeFunction& function : program_.map.functions) add_function(function);
        return std::move(text_);
    }

private:
    void add_function(const jit::CodeFunction& function) {
        text_ += fmt::format("{}{}:\n", text_.empty() ? "" : "\n",
                             code_function_name(program_.spec, function));
        line_ = nullptr;
        for (const Stretch& stretch : stretches_of(program_, function)) {
            for (const uint32_t slot : stretch.slots) add_source(slot);
            if (stretch.slots.empty() && !stretch.insns.empty()) {
                // What the line says ends here.
                if (line_ != nullptr) text_ += "; frame\n";
                line_ = nullptr;
            }
            for (const jit::MachineInsn& insn : stretch.insns) add_insn(insn);
        }
    }

    void add_source(uint32_t slot) {
        const vm::LineInfo* line = vm::line_of(program_.spec, slot);
        // A line has an entry for each of its expressions.
        const bool is_new = line != nullptr && (line_ == nullptr || line->line != line_->line ||
                                                line->file != line_->file);
        if (is_new) text_ += fmt::format("; {}\n", line_text(*line));
        if (line != nullptr) line_ = line;
        const auto listed = insns_.find(slot);
        if (!options_.insns || listed == insns_.end()) return;
        const ListedInsn& insn = listed->second;
        text_ += fmt::format("; {:>6}: {}", slot, insn.text);
        if (!insn.target.empty()) text_ += fmt::format(" <{}>", insn.target);
        if (!insn.remark.empty()) text_ += " ; " + insn.remark;
        text_ += '\n';
    }

    void add_insn(const jit::MachineInsn& insn) {
        text_ += fmt::format("{:>8x}:\t{}\n", insn.offset, insn.text);
        if (options_.opcodes) text_ += fmt::format("\t\t{}\n", opcodes_of(program_, insn));
    }

    const JitedProgram& program_;
    const JitedOptions options_;
    std::map<uint32_t, ListedInsn> insns_;
    const vm::LineInfo* line_ = nullptr;  ///< the last that was said
    std::string text_;
};

Json insns_json(const JitedProgram& program, const jit::CodeFunction& function) {
    Json insns = Json::array();
    for (const Stretch& stretch : stretches_of(program, function)) {
        for (const jit::MachineInsn& insn : stretch.insns) {
            Json entry = {{"offset", insn.offset},
                          {"text", insn.text},
                          {"opcodes", opcodes_of(program, insn)}};
            if (!stretch.slots.empty()) {
                entry["insn"] = stretch.slots.back();
                if (const vm::LineInfo* line = vm::line_of(program.spec, stretch.slots.back()))
                    entry["line"] = line_text(*line);
            }
            insns.push_back(std::move(entry));
        }
    }
    return insns;
}

}  // namespace

std::string jited_text(const JitedProgram& program, const JitedOptions& options) {
    return TextListing(program, options).text();
}

Json jited_json(const JitedProgram& program) {
    Json functions = Json::array();
    for (const jit::CodeFunction& function : program.map.functions)
        functions.push_back({{"name", code_function_name(program.spec, function)},
                             {"offset", function.begin},
                             {"bytes", function.end - function.begin},
                             {"insns", insns_json(program, function)}});
    return {{"name", program.spec.name},
            {"bytes", program.code.size()},
            {"code", to_hex(program.code)},
            {"functions", std::move(functions)}};
}

}  // namespace weir::controlplane::cli
