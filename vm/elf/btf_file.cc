#include "vm/elf/btf_file.h"

#include <elf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "vm/elf/btf_view.h"
#include "vm/elf/load_at.h"

namespace weir::vm::elf {

namespace {

class File {
public:
    explicit File(const std::string& path) : path_(path), stream_(path, std::ios::binary) {}

    std::unexpected<Error> bad(std::string_view why) const {
        return fail(ErrorKind::kInvalid, fmt::format("{}: {}", path_, why));
    }

    Result<void> check_open() const {
        if (stream_) return {};
        return fail(errno == ENOENT ? ErrorKind::kInvalid : ErrorKind::kResource,
                    fmt::format("{}: cannot open: {}", path_, std::strerror(errno)));
    }

    /// Up to `bytes_max` bytes from `offset`; fewer where the file ends.
    Bytes read_some(uint64_t offset, size_t bytes_max) {
        Bytes bytes;
        if (offset > INT64_MAX) return bytes;
        stream_.clear();
        stream_.seekg(static_cast<std::streamoff>(offset));
        Bytes block(size_t{1} << 16);
        while (bytes.size() < bytes_max && stream_) {
            const size_t wanted = std::min(block.size(), bytes_max - bytes.size());
            stream_.read(reinterpret_cast<char*>(block.data()),
                         static_cast<std::streamsize>(wanted));
            bytes.insert(bytes.end(), block.begin(), block.begin() + stream_.gcount());
        }
        return bytes;
    }

    Result<Bytes> read_exactly(uint64_t offset, uint64_t length, size_t bytes_max,
                               std::string_view what) {
        if (length > bytes_max)
            return bad(fmt::format("{} has {} bytes, at most {}", what, length, bytes_max));
        Bytes bytes = read_some(offset, static_cast<size_t>(length));
        if (bytes.size() != length) return bad(fmt::format("{} leaves the file", what));
        return bytes;
    }

private:
    const std::string& path_;
    std::ifstream stream_;
};

bool is_named(const Bytes& names, uint64_t offset, std::string_view wanted) {
    return offset < names.size() && names.size() - offset > wanted.size() &&
           std::memcmp(names.data() + offset, wanted.data(), wanted.size()) == 0 &&
           names[offset + wanted.size()] == 0;
}

Result<Bytes> read_section(File& file, const Elf64_Ehdr& header) {
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB)
        return file.bad("expected a 64-bit little-endian ELF file");
    if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shstrndx >= header.e_shnum)
        return file.bad("no section table to find .BTF in");
    const auto table = file.read_exactly(header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr),
                                         kSectionTableBytesMax, "the section table");
    if (!table) return table;
    const auto section_at = [&](size_t i) {
        return load_at<Elf64_Shdr>(*table, i * sizeof(Elf64_Shdr));
    };
    const Elf64_Shdr names_header = section_at(header.e_shstrndx);
    const auto names = file.read_exactly(names_header.sh_offset, names_header.sh_size,
                                         kSectionNamesBytesMax, "the table of section names");
    if (!names) return names;
    for (size_t i = 0; i < header.e_shnum; ++i) {
        const Elf64_Shdr section = section_at(i);
        if (section.sh_type == SHT_NOBITS || !is_named(*names, section.sh_name, ".BTF")) continue;
        return file.read_exactly(section.sh_offset, section.sh_size, kBtfBytesMax, "section .BTF");
    }
    return file.bad("has no section .BTF");
}

}  // namespace

Result<Bytes> read_btf_file(const std::string& path) {
    File file(path);
    if (const auto ok = file.check_open(); !ok) return std::unexpected(ok.error());
    const Bytes start = file.read_some(0, sizeof(Elf64_Ehdr));
    if (start.size() == sizeof(Elf64_Ehdr) && std::memcmp(start.data(), ELFMAG, SELFMAG) == 0)
        return read_section(file, load_at<Elf64_Ehdr>(start, 0));
    Bytes bytes = file.read_some(0, kBtfBytesMax + 1);
    if (bytes.empty()) return file.bad("is empty: expected BTF");
    if (bytes.size() > kBtfBytesMax)
        return file.bad(fmt::format("has more than {} bytes", kBtfBytesMax));
    return bytes;
}

}  // namespace weir::vm::elf
