#include "dataplane/map_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "maps/user_ringbuf_map.h"

namespace weir::dataplane {
namespace {

constexpr size_t kShownBytesMax = 32;  ///< of a key in a message
/// Keys that one dump looks at: slots can be empty.
constexpr size_t kDumpStepsMax = 2 * api::kBatchElementsMax;

std::string hex(ByteSpan bytes) {
    std::string text = "0x";
    for (const uint8_t byte : bytes.first(std::min(bytes.size(), kShownBytesMax))) {
        fmt::format_to(std::back_inserter(text), "{:02x}", byte);
    }
    return bytes.size() > kShownBytesMax ? text + "..." : text;
}

ErrorKind kind_of(int error) {
    switch (error) {
        case -ENOENT: return ErrorKind::kNotFound;
        case -EEXIST: return ErrorKind::kRejected;
        case -E2BIG:
        case -ENOSPC:
        case -ENOMEM: return ErrorKind::kResource;
        case -EOPNOTSUPP: return ErrorKind::kUnsupported;
        default: return ErrorKind::kInvalid;
    }
}

bool has_indices(const LoadedMap& map) {
    return map.spec.type == vm::MapType::Array || map.spec.type == vm::MapType::PercpuArray;
}

std::string reason_of(int error, const LoadedMap& map) {
    switch (error) {
        case -E2BIG:
            return fmt::format("{}: max_entries is {}",
                               has_indices(map) ? "the index is beyond the end" : "the map is full",
                               map.spec.entries_max);
        case -ENOSPC:
            return fmt::format("the map is full: max_entries is {}", map.spec.entries_max);
        case -EBUSY: return "another writer held the map for too long; try again";
        case -EEXIST: return "the key exists already";
        case -ENOENT: return "the key does not exist";
        case -ENODEV: return "there is no such worker";
        case -EOVERFLOW: return "the queue would be longer than is possible";
        case -EOPNOTSUPP:
            return fmt::format("a {} does not offer this", vm::map_type_name(map.spec.type));
        default: return std::strerror(-error);
    }
}

std::unexpected<Error> refused(const LoadedMap& map, ByteSpan key, int error) {
    return fail(kind_of(error),
                fmt::format("{}: key {}: {}", map.label(), hex(key), reason_of(error, map)));
}

Result<void> check_key(const LoadedMap& map, ByteSpan key) {
    if (key.size() == map.spec.key_bytes) return {};
    return fail(ErrorKind::kInvalid,
                fmt::format("{}: key {} has {} bytes, expected {}", map.label(), hex(key),
                            key.size(), map.spec.key_bytes));
}

Result<void> check_value(const LoadedMap& map, const api::Element& element) {
    const size_t all_slots = map.map->control_value_bytes();
    const size_t bytes = element.second.size();
    if (bytes == map.spec.value_bytes || bytes == all_slots) return {};
    const std::string or_all =
        all_slots == map.spec.value_bytes ? "" : fmt::format(" or, for all CPUs, {}", all_slots);
    return fail(ErrorKind::kInvalid,
                fmt::format("{}: value of key {} has {} bytes, expected {}{}", map.label(),
                            hex(element.first), bytes, map.spec.value_bytes, or_all));
}

Result<void> check_writable(const LoadedMap& map) {
    if (map.spec.frozen)
        return fail(ErrorKind::kInvalid, map.label() + ": its contents are frozen");
    if (map.spec.flags & vm::kMapRdonly)
        return fail(ErrorKind::kInvalid, map.label() + ": read-only for the control side");
    return {};
}

Result<void> check_readable(const LoadedMap& map) {
    if ((map.spec.flags & vm::kMapWronly) == 0) return {};
    return fail(ErrorKind::kInvalid, map.label() + ": write-only for the control side");
}

/// A sample for programs to take out: of any size, without a key.
Result<void> put_sample(LoadedMap& map, const api::Element& element) {
    if (Result<void> fits = check_key(map, element.first); !fits) return fits;
    const int error = static_cast<maps::UserRingbufMap&>(*map.map).produce(element.second);
    if (error == 0) return {};
    return fail(ErrorKind::kResource,
                fmt::format("{}: a sample of {} bytes {}", map.label(), element.second.size(),
                            error == -ENOSPC ? "does not fit beside those that no program took out"
                                             : "is larger than the ring or than 16777215 bytes"));
}

Result<void> update_one(LoadedMap& map, const api::Element& element, uint64_t flags, bool policy) {
    if (map.spec.type == vm::MapType::UserRingbuf) return put_sample(map, element);
    if (map.has_slots())
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: its slots take {} by name (BIND), not numbers", map.label(),
                                vm::is_map_in_map(map.spec.type) ? "maps" : "programs"));
    if (Result<void> fits = check_key(map, element.first); !fits) return fits;
    if (Result<void> fits = check_value(map, element); !fits) return fits;
    const int error = map.map->control_update(element.first.data(), element.second, flags);
    if (error != 0) return refused(map, element.first, error);
    if (policy) map.policy.put(element.first, element.second);
    return {};
}

/// Calls write(i) for each of `count` elements, until one fails, whose place the error says.
template <typename Write>
Result<api::MapCount> write_each(LoadedMap& map, size_t count, uint64_t flags,
                                 const Writer& locked_writer, const Write& write) {
    if (Result<void> open = check_writable(map); !open) return std::unexpected(open.error());
    const bool locks = (flags & vm::kUpdateLock) != 0;
    const size_t step = locks ? kLockedWritesMax : count;
    size_t done = 0;
    while (done < count) {
        const size_t end = std::min(count, done + step);
        Result<void> written;
        const auto some = [&] {
            while (done < end && (written = write(done))) ++done;
        };
        if (locks) {
            if (const Result<void> ran = locked_writer(some); !ran) written = ran;
        } else {
            some();
        }
        if (!written)
            return fail_in(fmt::format("element {} of {}{}", done + 1, count,
                                       done == 0 ? "" : " (those before it are written)"),
                           written.error());
    }
    return api::MapCount{static_cast<uint32_t>(done)};
}

}  // namespace

