#include "dataplane/bpf/record_layout.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>

#include "abi.h"
#include "director_tc.skel.h"

namespace shoal::dataplane {

namespace {

struct FreeBtf {
    void operator()(btf* types) const { btf__free(types); }
};
using Types = std::unique_ptr<btf, FreeBtf>;

struct Destroy {
    void operator()(director_tc* skeleton) const { director_tc::destroy(skeleton); }
};
/// This version's own types. The kernel's are for CAP_SYS_ADMIN alone (BPF_BTF_GET_FD_BY_ID), which
/// only an upgrade asks for.
class OwnTypes {
  public:
    static Result<OwnTypes> open() {
        OwnTypes own;
        own.skeleton_.reset(director_tc::open());
        if (!own.skeleton_) return fail(system_error("opening the packet path's program", errno));
        return own;
    }
    const btf* get() const { return bpf_object__btf(skeleton_->obj); }

  private:
    std::unique_ptr<director_tc, Destroy> skeleton_;
};

Result<bpf_map_info> info_of(int map) {
    bpf_map_info info{};
    __u32 length = sizeof info;
    if (bpf_obj_get_info_by_fd(map, &info, &length) != 0) {
        return fail(system_error("looking at a map", errno));
    }
    return info;
}

Result<Types> load_types(const bpf_map_info& info) {
    if (info.btf_id == 0) return fail("the kernel knows no types of a pinned map");
    Types types(btf__load_from_kernel_by_id(info.btf_id));
    if (!types) return fail(system_error("reading the types of a pinned map", errno));
    return types;
}

}  // namespace

Result<RecordLayout> RecordLayout::of_type(const btf* types, std::uint32_t number) {
    const btf_type* type = btf__type_by_id(types, number);
    if (type == nullptr || BTF_INFO_KIND(type->info) != BTF_KIND_STRUCT) {
        return fail("the values of a pinned map are no records");
    }
    RecordLayout layout;
    layout.size_ = type->size;
    const btf_member* members = btf_members(type);
    for (std::uint32_t i = 0; i < btf_vlen(type); ++i) {
        const char* name = btf__name_by_offset(types, members[i].name_off);
        const std::int64_t size = btf__resolve_size(types, members[i].type);
        if (name == nullptr || size < 0) continue;
        layout.members_[name] = {btf_member_bit_offset(type, i) / 8,
                                 static_cast<std::size_t>(size)};
    }
    return layout;
}

Result<RecordLayout> RecordLayout::of_map(int map) {
    const auto info = info_of(map);
    if (!info) return fail(info.error());
    const auto types = load_types(*info);
    if (!types) return fail(types.error());
    return of_type(types->get(), info->btf_value_type_id);
}

Result<RecordLayout> RecordLayout::of_own_settings() {
    const auto own = OwnTypes::open();
    if (!own) return fail(own.error());
    const int number = btf__find_by_name_kind(own->get(), "shoal_settings", BTF_KIND_STRUCT);
    if (number < 0) return fail("this build does not know its own settings");
    return of_type(own->get(), static_cast<std::uint32_t>(number));
}

bool is_of_this_version(int settings) {
    const auto info = info_of(settings);
    const std::uint32_t key = 0;
    shoal_settings value{};
    return info && info->value_size == sizeof value &&
           bpf_map_lookup_elem(settings, &key, &value) == 0 &&
           value.abi_version == SHOAL_ABI_VERSION;
}

std::optional<std::size_t> RecordLayout::offset(const std::string& member) const {
    const auto found = members_.find(member);
    if (found == members_.end()) return std::nullopt;
    return found->second.offset;
}

std::size_t RecordLayout::size_of(const std::string& member) const {
    const auto found = members_.find(member);
    return found == members_.end() ? 0 : found->second.size;
}

Result<NumberRecord> NumberRecord::read(int map) {
    auto layout =
        is_of_this_version(map) ? RecordLayout::of_own_settings() : RecordLayout::of_map(map);
    if (!layout) return fail(layout.error());
    NumberRecord record;
    record.map_ = map;
    record.value_.resize(layout->size());
    record.layout_ = std::move(*layout);
    const std::uint32_t key = 0;
    if (bpf_map_lookup_elem(map, &key, record.value_.data()) != 0) {
        return fail(system_error("reading a pinned map", errno));
    }
    return record;
}

std::uint32_t NumberRecord::get(const std::string& member, std::size_t index) const {
    std::uint32_t number = 0;
    const std::size_t count = layout_.size_of(member) / sizeof number;
    const auto offset = layout_.offset(member);
    if (!offset || index >= count) return number;
    const std::size_t place = *offset + index * sizeof number;
    if (place + sizeof number <= value_.size()) std::memcpy(&number, &value_[place], sizeof number);
    return number;
}

Result<void> NumberRecord::put(const std::string& member, std::uint32_t number) {
    const auto offset = layout_.offset(member);
    if (!offset || *offset + sizeof number > value_.size()) {
        return fail("a pinned map has no member " + member);
    }
    std::memcpy(&value_[*offset], &number, sizeof number);
    const std::uint32_t key = 0;
    if (bpf_map_update_elem(map_, &key, value_.data(), BPF_ANY) == 0) return {};
    return fail(system_error("writing a pinned map", errno));
}

namespace {

Result<Descriptor> as_file(const btf* types) {
    __u32 size = 0;
    const void* data = btf__raw_data(types, &size);
    Descriptor file(::memfd_create("types", MFD_CLOEXEC));
    if (data == nullptr || !file || ::write(file.get(), data, size) != static_cast<ssize_t>(size)) {
        return fail(system_error("keeping the types of a pinned map", errno));
    }
    return file;
}

}  // namespace

Result<Descriptor> types_of_map(int map) {
    const auto info = info_of(map);
    if (!info) return fail(info.error());
    const auto types = load_types(*info);
    if (!types) return fail(types.error());
    return as_file(types->get());
}

Result<Descriptor> own_types() {
    const auto own = OwnTypes::open();
    if (!own) return fail(own.error());
    return as_file(own->get());
}

}  // namespace shoal::dataplane
