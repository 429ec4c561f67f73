#include "tests/unit/vm/elf/loaded_object.h"

namespace weir::vm::tests {

std::string corpus_path(const std::string& object) {
    return std::string(WEIR_CORPUS_DIR) + "/" + object;
}

}  // namespace weir::vm::tests
