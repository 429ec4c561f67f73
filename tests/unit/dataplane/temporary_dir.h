#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace weir::dataplane {

/// A directory that goes away with the test.
class TemporaryDir {
public:
    TemporaryDir() {
        std::string pattern = (std::filesystem::temp_directory_path() / "weir-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    TemporaryDir(const TemporaryDir&) = delete;
    TemporaryDir& operator=(const TemporaryDir&) = delete;
    ~TemporaryDir() { std::filesystem::remove_all(path_); }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

}  // namespace weir::dataplane
