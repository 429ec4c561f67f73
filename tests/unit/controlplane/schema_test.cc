// configs/weir.schema.json and the parser know the same keys. The parser names those that it offers
// when it meets one that it does not know.

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "controlplane/config/parse.h"

namespace weir::controlplane {
namespace {

using Json = nlohmann::ordered_json;
using Keys = std::set<std::string>;

constexpr const char* kUnknown = "zzzzzzzzzzzzzzzz";

/// Every map with fixed keys, by its place in the schema, and a configuration with a key there that
/// nobody knows.
const std::map<std::string, std::string> kSections = {
    {"", "?: 1\n"},
    {"/properties/workers", "workers: {?: 1}\n"},
    {"/properties/memory", "memory: {?: 1}\n"},
    {"/properties/jit", "jit: {?: 1}\n"},
    {"/properties/maps/additionalProperties", "maps: {m: {?: 1}}\n"},
    {"/properties/metrics", "metrics: {?: 1}\n"},
    {"/$defs/chain/items", "ports: {a: {device: d, pass: drop, ingress: [{?: 1}]}}\n"},
    {"/$defs/port", "ports: {a: {?: 1}}\n"},
    {"/$defs/program", "programs: {p: {?: 1}}\n"},
    {"/$defs/program/properties/maps/additionalProperties",
     "programs: {p: {object: o, maps: {m: {?: 1}}}}\n"},
    {"/$defs/route", "routes: [{?: 1}]\n"},
    {"/$defs/neighbour", "neighbours: [{?: 1}]\n"},
    {"/$defs/set", "sets: {s: {?: 1}}\n"},
    {"/$defs/export", "metrics: {export: [{?: 1}]}\n"},
};

Json schema() {
    std::ifstream file(WEIR_CONFIG_SCHEMA);
    return Json::parse(file, nullptr, false);
}

/// The places of maps that take no other keys than those listed.
void find_closed(const Json& part, const std::string& place, Keys& places) {
    if (part.is_object() && part.contains("properties") &&
        part.value("additionalProperties", Json()) == Json(false))
        places.insert(place);
    for (const auto& [name, below] : part.items())
        if (below.is_structured()) find_closed(below, place + "/" + name, places);
}

Keys listed_keys(const Json& whole, const std::string& place) {
    Keys keys;
    for (const auto& [name, value] : whole.at(Json::json_pointer(place + "/properties")).items())
        keys.insert(name);
    return keys;
}

/// What "… unknown key 'X', expected one of a, b" lists.
Keys offered_keys(std::string text) {
    text.replace(text.find('?'), 1, kUnknown);
    if (!text.starts_with("ports:")) text += "ports: {a: {device: d, pass: drop}}\n";
    const Result<Config> config = parse_config("version: 1\n" + text, "weir.yaml");
    if (config) return {};
    const std::string& message = config.error().message;
    const std::string before = std::string(kUnknown) + "', expected one of ";
    size_t at = message.find(before);
    EXPECT_NE(at, std::string::npos) << message;
    if (at == std::string::npos) return {};
    Keys keys;
    for (at += before.size();;) {
        const size_t end = message.find(", ", at);
        keys.insert(message.substr(at, end == std::string::npos ? end : end - at));
        if (end == std::string::npos) return keys;
        at = end + 2;
    }
}

TEST(Schema, ListsTheKeysThatTheParserOffersAndNoOthers) {
    const Json whole = schema();
    ASSERT_TRUE(whole.is_object());
    for (const auto& [place, text] : kSections)
        EXPECT_EQ(listed_keys(whole, place), offered_keys(text)) << "at '" << place << "'";
}

TEST(Schema, HasNoMapOfFixedKeysThatIsNotComparedWithTheParser) {
    Keys places, compared;
    find_closed(schema(), "", places);
    for (const auto& [place, text] : kSections) compared.insert(place);
    EXPECT_EQ(places, compared);
}

}  // namespace
}  // namespace weir::controlplane
