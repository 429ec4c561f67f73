// Any bytes as a program spec: an error, or a spec that is written and read again as the same
// bytes.

#include "tests/fuzz/fuzz.h"
#include "vm/base/check.h"
#include "vm/program/spec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace weir;
    ByteReader reader({data, size});
    const auto spec = vm::read_program_spec(reader);
    if (!spec) {
        WEIR_CHECK(spec.error().message.starts_with("program spec: "));
        return 0;
    }
    ByteWriter first;
    vm::write_program_spec(first, *spec);
    const Bytes bytes = first.take();
    ByteReader second_reader(bytes);
    const auto again = vm::read_program_spec(second_reader);
    WEIR_CHECK(again.has_value());
    WEIR_CHECK(second_reader.finished());
    ByteWriter second;
    vm::write_program_spec(second, *again);
    WEIR_CHECK(second.bytes() == bytes);
    return 0;
}
