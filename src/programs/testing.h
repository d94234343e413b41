#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>

#include "health/program_runner.h"

// For the tests of this folder: scripts that are really run, and waiting.

namespace shoal::programs {

using health::ProgramOrder;
using health::ProgramResult;
using End = ProgramResult::End;

/// Runs the loop until the condition holds; false after a minute.
inline bool run_until(boost::asio::io_context& loop, const std::function<bool()>& condition) {
    const auto end = Clock::now() + std::chrono::minutes(1);
    loop.restart();
    while (!condition()) {
        if (Clock::now() > end) return false;
        loop.run_one_for(Milliseconds(10));
        if (loop.stopped()) loop.restart();
    }
    return true;
}

/// A directory that goes at the test's end.
class Folder {
  public:
    Folder() {
        std::string pattern = std::filesystem::temp_directory_path() / "shoal-programs-XXXXXX";
        path_ = ::mkdtemp(pattern.data());
        ::chmod(path_.c_str(), 0755);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path_); }

    std::string file(const std::string& name) const { return path_ + "/" + name; }
    /// A script of /bin/sh with these lines, executable unless said otherwise.
    std::string script(const std::string& lines, mode_t mode = 0755) {
        auto name = file("script" + std::to_string(++scripts_));
        std::ofstream(name) << "#!/bin/sh\n" << lines << "\n";
        ::chmod(name.c_str(), mode);
        return name;
    }

  private:
    std::string path_;
    int scripts_ = 0;
};

inline bool exists(const std::string& path) {
    return std::filesystem::exists(path);
}

}  // namespace shoal::programs
