#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf/descriptor.h"

struct btf;

namespace shoal::dataplane {

/// How a map of another version lays its values out, as the kernel keeps it with the map (BTF).
class RecordLayout {
  public:
    /// Needs CAP_SYS_ADMIN.
    static Result<RecordLayout> of_map(int map);
    /// Of this build's struct shoal_settings.
    static Result<RecordLayout> of_own_settings();

    /// Of a value, in bytes.
    std::size_t size() const { return size_; }
    /// In bytes; unset where the values have no such member.
    std::optional<std::size_t> offset(const std::string& member) const;
    /// Of a member, in bytes; 0 where the values have none of the name.
    std::size_t size_of(const std::string& member) const;

  private:
    static Result<RecordLayout> of_type(const btf* types, std::uint32_t number);

    std::size_t size_ = 0;
    struct Member {
        std::size_t offset = 0;
        std::size_t size = 0;
    };
    std::map<std::string, Member> members_;
};

/// Whether a map of settings is of this SHOAL_ABI_VERSION.
bool is_of_this_version(int settings);

/// The settings of a data plane, whose members are 32-bit numbers or arrays of them, by their
/// names.
class NumberRecord {
  public:
    static Result<NumberRecord> read(int map);
    bool has(const std::string& member) const { return layout_.offset(member).has_value(); }
    /// 0 where there is no such member, or not so many in an array.
    std::uint32_t get(const std::string& member, std::size_t index = 0) const;
    /// Nobody else may write the record at the same time.
    Result<void> put(const std::string& member, std::uint32_t number);

  private:
    int map_ = -1;
    RecordLayout layout_;
    std::vector<std::byte> value_;
};

/// The types of a map's values as a file without a name, for what reads files alone.
Result<Descriptor> types_of_map(int map);
/// The same of this build's maps.
Result<Descriptor> own_types();

}  // namespace shoal::dataplane
