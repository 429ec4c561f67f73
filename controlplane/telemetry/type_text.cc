#include "controlplane/telemetry/type_text.h"

#include <fmt/core.h>

#include <array>

#include "vm/program/type_info.h"

namespace weir::controlplane {
namespace {

using vm::TypeKind;

struct KindName {
    TypeKind kind;
    const char* name;
};
constexpr std::array<KindName, 10> kKinds = {{{TypeKind::Int, "int"},
                                              {TypeKind::Bool, "bool"},
                                              {TypeKind::Char, "char"},
                                              {TypeKind::Enum, "enum"},
                                              {TypeKind::Float, "float"},
                                              {TypeKind::Pointer, "pointer"},
                                              {TypeKind::Array, "array"},
                                              {TypeKind::Struct, "struct"},
                                              {TypeKind::Union, "union"},
                                              {TypeKind::Opaque, "opaque"}}};
constexpr uint32_t kIndentStep = 4;

const char* keyword_of(TypeKind kind) {
    if (kind == TypeKind::Struct) return "struct ";
    if (kind == TypeKind::Union) return "union ";
    return kind == TypeKind::Enum ? "enum " : "";
}

/// What stands in front of a declared name, without the members.
std::string head_of(const vm::TypeInfo& type) {
    if (type.kind == TypeKind::Pointer) return type.name.empty() ? "void *" : type.name + " *";
    const char* keyword = keyword_of(type.kind);
    if (!type.name.empty()) return keyword + type.name;
    return *keyword != '\0' ? std::string(keyword, std::char_traits<char>::length(keyword) - 1)
                            : fmt::format("u8[{}]", type.size_bytes);
}

/// Arrays of arrays read from the outside in: "u8 a[2][3]".
const vm::TypeInfo* innermost(const vm::TypeInfo* type, std::string& dimensions) {
    while (type != nullptr && type->kind == TypeKind::Array) {
        dimensions += fmt::format("[{}]", type->element_count);
        type = type->element.get();
    }
    return type;
}

bool is_composite(const vm::TypeInfo& type) {
    return type.kind == TypeKind::Struct || type.kind == TypeKind::Union;
}

/// Writes C; `step` 0 puts all of it into one line.
class Writer {
public:
    Writer(uint32_t indent, uint32_t step) : indent_(indent), step_(step) {}

    void declare(const vm::TypeRef& type, const std::string& name, uint32_t bit_size) {
        std::string dimensions;
        const vm::TypeInfo* inner = innermost(type.get(), dimensions);
        text_ += inner == nullptr ? "void" : head_of(*inner);
        if (inner != nullptr && is_composite(*inner)) write_members(*inner);
        if (!name.empty()) text_ += (text_.ends_with('*') ? "" : " ") + name;
        text_ += dimensions;
        if (bit_size != 0) text_ += fmt::format(" : {}", bit_size);
    }
    std::string take() { return std::move(text_); }

private:
    void write_members(const vm::TypeInfo& type) {
        text_ += " {";
        indent_ += step_;
        for (const vm::TypeMember& member : type.members) {
            line();
            declare(member.type, member.name, member.bit_size);
            text_ += ";";
        }
        indent_ -= step_;
        line();
        text_ += "}";
    }
    void line() { text_ += step_ == 0 ? " " : "\n" + std::string(indent_, ' '); }

    std::string text_;
    uint32_t indent_, step_;
};

std::unexpected<Error> bad_tree() {
    return fail(ErrorKind::kInvalid, "the node describes a type in a way that is not known here");
}

Result<vm::TypeRef> read_tree(const Json& tree, uint32_t depth);

Result<void> read_members(const Json& tree, vm::TypeInfo& type, uint32_t depth) {
    for (const Json& item : tree.value("members", Json::array())) {
        if (!item.is_object()) return bad_tree();
        const Result<vm::TypeRef> inner = read_tree(item.value("type", Json()), depth + 1);
        if (!inner) return std::unexpected(inner.error());
        type.members.push_back({item.value("name", ""), item.value("bit_offset", 0u),
                                item.value("bit_size", 0u), *inner});
    }
    for (const Json& item : tree.value("values", Json::array())) {
        if (!item.is_array() || item.size() != 2) return bad_tree();
        type.values.emplace_back(item[0].get<std::string>(), item[1].get<int64_t>());
    }
    return {};
}

Result<vm::TypeRef> read_tree(const Json& tree, uint32_t depth) {
    if (tree.is_null()) return nullptr;
    if (!tree.is_object() || depth > 2 * vm::kTypeDepthMax) return bad_tree();
    auto type = std::make_shared<vm::TypeInfo>();
    const std::string kind = tree.value("kind", "");
    const auto* row =
        std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& k) { return kind == k.name; });
    if (row == kKinds.end()) return bad_tree();
    type->kind = row->kind;
    type->name = tree.value("name", "");
    type->size_bytes = tree.value("bytes", 0u);
    type->is_signed = tree.value("signed", false);
    type->element_count = tree.value("count", 0u);
    const Result<vm::TypeRef> element = read_tree(tree.value("element", Json()), depth + 1);
    if (!element) return element;
    type->element = *element;
    if (const Result<void> read = read_members(tree, *type, depth); !read)
        return std::unexpected(read.error());
    return type;
}

}  // namespace

std::string type_line(const vm::TypeRef& type) {
    if (type == nullptr) return "";
    Writer writer(0, 0);
    writer.declare(type, "", 0);
    return writer.take();
}

std::string type_text(const vm::TypeRef& type, uint32_t indent) {
    if (type == nullptr) return "";
    Writer writer(indent, kIndentStep);
    writer.declare(type, "", 0);
    return std::string(indent, ' ') + writer.take();
}

Json type_tree(const vm::TypeRef& type) {
    if (type == nullptr) return nullptr;
    Json tree = Json::object();
    for (const KindName& row : kKinds)
        if (row.kind == type->kind) tree["kind"] = row.name;
    tree["name"] = type->name;
    tree["bytes"] = type->size_bytes;
    if (type->is_signed) tree["signed"] = true;
    if (type->kind == TypeKind::Array) {
        tree["count"] = type->element_count;
        tree["element"] = type_tree(type->element);
    }
    if (is_composite(*type)) {
        Json members = Json::array();
        for (const vm::TypeMember& member : type->members)
            members.push_back({{"name", member.name},
                               {"bit_offset", member.bit_offset},
                               {"bit_size", member.bit_size},
                               {"type", type_tree(member.type)}});
        tree["members"] = std::move(members);
    }
    if (type->kind == TypeKind::Enum) {
        Json values = Json::array();
        for (const auto& [name, value] : type->values) values.push_back(Json::array({name, value}));
        tree["values"] = std::move(values);
    }
    return tree;
}

Result<vm::TypeRef> read_type_tree(const Json& tree) {
    try {
        return read_tree(tree, 0);
    } catch (const Json::exception&) {  // a member of another kind than ours
        return bad_tree();
    }
}

}  // namespace weir::controlplane
