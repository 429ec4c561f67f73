#include "vm/base/sha256.h"

#include <openssl/evp.h>

#include "vm/base/check.h"

namespace weir {

Sha256 sha256(ByteSpan bytes) {
    Sha256 digest{};
    unsigned int length = 0;
    WEIR_CHECK(
        EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) == 1);
    WEIR_CHECK(length == digest.size());
    return digest;
}

}  // namespace weir
