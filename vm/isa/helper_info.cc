#include "vm/isa/helper_info.h"

#include "vm/isa/poison.h"

namespace weir::vm {
namespace {

using enum ArgKind;

constexpr HelperInfo kHelpers[] = {
#define WEIR_HELPER(id, name, users, returns, arg1, arg2, arg3, arg4, arg5, effects) \
    {id,                                                                             \
     #name,                                                                          \
     HelperUsers::users,                                                             \
     ReturnKind::returns,                                                            \
     {arg1, arg2, arg3, arg4, arg5},                                                 \
     Effect::effects},
#include "vm/isa/helpers.def"
};

constexpr HelperInfo kKfuncs[] = {
#define WEIR_KFUNC(id, name, users, returns, arg1, arg2, arg3, arg4, arg5, effects) \
    {id,                                                                            \
     #name,                                                                         \
     HelperUsers::users,                                                            \
     ReturnKind::returns,                                                           \
     {arg1, arg2, arg3, arg4, arg5},                                                \
     Effect::effects},
#include "vm/isa/kfuncs.def"
};

constexpr bool kfuncs_are_numbered_in_order() {
    for (size_t i = 0; i < std::size(kKfuncs); ++i)
        if (kKfuncs[i].id != i + 1 || kKfuncs[i].id > kKfuncIdMax) return false;
    return true;
}
static_assert(kfuncs_are_numbered_in_order());

constexpr std::array<std::string_view, kHelperIdMax + 1> kNames = [] {
    std::array<std::string_view, kHelperIdMax + 1> names;
#define WEIR_HELPER_NAME(id, name, refusal) names[id] = #name;
#include "vm/isa/helper_names.def"
    return names;
}();

/// helpers.def is written by name for its readers; the name must be the one that the id has.
constexpr bool offered_helpers_are_named_right() {
    for (const HelperInfo& row : kHelpers)
        if (row.id > kHelperIdMax || kNames[row.id] != row.name) return false;
    return true;
}
static_assert(offered_helpers_are_named_right());

enum class Refusal : uint8_t {
    None,
#define WEIR_REFUSAL(name, text) name,
#include "vm/isa/refusals.def"
};

constexpr std::string_view kRefusalTexts[] = {
    "",
#define WEIR_REFUSAL(name, text) text,
#include "vm/isa/refusals.def"
};

constexpr std::array<Refusal, kHelperIdMax + 1> kRefusals = [] {
    std::array<Refusal, kHelperIdMax + 1> refusals{};
#define WEIR_HELPER_NAME(id, name, refusal) refusals[id] = Refusal::refusal;
#include "vm/isa/helper_names.def"
    return refusals;
}();

/// Row of kHelpers by id, or -1.
constexpr std::array<int16_t, kHelperIdMax + 1> kRowOf = [] {
    std::array<int16_t, kHelperIdMax + 1> rows;
    rows.fill(-1);
    for (size_t i = 0; i < std::size(kHelpers); ++i) rows[kHelpers[i].id] = static_cast<int16_t>(i);
    return rows;
}();

/// A helper has either a row or a reason.
constexpr bool others_have_a_reason() {
    for (size_t id = 0; id <= kHelperIdMax; ++id) {
        const bool is_offered = kRowOf[id] >= 0, is_refused = kRefusals[id] != Refusal::None;
        if (is_offered == is_refused && !kNames[id].empty()) return false;
    }
    return true;
}
static_assert(others_have_a_reason());

constexpr bool in_table(int64_t id) {
    return id >= 0 && id <= kHelperIdMax;
}

}  // namespace

const HelperInfo* helper_info(int64_t id) {
    if (!in_table(id)) return nullptr;
    const int16_t row = kRowOf[static_cast<size_t>(id)];
    return row < 0 ? nullptr : &kHelpers[row];
}

const HelperInfo* kfunc_info(int64_t number) {
    if (number < 1 || number > static_cast<int64_t>(std::size(kKfuncs))) return nullptr;
    return &kKfuncs[number - 1];
}

const HelperInfo* kfunc_by_name(std::string_view name) {
    for (const HelperInfo& row : kKfuncs)
        if (row.name == name) return &row;
    return nullptr;
}

std::string helper_refusal(int64_t id) {
    const std::string_view name = helper_name(id);
    if (id == kPoisonHelper)
        return "a CO-RE relocation or an extern stood here that nothing on the target answers";
    if (name.empty()) return "there is no helper " + std::to_string(id);
    const auto reason = static_cast<size_t>(kRefusals[static_cast<size_t>(id)]);
    if (reason == 0) return {};
    return "helper " + std::to_string(id) + " (" + std::string(name) +
           ") is not offered: " + std::string(kRefusalTexts[reason]);
}

std::string_view helper_name(int64_t id) {
    return in_table(id) ? kNames[static_cast<size_t>(id)] : std::string_view{};
}

}  // namespace weir::vm
