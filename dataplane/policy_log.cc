#include "dataplane/policy_log.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "vm/base/check.h"

namespace weir::dataplane {
namespace {

constexpr size_t kHeadBytes = 5;
/// The log may hold twice as many writes as there were keys, and this many, before it is squeezed.
constexpr size_t kSlackEntries = 4096;

}  // namespace

void PolicyLog::put(ByteSpan key, ByteSpan value) {
    append(key, value, false);
}

void PolicyLog::erase(ByteSpan key) {
    if (entries_ > 0) append(key, {}, true);
}

void PolicyLog::append(ByteSpan key, ByteSpan value, bool erased) {
    WEIR_CHECK(key.size() == key_bytes_);
    if (entries_ > 2 * entries_at_squeeze_ + kSlackEntries) squeeze();
    const auto value_bytes = static_cast<uint32_t>(value.size());
    const auto* raw = reinterpret_cast<const uint8_t*>(&value_bytes);
    log_.push_back(erased);
    log_.insert(log_.end(), raw, raw + sizeof value_bytes);
    log_.insert(log_.end(), key.begin(), key.end());
    log_.insert(log_.end(), value.begin(), value.end());
    ++entries_;
}

PolicyLog::Entry PolicyLog::entry_at(size_t offset) const {
    ByteReader reader(ByteSpan(log_).subspan(offset));
    Entry entry;
    entry.offset = offset;
    entry.erased = *reader.read<uint8_t>() != 0;
    const uint32_t value_bytes = *reader.read<uint32_t>();
    entry.key = *reader.take(key_bytes_);
    entry.value = *reader.take(value_bytes);
    entry.bytes = kHeadBytes + key_bytes_ + value_bytes;
    return entry;
}

void PolicyLog::squeeze() {
    std::vector<Entry> entries;
    entries.reserve(entries_);
    for (size_t offset = 0; offset < log_.size(); offset += entries.back().bytes) {
        entries.push_back(entry_at(offset));
    }
    const auto compare = [this](const Entry& a, const Entry& b) {
        return std::memcmp(a.key.data(), b.key.data(), key_bytes_);
    };
    const auto same_key = [&](const Entry& a, const Entry& b) { return compare(a, b) == 0; };
    // Newest first within a key, so that unique() keeps it.
    std::ranges::sort(entries, [&](const Entry& a, const Entry& b) {
        const int order = compare(a, b);
        return order != 0 ? order < 0 : a.offset > b.offset;
    });
    entries.erase(std::unique(entries.begin(), entries.end(), same_key), entries.end());
    std::erase_if(entries, [](const Entry& entry) { return entry.erased; });
    std::ranges::sort(entries, {}, &Entry::offset);
    Bytes kept;
    for (const Entry& entry : entries) {
        const ByteSpan raw = ByteSpan(log_).subspan(entry.offset, entry.bytes);
        kept.insert(kept.end(), raw.begin(), raw.end());
    }
    log_ = std::move(kept);
    entries_ = entries_at_squeeze_ = entries.size();
}

void PolicyLog::for_each(const std::function<void(ByteSpan key, ByteSpan value)>& visit) {
    squeeze();
    for (size_t offset = 0; offset < log_.size();) {
        const Entry entry = entry_at(offset);
        visit(entry.key, entry.value);
        offset += entry.bytes;
    }
}

}  // namespace weir::dataplane
