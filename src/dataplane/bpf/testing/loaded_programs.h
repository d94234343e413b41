#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

struct director_tc;
struct director_xdp;
struct director_tc6;
struct director_xdp6;
struct bpf_object;
struct bpf_program;

namespace shoal::dataplane::testing {

/// The programs on one set of empty maps. The verifier takes longer over them than most tests
/// take, so that they are loaded once per process and table size: whoever is done with them leaves
/// them to the next test, with every map as it was at first.
class LoadedPrograms {
  public:
    /// Throws std::runtime_error where the kernel refuses.
    static std::unique_ptr<LoadedPrograms> take(std::uint32_t cells);
    /// `used` may be empty. Programs whose timer was started are not used again.
    static void leave(std::unique_ptr<LoadedPrograms> used, bool timer_started);
    ~LoadedPrograms();
    LoadedPrograms(const LoadedPrograms&) = delete;
    LoadedPrograms& operator=(const LoadedPrograms&) = delete;

    director_tc& tc() const { return *tc_; }
    director_xdp& xdp() const { return *xdp_; }
    /// Those of IPv6, to which the others hand over from then on. May be repeated.
    void load_ipv6();
    /// Null where there is none, or none is loaded.
    const bpf_program* ipv6_program(const char* name) const;

  private:
    explicit LoadedPrograms(std::uint32_t cells);
    void share_maps(bpf_object* object) const;
    void hand_over_ipv6() const;
    void empty_maps() const;

    using Clock = std::chrono::steady_clock;
    std::uint32_t cells_;
    Clock::duration loading_{};
    director_tc* tc_;
    director_xdp* xdp_;
    director_tc6* tc6_ = nullptr;
    director_xdp6* xdp6_ = nullptr;
};

}  // namespace shoal::dataplane::testing
