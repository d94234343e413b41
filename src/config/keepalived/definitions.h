#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/keepalived/room.h"

namespace shoal::config::keepalived {

/// "$NAME=VALUE", with the blanks before = that keepalived does not take.
struct Definition {
    std::string name;
    std::string value;
    bool blank_before = false;
};
std::optional<Definition> read_definition(std::string_view line);

class Definitions {
  public:
    /// Several lines where the value has several.
    void set(std::string name, std::vector<std::string> lines) {
        values_[std::move(name)] = std::move(lines);
    }

    struct Outcome {
        /// More than one where a value has several.
        std::vector<std::string> lines;
        bool changed = false;
        /// A random number was asked for, and its least one taken.
        bool random = false;
        /// It became larger than it may.
        bool too_large = false;
    };
    /// Each ${NAME}, and each $NAME with a blank or nothing behind it, once; what is not defined
    /// stays. `directory`: what ${_PWD} is. Of what becomes larger than `most` comes just as much.
    Outcome substitute(std::string_view line, const std::string& directory, const Room& most) const;

  private:
    std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

}  // namespace shoal::config::keepalived
