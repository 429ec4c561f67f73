#include "vm/elf/btf_view.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cstring>
#include <mutex>

namespace weir::vm::elf {

namespace {

constexpr size_t kTextBytesMax = 1024;

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

/// libbpf prints to stderr unless told otherwise; our errors are values.
void silence_libbpf() {
    static std::once_flag once;
    std::call_once(once, [] { libbpf_set_print(nullptr); });
}

Result<void> check_header(ByteSpan bytes) {
    btf_header header;
    if (bytes.size() < sizeof header)
        return bad(fmt::format(".BTF: {} bytes, its header has {}", bytes.size(), sizeof header));
    if (bytes.size() > kBtfBytesMax)
        return bad(fmt::format(".BTF: {} bytes, at most {}", bytes.size(), kBtfBytesMax));
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.magic != BTF_MAGIC)
        return bad(fmt::format(".BTF: magic {:#06x}, expected {:#06x}", header.magic, BTF_MAGIC));
    if (header.version != BTF_VERSION)
        return bad(fmt::format(".BTF: version {}, expected {}", header.version, BTF_VERSION));
    if (header.hdr_len < sizeof header || header.hdr_len > bytes.size())
        return bad(fmt::format(".BTF: header length {} in {} bytes", header.hdr_len, bytes.size()));
    const uint64_t rest = bytes.size() - header.hdr_len;
    if (uint64_t{header.type_off} + header.type_len > rest ||
        uint64_t{header.str_off} + header.str_len > rest)
        return bad(fmt::format(".BTF: types or strings leave its {} bytes", bytes.size()));
    if (header.type_off % 4 != 0 || header.hdr_len % 4 != 0)
        return bad(fmt::format(".BTF: types at {:#x} are not aligned to 4", header.type_off));
    return {};
}

}  // namespace

Result<BtfView> BtfView::parse(ByteSpan bytes) {
    BtfView view;
    if (bytes.empty()) return view;
    silence_libbpf();
    if (const auto ok = check_header(bytes); !ok) return std::unexpected(ok.error());
    view.btf_.reset(btf__new(bytes.data(), static_cast<uint32_t>(bytes.size())));
    if (!view.btf_) return bad(fmt::format(".BTF: libbpf refuses it: {}", std::strerror(errno)));
    btf__set_pointer_size(view.btf_.get(), 8);
    if (const auto ok = view.index_data_sections(); !ok) return std::unexpected(ok.error());
    return view;
}

uint32_t BtfView::type_count() const {
    return empty() ? 0 : btf__type_cnt(btf_.get()) - 1;
}

const btf_type* BtfView::type(uint32_t id) const {
    if (id == 0 || id > type_count()) return nullptr;
    return btf__type_by_id(btf_.get(), id);
}

std::optional<uint32_t> BtfView::strip(uint32_t id) const {
    for (uint32_t step = 0; step < kBtfChainMax; ++step) {
        if (id == 0) return 0;
        const btf_type* found = type(id);
        if (found == nullptr) return std::nullopt;
        if (!btf_is_mod(found) && !btf_is_typedef(found)) return id;
        id = found->type;
    }
    return std::nullopt;
}

uint32_t BtfView::resolve(uint32_t id) const {
    return strip(id).value_or(0);
}

uint32_t BtfView::kind(uint32_t id) const {
    const btf_type* found = type(id);
    return found == nullptr ? uint32_t{BTF_KIND_UNKN} : btf_kind(found);
}

std::string_view BtfView::text(uint32_t offset) const {
    if (empty()) return {};
    const char* text = btf__str_by_offset(btf_.get(), offset);
    return text == nullptr ? std::string_view{}
                           : std::string_view(text, strnlen(text, kTextBytesMax));
}

Result<uint32_t> BtfView::size_of(uint32_t id) const {
    const int64_t size = empty() ? -EINVAL : btf__resolve_size(btf_.get(), id);
    if (size < 0) return bad(fmt::format("BTF type {} has no size", id));
    if (size > UINT32_MAX)
        return bad(fmt::format("BTF type {} has {} bytes, at most {}", id, size, UINT32_MAX));
    return static_cast<uint32_t>(size);
}

Result<void> BtfView::index_data_sections() {
    for (uint32_t id = 1; id <= type_count(); ++id) {
        const btf_type* found = type(id);
        if (found == nullptr || !btf_is_datasec(found)) continue;
        data_sections_.emplace(name(*found), id);
        if (data_sections_.size() > kDataSectionsMax)
            return bad(fmt::format(".BTF: more than {} data sections", kDataSectionsMax));
    }
    return {};
}

const btf_type* BtfView::data_section(std::string_view section) const {
    const auto found = data_sections_.find(section);
    return found == data_sections_.end() ? nullptr : type(found->second);
}

}  // namespace weir::vm::elf
