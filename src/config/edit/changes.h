#pragma once

#include <expected>
#include <string>

#include "config/edit/written_text.h"

namespace shoal::config::edit {

/// What becomes of a setting that is written, and is to have its default.
enum class Defaults {
    write,   /// its value is replaced
    remove,  /// it is removed, where the default depends on other settings
};

/// Changes `written`, so that what `present` says becomes what `intended` says: both as to_toml()
/// writes them, and `present` with the meaning of `written`. Nothing else in it changes.
/// The error is why that cannot be done.
std::expected<void, std::string> change(WrittenText& written, WrittenText& present,
                                        WrittenText& intended, Defaults defaults);

}  // namespace shoal::config::edit
