#include "maps/value_planes.h"

#include <cstring>

#include "maps/words.h"

namespace weir::maps {
namespace {

constexpr uint32_t kLineBytes = 64;

uint32_t stride_of(const vm::MapSpec& spec) {
    return static_cast<uint32_t>(round_up_to(spec.value_bytes, kWordBytes));
}
uint64_t plane_bytes_of(const vm::MapSpec& spec, uint32_t elements) {
    return round_up_to(uint64_t{stride_of(spec)} * elements, kLineBytes);
}

}  // namespace

Result<ValuePlanes> ValuePlanes::take(const vm::MapSpec& spec, uint32_t elements, uint32_t planes,
                                      MapMemory& memory) {
    Result<Region> region = memory.take(plane_bytes_of(spec, elements) * planes);
    if (!region) return std::unexpected(region.error());
    return ValuePlanes(spec, elements, planes, std::move(*region));
}

ValuePlanes::ValuePlanes(const vm::MapSpec& spec, uint32_t elements, uint32_t planes, Region memory)
    : fields_(spec),
      elements_(elements),
      planes_(planes),
      padded_(vm::is_percpu(spec.type)),
      value_bytes_(spec.value_bytes),
      stride_(stride_of(spec)),
      plane_bytes_(plane_bytes_of(spec, elements)),
      memory_(std::move(memory)) {}

void ValuePlanes::write(uint32_t element, const SlotValues& values) {
    const bool all = values.only_cpu == kAllCpus;
    const uint32_t begin = all ? 0 : values.only_cpu;
    const uint32_t end = all ? planes_ : values.only_cpu + 1;
    for (uint32_t plane = begin; plane < end; ++plane) {
        fields_.store(at(element, plane), values.base + plane * values.step);
        fields_.end_timer(at(element, plane));
    }
}

void ValuePlanes::write_new(uint32_t element, const SlotValues& values) {
    write(element, values);
    clear_fields(element);
    if (values.only_cpu == kAllCpus) return;
    for (uint32_t plane = 0; plane < planes_; ++plane) {
        if (plane != values.only_cpu) zero_words(at(element, plane), stride_);
    }
}

void ValuePlanes::clear_fields(uint32_t element) {
    for (uint32_t plane = 0; plane < planes_; ++plane) fields_.clear(at(element, plane));
}

void ValuePlanes::read(uint32_t element, uint8_t* to) const {
    for (uint32_t plane = 0; plane < planes_; ++plane, to += stride_) {
        fields_.load(to, at(element, plane));
        if (padded_) std::memset(to + value_bytes_, 0, stride_ - value_bytes_);
    }
}

void ValuePlanes::describe(vm::HashLayout& layout) const {
    layout.values = memory_.data();
    layout.value_stride = stride_;
    layout.planes = padded_ ? planes_ : 0;
    layout.plane_bytes = plane_bytes_;
}

std::optional<ValuePlanes::Place> ValuePlanes::place_of(const uint8_t* value) const {
    if (value < memory_.data() || value >= memory_.data() + plane_bytes_ * planes_) return {};
    const auto offset = static_cast<uint64_t>(value - memory_.data());
    const uint64_t within = offset % plane_bytes_;
    if (within % stride_ != 0 || within / stride_ >= elements_) return {};
    return Place{static_cast<uint32_t>(within / stride_),
                 static_cast<uint32_t>(offset / plane_bytes_)};
}

}  // namespace weir::maps
