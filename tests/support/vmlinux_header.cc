// Prints the running kernel's types as a C header (the vmlinux.h that BPF programs include) on
// stdout, and after them the prototypes of the kernel functions that the arguments name.
#include <bpf/btf.h>
#include <fmt/core.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace {

struct TypesCloser {
    void operator()(btf* types) const { btf__free(types); }
};
struct DumpCloser {
    void operator()(btf_dump* dump) const { btf_dump__free(dump); }
};

void print(void*, const char* format, va_list arguments) {
    std::vprintf(format, arguments);
}

int fail(const char* what) {
    std::perror(what);
    return EXIT_FAILURE;
}

bool print_prototype(const btf* types, btf_dump* dump, const char* name) {
    const int function = btf__find_by_name_kind(types, name, BTF_KIND_FUNC);
    if (function < 0) return false;
    LIBBPF_OPTS(btf_dump_emit_type_decl_opts, options, .field_name = name);
    fmt::print("extern ");
    const auto prototype = btf__type_by_id(types, static_cast<uint32_t>(function))->type;
    if (btf_dump__emit_type_decl(dump, prototype, &options) != 0) return false;
    fmt::print(" __attribute__((weak, section(\".ksyms\")));\n");
    return true;
}

}  // namespace

int main(int count, char** names) {
    const std::unique_ptr<btf, TypesCloser> types(btf__load_vmlinux_btf());
    if (!types) return fail("the kernel's types");
    const std::unique_ptr<btf_dump, DumpCloser> dump(
        btf_dump__new(types.get(), print, nullptr, nullptr));
    if (!dump) return fail("a dump of types");
    // BPF programs are relocated to the kernel that they meet.
    fmt::print(
        "#pragma once\n#pragma clang attribute push(__attribute__((preserve_access_index)), "
        "apply_to = record)\n");
    for (uint32_t id = 1; id < btf__type_cnt(types.get()); ++id)
        if (btf_dump__dump_type(dump.get(), id) != 0) return fail("a type");
    fmt::print("#pragma clang attribute pop\n");
    for (int name = 1; name < count; ++name)
        if (!print_prototype(types.get(), dump.get(), names[name])) return fail(names[name]);
    return EXIT_SUCCESS;
}
