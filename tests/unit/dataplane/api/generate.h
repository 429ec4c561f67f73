#pragma once
// Fills any message of the command socket with generated contents, along its field list.

#include <random>
#include <string>

#include "dataplane/api/bypass_fields.h"
#include "dataplane/api/capture_fields.h"
#include "dataplane/api/trace_fields.h"

namespace weir::dataplane::api {

class Generator {
public:
    explicit Generator(uint64_t seed) : random_(seed) {}

    template <typename T>
        requires std::is_integral_v<T>
    void operator()(const char*, T& value) {
        value = static_cast<T>(random_());
    }
    void operator()(const char*, bool& value) { value = below(2) == 1; }
    template <typename T>
        requires std::is_enum_v<T>
    void operator()(const char*, T& value, T greatest) {
        value = static_cast<T>(below(static_cast<uint32_t>(greatest) + 1));
    }
    void operator()(const char*, std::string& text, uint32_t bytes_max = 64) {
        fill(text, bytes_max);
    }
    void operator()(const char*, Bytes& bytes, uint32_t bytes_max = 64) { fill(bytes, bytes_max); }
    void operator()(const char*, Element& element) {
        fill(element.first, 16);
        fill(element.second, 32);
    }
    void operator()(const char*, vm::MapSpec& spec) {
        fill(spec.name, 20);
        spec.type = below(2) ? vm::MapType::Hash : vm::MapType::Array;
        spec.key_bytes = 4;
        spec.value_bytes = 1 + below(64);
        spec.entries_max = 1;
        spec.frozen = below(2) == 1;
        if (spec.type == vm::MapType::Array && below(2))
            spec.contents.assign(spec.value_bytes, 0x5a);
    }
    void operator()(const char*, vm::ProgramSpec& spec) {
        fill(spec.name, 20);
        spec.section = "xdp";
        spec.insns = {{0xb7, 0, 0, 0, static_cast<int32_t>(below(5))}, {0x95, 0, 0, 0, 0}};
        spec.subprograms = {{spec.name, 0}};
        spec.lines = {{0, 1 + below(100), "a.c", "return XDP_DROP;"}};
        (*this)("", spec.maps.emplace_back());
    }
    template <typename T, typename... Bound>
    void operator()(const char* name, std::optional<T>& value, Bound... bound) {
        if (below(2))
            (*this)(name, value.emplace(), bound...);
        else
            value.reset();
    }
    template <typename T>
    void operator()(const char* name, std::vector<T>& list, uint32_t) {
        list.resize(below(4));
        for (T& item : list) (*this)(name, item);
    }
    template <typename T>
    void operator()(const char* name, std::map<std::string, T>& table, uint32_t) {
        for (uint32_t i = below(4); i > 0; --i)
            (*this)(name, table["name" + std::to_string(below(100))]);
    }
    template <typename Message>
        requires std::is_class_v<Message>
    void operator()(const char*, Message& message) {
        fields(*this, message);
    }

private:
    uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }
    template <typename Container>
    void fill(Container& bytes, uint32_t bytes_max) {
        bytes.resize(below(std::min(bytes_max, 24u) + 1));
        for (auto& byte : bytes)
            byte = static_cast<typename Container::value_type>('a' + below(26));
    }

    std::mt19937_64 random_;
};

template <typename Message>
Message generate(uint64_t seed) {
    Generator generator(seed);
    Message message;
    fields(generator, message);
    return message;
}

}  // namespace weir::dataplane::api
