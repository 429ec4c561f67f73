#pragma once
// Finds the objects of the corpus in the build directory.

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace weir::tests {

struct CorpusObject {
    std::string path;
    std::string name;     ///< "parse_ipv4"
    std::string level;    ///< "clang-14.v3"
    std::string theme{};  ///< its folder in the corpus: "maps", or empty
};

/// Sorted by path. `folder` is WEIR_CORPUS_DIR, or its "unsafe"; folders in it are left out.
inline std::vector<CorpusObject> corpus_objects(const std::string& folder) {
    std::vector<CorpusObject> objects;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() != ".o") continue;
        const std::string stem = entry.path().stem().string();
        const size_t dot = stem.find('.');
        objects.push_back({entry.path().string(), stem.substr(0, dot),
                           dot == std::string::npos ? "" : stem.substr(dot + 1)});
    }
    std::ranges::sort(objects, {}, &CorpusObject::path);
    return objects;
}

}  // namespace weir::tests
