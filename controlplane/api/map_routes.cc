#include "controlplane/api/map_routes.h"

#include <fmt/core.h>

#include <algorithm>

#include "controlplane/api/map_elements.h"
#include "controlplane/api/request_body.h"
#include "controlplane/config/units.h"
#include "controlplane/deploy/sha256.h"
#include "vm/program/map.h"

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;

constexpr uint64_t kFlagsMax = vm::kUpdateExist | vm::kUpdateLock;
constexpr const char* kFlagsExpected =
    "0 (any), 1 (new keys) or 2 (existing keys), and 4 more under the value's lock";

bool has_records(const HttpRequest& request) {
    return request.type == kRecordsType;
}

Result<uint64_t> check_flags(uint64_t flags, const std::string& place) {
    const uint64_t kind = flags & ~vm::kUpdateLock;
    if (flags <= kFlagsMax && kind <= vm::kUpdateExist) return flags;
    return fail(ErrorKind::kInvalid,
                fmt::format("{}: value {}, expected {}", place, flags, kFlagsExpected));
}

Result<uint64_t> query_flags(const HttpRequest& request) {
    const Result<uint64_t> flags = query_number(request, "flags", vm::kUpdateAny, 0, kFlagsMax);
    return flags ? check_flags(*flags, "flags") : flags;
}

Result<uint64_t> body_flags(const Json& body) {
    const auto given = body.find("flags");
    if (given == body.end()) return vm::kUpdateAny;
    if (given->is_number_unsigned()) return check_flags(*given, "body: 'flags'");
    return fail(ErrorKind::kInvalid, fmt::format("body: 'flags': expected {}", kFlagsExpected));
}

/// "each": records hold every CPU's value.
Result<Slots> slots_of(const std::string& word) {
    if (word.empty() || word == "one") return Slots::One;
    if (word == "each") return Slots::Each;
    return fail(ErrorKind::kInvalid,
                fmt::format("slots: value '{}', expected 'one' or 'each'", word.substr(0, 80)));
}

std::string query_text(const HttpRequest& request, const char* name) {
    const auto given = request.query.find(name);
    return given == request.query.end() ? std::string() : given->second;
}