Result<api::MapLookupReply> lookup_element(LoadedMap& map, const Bytes& key) {
    if (Result<void> fits = check_key(map, key); !fits) return std::unexpected(fits.error());
    if (Result<void> open = check_readable(map); !open) return std::unexpected(open.error());
    if (map.spec.type == vm::MapType::BloomFilter)
        return fail(
            ErrorKind::kUnsupported,
            map.label() + ": a bloom_filter has no keys: only programs can ask what it holds");
    Bytes value(map.map->control_value_bytes());
    const int error = map.map->control_lookup(key.data(), value);
    if (error == -ENOENT) return api::MapLookupReply{};
    if (error != 0) return refused(map, key, error);
    return api::MapLookupReply{std::move(value)};
}

Result<api::MapCount> update_elements(LoadedMap& map, const api::MapUpdate& request,
                                      const Writer& locked_writer) {
    return write_each(map, request.elements.size(), request.flags, locked_writer, [&](size_t i) {
        return update_one(map, request.elements[i], request.flags, request.policy);
    });
}

Result<api::MapCount> fill_elements(LoadedMap& map, const api::MapFill& request,
                                    const Writer& locked_writer) {
    const size_t key_bytes = map.spec.key_bytes, value_bytes = map.spec.value_bytes;
    const size_t record_bytes = key_bytes + value_bytes;
    const ByteSpan records(request.records);
    if (record_bytes == 0 || records.size() % record_bytes != 0)
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: {} bytes of records are not a multiple of {} (key {}, value "
                                "{})",
                                map.label(), records.size(), record_bytes, key_bytes, value_bytes));
    return write_each(map, records.size() / record_bytes, request.flags, locked_writer,
                      [&](size_t i) -> Result<void> {
                          const ByteSpan record = records.subspan(i * record_bytes, record_bytes);
                          const ByteSpan key = record.first(key_bytes);
                          const int error = map.map->control_update(
                              key.data(), record.subspan(key_bytes), request.flags);
                          if (error != 0) return refused(map, key, error);
                          return {};
                      });
}

Result<api::MapCount> erase_elements(LoadedMap& map, const std::vector<Bytes>& keys) {
    if (Result<void> open = check_writable(map); !open) return std::unexpected(open.error());
    api::MapCount done;
    for (const Bytes& key : keys) {
        if (Result<void> fits = check_key(map, key); !fits) return std::unexpected(fits.error());
        const int error = map.map->control_erase(key.data());
        if (error == 0) {
            map.policy.erase(key);
            map.slots.erase(key);
            ++done.count;
        } else if (error == -EINVAL && has_indices(map)) {
            return fail(ErrorKind::kInvalid,
                        fmt::format("{}: elements of a {} are always there and cannot be deleted",
                                    map.label(), vm::map_type_name(map.spec.type)));
        } else if (error != -ENOENT) {
            return refused(map, key, error);
        }
    }
    return done;
}

Result<api::MapElements> dump_elements(LoadedMap& map, const api::MapDump& request) {
    if (Result<void> open = check_readable(map); !open) return std::unexpected(open.error());
    if (map.spec.key_bytes == 0) {
        return fail(ErrorKind::kUnsupported,
                    fmt::format("{}: a {} has no keys that could be listed", map.label(),
                                vm::map_type_name(map.spec.type)));
    }
    Bytes key = request.after.value_or(Bytes());
    if (request.after) {
        if (Result<void> fits = check_key(map, key); !fits) return std::unexpected(fits.error());
    }
    Bytes next(map.spec.key_bytes);
    const uint8_t* after = request.after ? key.data() : nullptr;
    api::MapElements reply;
    const uint32_t count_max = std::min(request.count_max, api::kBatchElementsMax);
    for (size_t bytes = 0, steps = 0;
         reply.elements.size() < count_max && bytes < kDumpBytesMax && steps < kDumpStepsMax;
         ++steps) {
        const int error = map.map->next_key(after, next.data());
        if (error == -ENOENT) return reply;
        if (error != 0) return refused(map, key, error);
        Bytes value(map.map->control_value_bytes());
        key = next;
        after = key.data();
        const int found = map.map->control_lookup(key.data(), value);
        if (found == -ENOENT) continue;  // an empty slot, or deleted meanwhile
        if (found != 0) return refused(map, key, found);
        bytes += key.size() + value.size();
        reply.elements.emplace_back(key, std::move(value));
    }
    if (after != nullptr) reply.after = std::move(key);
    return reply;
}

api::MapInfo describe_map(const LoadedMap& map, uint32_t cpu_slots) {
    api::MapInfo info;
    info.handle = map.handle;
    info.name = map.name;
    info.published = map.published;
    info.spec = map.spec;
    info.spec.contents.clear();
    info.entries = map.map->entries();
    info.memory_bytes = map.map->memory_bytes();
    info.used_bytes = map.map->used_bytes();
    info.full_count = map.map->full_count();
    info.busy_count = map.map->busy_count();
    info.evicted_count = map.map->evicted_count();
    info.lost_events = map.map->lost_events();
    info.persists = map.persistence != api::Persistence::None;
    info.restored_count = map.salvaged.kept;
    info.torn_count = map.salvaged.torn;
    info.cpu_slots = vm::is_percpu(map.spec.type) ? cpu_slots : 1;
    return info;
}

}  // namespace weir::dataplane
