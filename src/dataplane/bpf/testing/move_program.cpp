#include "dataplane/bpf/testing/move_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "dataplane/bpf/libbpf_options.h"
#include "dataplane/bpf/record_layout.h"
#include "director_move.skel.h"
#include "director_move6.skel.h"

namespace shoal::dataplane::testing {

void MoveProgram::Deleter::operator()(director_move* skeleton) const {
    director_move__destroy(skeleton);
}

void MoveProgram::Deleter::operator()(director_move6* skeleton) const {
    director_move6__destroy(skeleton);
}

namespace {

void prepare(auto& skeleton, const PacketPath& to, const PacketPath& from) {
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, skeleton.obj) {
        if (bpf_map__is_internal(map)) continue;
        const std::string_view name = bpf_map__name(map);
        const int fd =
            name == "former_connections" ? from.map("connections") : to.map(bpf_map__name(map));
        if (fd >= 0 && bpf_map__reuse_fd(map, fd) != 0)
            throw std::runtime_error("sharing " + std::string(name));
    }
    skeleton.rodata->shoal_cell_mask = to.cells() - 1;
    skeleton.rodata->shoal_bucket_mask = to.cells() / 4 - 1;
    skeleton.rodata->shoal_former_mask = from.cells() - 1;
}

/// What came of `request`.
shoal_move run_one(int program, int map, shoal_move request) {
    const std::uint32_t zero = 0;
    if (bpf_map_update_elem(map, &zero, &request, BPF_ANY) != 0)
        throw std::runtime_error("asking for a move");
    const Bytes packet(64);
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = packet.data();
    options.data_size_in = static_cast<std::uint32_t>(packet.size());
    if (bpf_prog_test_run_opts(program, &options) != 0 || options.retval != 0)
        throw std::runtime_error("moving connections");
    if (bpf_map_lookup_elem(map, &zero, &request) != 0) throw std::runtime_error("reading a move");
    return request;
}

}  // namespace

MoveProgram::MoveProgram(const PacketPath& to, const PacketPath& from) : cells_(from.cells()) {
    const auto types = types_of_map(from.map("connections"));
    if (!types) throw std::runtime_error(types.error().message);
    const std::string path = "/proc/self/fd/" + std::to_string(types->get());
    LibbpfOptions<bpf_object_open_opts> options;
    options.btf_custom_path = path.c_str();
    v4_.reset(director_move__open_opts(&options));
    v6_.reset(director_move6__open_opts(&options));
    if (!v4_ || !v6_) throw std::runtime_error("opening the programs that move connections");
    prepare(*v4_, to, from);
    prepare(*v6_, to, from);
    if (director_move__load(v4_.get()) != 0 || director_move6__load(v6_.get()) != 0)
        throw std::runtime_error("loading the programs that move connections");
}

MoveProgram::~MoveProgram() = default;

int MoveProgram::program(std::string_view name) const {
    return name == "move_connections" ? bpf_program__fd(v4_->progs.move_connections)
                                      : bpf_program__fd(v6_->progs.move_ipv6_connections);
}

shoal_move MoveProgram::run(bool templates) {
    shoal_move request{};
    request.calls = cells_ / SHOAL_MOVE_CELLS_PER_CALL;
    request.templates = templates ? 1 : 0;
    auto sum = run_one(program("move_connections"), bpf_map__fd(v4_->maps.move_request), request);
    const auto v6 =
        run_one(program("move_ipv6_connections"), bpf_map__fd(v6_->maps.move_request), request);
    sum.moved += v6.moved;
    sum.waiting += v6.waiting;
    sum.taken += v6.taken;
    return sum;
}

}  // namespace shoal::dataplane::testing
