#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace shoal::config::keepalived {

struct SourceFile {
    std::string path;
    std::string text;
};

/// Where included files come from.
class Sources {
  public:
    virtual ~Sources() = default;
    /// The files that `pattern` matches, in the order of their names; a relative one is seen from
    /// `directory`. None is no error.
    virtual Result<std::vector<SourceFile>> find(const std::string& directory,
                                                 const std::string& pattern) = 0;
};

/// The file system; regular files, of at most max_file_size together.
class FileSources : public Sources {
  public:
    Result<std::vector<SourceFile>> find(const std::string& directory,
                                         const std::string& pattern) override;
};

/// "/etc/keepalived" of "/etc/keepalived/keepalived.conf"; "." of a bare name.
std::string directory_of(const std::string& path);

}  // namespace shoal::config::keepalived