std::vector<std::string> query_list(const HttpRequest& request, const char* name) {
    const std::string text = query_text(request, name);
    std::vector<std::string> words;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find(',', at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

/// Records with ?flags=N&slots=…, or {"elements":[["KEYHEX","VALUEHEX"],…],"flags":0}
HttpAnswer update(LiveNode& node, const std::string& map, const HttpRequest& request) {
    if (has_records(request)) {
        const Result<uint64_t> flags = query_flags(request);
        if (!flags) return error_answer(flags.error());
        const Result<Slots> slots = slots_of(query_text(request, "slots"));
        if (!slots) return error_answer(slots.error());
        return to_answer(node.update_records(map, request.body, *slots, *flags));
    }
    const Result<Json> body = object_body(request);
    if (!body) return error_answer(body.error());
    const Result<std::vector<api::Element>> elements = json_elements(*body);
    if (!elements) return error_answer(elements.error());
    const Result<uint64_t> flags = body_flags(*body);
    if (!flags) return error_answer(flags.error());
    return to_answer(node.update(map, *elements, *flags));
}

HttpAnswer dump(LiveNode& node, const std::string& map, const HttpRequest& request) {
    std::optional<Bytes> after;
    if (const auto given = request.query.find("after"); given != request.query.end()) {
        Bytes key;
        if (!from_hex(given->second, key))
            return invalid(fmt::format("after: value '{}', expected hex, two digits a byte",
                                       given->second.substr(0, 80)));
        after = std::move(key);
    }
    const Result<uint64_t> limit =
        query_number(request, "limit", api::kBatchElementsMax, 1, api::kBatchElementsMax);
    if (!limit) return error_answer(limit.error());
    const uint32_t count_max = static_cast<uint32_t>(*limit);
    const std::string format = query_text(request, "format");
    if (format.empty() || format == "json") return to_answer(node.dump(map, after, count_max));
    if (format != "records")
        return invalid(
            fmt::format("format: value '{}', expected 'json' or 'records'", format.substr(0, 80)));
    Result<std::string> records = node.dump_records(map, after, count_max);
    if (!records) return error_answer(records.error());
    return {200, kRecordsType, std::move(*records)};
}

Result<void> check_type(const HttpRequest& request) {
    if (has_records(request)) return {};
    return fail(ErrorKind::kInvalid, fmt::format("content type '{}', expected {}",
                                                 request.type.substr(0, 80), kRecordsType));
}

/// Records with ?slots=…
HttpAnswer replace(LiveNode& node, const std::string& map, const HttpRequest& request) {
    if (const Result<void> fits = check_type(request); !fits) return error_answer(fits.error());
    const Result<Slots> slots = slots_of(query_text(request, "slots"));
    if (!slots) return error_answer(slots.error());
    return to_answer(node.replace({{map, request.body, *slots}}));
}

/// The body, taken apart.
Result<std::vector<MapContents>> contents_of(const HttpRequest& request) {
    const std::vector<std::string> maps = query_list(request, "maps");
    const std::vector<std::string> bytes = query_list(request, "bytes");
    std::vector<std::string> slots = query_list(request, "slots");
    if (slots.empty()) slots.resize(maps.size());
    if (maps.empty() || bytes.size() != maps.size() || slots.size() != maps.size())
        return fail(ErrorKind::kInvalid,
                    fmt::format("maps, bytes, slots: {}, {} and {} words, expected as many of each",
                                maps.size(), bytes.size(), slots.size()));
    std::vector<MapContents> contents;
    std::string_view rest = request.body;
    for (size_t i = 0; i < maps.size(); ++i) {
        const Result<uint64_t> size = parse_number(bytes[i]);
        if (!size || *size > rest.size())
            return fail(ErrorKind::kInvalid,
                        fmt::format("bytes: value '{}', expected at most {}: what is left of the "
                                    "body",
                                    bytes[i].substr(0, 80), rest.size()));
        const Result<Slots> slot = slots_of(slots[i]);
        if (!slot) return std::unexpected(slot.error());
        contents.push_back({maps[i], rest.substr(0, *size), *slot});
        rest.remove_prefix(*size);
    }
    if (rest.empty()) return contents;
    return fail(ErrorKind::kInvalid,
                fmt::format("bytes: {} bytes of the body belong to no map", rest.size()));
}

/// Keys back to back, or {"keys":["KEYHEX",…]}.
Result<Json> with_keys(LiveNode& node, const std::string& map, const HttpRequest& request,
                       KeyQuestion question) {
    if (has_records(request)) return node.ask_keys(map, request.body, question);
    const Result<Json> body = object_body(request);
    if (!body) return std::unexpected(body.error());
    const Result<std::vector<Bytes>> keys = json_keys(*body);
    if (!keys) return std::unexpected(keys.error());
    return node.ask_keys(map, *keys, question);
}

/// {"target":"PROGRAM or MAP"}
HttpAnswer bind_slot(LiveNode& node, const std::string& map, const std::string& word,
                     const HttpRequest& request) {
    const Result<Json> body = object_body(request);
    if (!body) return error_answer(body.error());
    const Result<std::string> target = text_member(*body, "target", true);
    if (!target) return error_answer(target.error());
    Bytes key;
    if (!from_hex(word, key))
        return invalid(
            fmt::format("key: value '{}', expected hex, two digits a byte", word.substr(0, 80)));
    return to_answer(node.bind(map, key, *target));
}

HttpAnswer answer_elements(LiveNode& node, const std::string& map, const HttpRequest& request) {
    if (request.method == "GET") return dump(node, map, request);
    if (request.method == "PUT") return update(node, map, request);
    if (request.method == "DELETE")
        return to_answer(with_keys(node, map, request, KeyQuestion::Erase));
    return invalid(fmt::format("{} {}: expected GET, PUT or DELETE", request.method, request.path));
}

HttpAnswer answer_element(LiveNode& node, const std::string& map, const std::string& word,
                          const HttpRequest& request) {
    Bytes key;
    if (!from_hex(word, key))
        return invalid(
            fmt::format("key: value '{}', expected hex, two digits a byte", word.substr(0, 80)));
    if (request.method == "GET") return to_answer(node.lookup(map, key));
    if (request.method == "DELETE") return to_answer(node.erase(map, key));
    return invalid(fmt::format("{} {}: expected GET or DELETE", request.method, request.path));
}

}  // namespace

HttpAnswer answer_map(LiveNode& node, const std::vector<std::string>& path,
                      const HttpRequest& request) {
    const std::string what = path.size() >= 3 ? path[2] : "";
    if (path.size() == 2 && request.method == "GET") return to_answer(node.map(path[1]));
    if (path.size() == 3 && what == "elements") return answer_elements(node, path[1], request);
    if (path.size() == 4 && what == "elements")
        return answer_element(node, path[1], path[3], request);
    if (path.size() == 4 && what == "slots" && request.method == "PUT")
        return bind_slot(node, path[1], path[3], request);
    if (path.size() == 3 && what == "contents" && request.method == "PUT")
        return replace(node, path[1], request);
    if (path.size() == 3 && what == "top" && request.method == "GET")
        return to_answer(node.lookup(path[1], {}));
    if (path.size() == 3 && what == "lookup" && request.method == "POST")
        return to_answer(with_keys(node, path[1], request, KeyQuestion::Lookup));
    return error_answer(
        {ErrorKind::kNotFound, fmt::format("{} {} does not exist", request.method, request.path)});
}

HttpAnswer answer_contents(LiveNode& node, const HttpRequest& request) {
    if (const Result<void> fits = check_type(request); !fits) return error_answer(fits.error());
    const Result<std::vector<MapContents>> contents = contents_of(request);
    if (!contents) return error_answer(contents.error());
    return to_answer(node.replace(*contents));
}

}  // namespace weir::controlplane
