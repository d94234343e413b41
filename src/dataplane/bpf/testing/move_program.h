#pragma once

#include <memory>
#include <string_view>

#include "dataplane/bpf/testing/packet_path.h"
#include "move_request.h"

struct director_move;
struct director_move6;

namespace shoal::dataplane::testing {

/// The programs that move connections, loaded for two packet paths with the same virtual servers
/// and real servers, which both outlive it. Those of `to` count: shoald shares them.
class MoveProgram {
  public:
    MoveProgram(const PacketPath& to, const PacketPath& from);
    ~MoveProgram();
    MoveProgram(const MoveProgram&) = delete;
    MoveProgram& operator=(const MoveProgram&) = delete;

    /// The whole table at once; what came of it.
    shoal_move run(bool templates);
    int program(std::string_view name) const;

  private:
    struct Deleter {
        void operator()(director_move* skeleton) const;
        void operator()(director_move6* skeleton) const;
    };
    std::unique_ptr<director_move, Deleter> v4_;
    std::unique_ptr<director_move6, Deleter> v6_;
    std::uint32_t cells_;
};

}  // namespace shoal::dataplane::testing
