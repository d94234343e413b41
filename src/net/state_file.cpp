#include "net/state_file.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/file.h"

namespace shoal::net {
namespace {

constexpr auto replace_broken_text = nlohmann::json::error_handler_t::replace;

}  // namespace

StateFile::StateFile(std::filesystem::path path) : path_(std::move(path)) {
    if (!path_.has_parent_path()) path_ = "." / path_;
}

nlohmann::json StateFile::load() const {
    std::ifstream file(path_);
    if (file) {
        auto state = nlohmann::json::parse(file, nullptr, false);
        if (state.is_object()) return state;
    }
    return nlohmann::json::object();
}

Result<void> StateFile::store(const nlohmann::json& state) const {
    std::error_code error;
    if (state.empty()) {
        std::filesystem::remove(path_, error);
        if (error) return fail(system_error("removing " + path_.string(), error.value()));
        return {};
    }
    return write_file(path_.string(), state.dump(2, ' ', false, replace_broken_text) + "\n");
}

}  // namespace shoal::net
