// What a map answers to operations that its kind does not have (the kernel's error), and look-ups
// in bulk for kinds that gain nothing by it.

#include "vm/program/map.h"

#include <cerrno>

#include "vm/program/lookup_layout.h"

namespace weir::vm {

void Map::lookup_bulk(const uint8_t* const* keys, uint32_t count, uint8_t** values, uint32_t cpu) {
    for (uint32_t i = 0; i < count; ++i) values[i] = lookup(keys[i], cpu);
}
LookupLayout Map::lookup_layout() const {
    if (const std::optional<ArrayLayout> array = array_layout()) return {*array};
    return {};
}
int Map::push(const uint8_t*, uint64_t) {
    return -EOPNOTSUPP;
}
int Map::pop(uint8_t*) {
    return -EOPNOTSUPP;
}
int Map::peek(uint8_t*) {
    return -EOPNOTSUPP;
}
int64_t Map::for_each(ElementVisitor, void*, uint32_t) {
    return -EOPNOTSUPP;
}
bool Map::key_of(const uint8_t*, uint8_t*) const {
    return false;
}
const Runnable* Map::program_at(uint32_t) const {
    return nullptr;
}
int Map::bind_map(const uint8_t*, Map*, uint32_t) {
    return -EOPNOTSUPP;
}
int Map::bind_program(const uint8_t*, const Runnable*, uint32_t) {
    return -EOPNOTSUPP;
}
int64_t Map::drain_events(uint32_t, EventVisitor, void*) {
    return -EOPNOTSUPP;
}

}  // namespace weir::vm
