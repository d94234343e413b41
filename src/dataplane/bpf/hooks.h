#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf/tc_filters.h"
#include "dataplane/bpf/xdp_programs.h"
#include "dataplane/dataplane.h"

namespace shoal::dataplane {

/// Where the packet path is attached. tc always is, as the complete program; XDP goes in front of
/// it where that helps: on network cards, if every hooked device is one, because XDP can only send
/// to devices that do native XDP themselves: where one of them refuses it, all that are free to
/// choose stay at tc. Everything is read from the kernel; only the words in which XDP was refused
/// are remembered.
class Hooks {
  public:
    using GoodDriver = std::function<bool(std::string_view driver)>;

    /// `tc_program` outlives it.
    Hooks(int tc_program, XdpPrograms xdp, GoodDriver good_driver = has_good_native_xdp)
        : tc_program_(tc_program), xdp_(std::move(xdp)), good_driver_(std::move(good_driver)) {}

    /// Only what runs the current program: a filter that a run with other pins left behind works
    /// on tables nobody reaches, and is to be attached afresh.
    Result<std::map<std::string, Hook>> observe() const;
    /// Also changes the hook of a device. XDP refused by the kernel is not an error: tc serves.
    Result<void> attach(const AttachHook& attach);
    Result<void> detach(const DetachHook& detach);
    /// Puts the current programs where earlier ones are attached, without changing a hook's kind.
    /// None of ours stands behind another one afterwards.
    Result<void> replace_programs() const;
    /// The earlier ones themselves, once no device has them.
    void forget_former() { xdp_.forget_former(); }
    /// Attaches the tc program behind the earlier ones, which stay. XDP stays theirs too: what they
    /// leave to tc goes on to the current one.
    Result<void> stand_behind() const;
    /// Undoes stand_behind().
    static Result<void> step_back();
    /// From every device, also those of earlier runs.
    Result<void> detach_all() const;

  private:
    struct Hooked {
        Device device;
        model::HookChoice wanted;
    };
    /// Devices with our tc filter and the current program in it.
    Result<std::vector<Hooked>> hooked() const;
    Result<Hook> observe_one(const Hooked& hook, const Hooked* obstacle) const;
    Result<void> replace_at(const Device& device) const;
    Result<void> try_xdp(const Device& device);
    /// XDP on all devices that are free to choose, or on none.
    Result<void> settle_automatic();
    Result<void> try_automatic(const std::vector<Hooked>& all);
    Result<void> leave_xdp_to_those_who_insist(const std::vector<Hooked>& all) const;
    /// Of an earlier process, whose refusals are not remembered: some have XDP and some lack it.
    Result<bool> lacks_xdp(const std::vector<Hooked>& all) const;
    /// The first one that XDP on another device could not send to; null if there is none.
    const Hooked* find_obstacle(const std::vector<Hooked>& all) const;
    bool is_good(const std::string& device) const { return good_driver_(driver_of(device)); }
    std::string reason_for_tc(const Hooked& hook, const Hooked* obstacle) const;

    int tc_program_;
    XdpPrograms xdp_;
    GoodDriver good_driver_;
    /// By device: the kernel's words.
    std::map<std::string, std::string> refusals_;
};

}  // namespace shoal::dataplane
