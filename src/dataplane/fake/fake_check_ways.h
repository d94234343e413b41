#pragma once

#include <map>
#include <utility>

#include "dataplane/check_ways.h"

namespace shoal::dataplane {

/// For tests of what asks for it: leads nobody anywhere, and remembers whom it was asked to lead.
class FakeCheckWays final : public CheckWays {
  public:
    Result<void> serve(const CheckPlaces& places) override {
        places_ = places;
        return refusal_;
    }
    Result<std::uint64_t> lead(int, const net::Address& real_server,
                               const ClientWay& way) override {
        if (!refusal_) return fail(refusal_.error());
        under_way_[++leads_] = {real_server, way};
        last_ = way;
        return leads_;
    }
    std::uint64_t end(std::uint64_t lead) override {
        return under_way_.erase(lead) == 0 ? 0 : packets_;
    }

    const CheckPlaces& places() const { return places_; }
    std::uint64_t leads() const { return leads_; }
    std::size_t under_way() const { return under_way_.size(); }
    const ClientWay& last() const { return last_; }
    void refuse(Result<void> refusal) { refusal_ = std::move(refusal); }
    /// What each check is said to have sent to the virtual address.
    void set_packets(std::uint64_t packets) { packets_ = packets; }

  private:
    CheckPlaces places_;
    Result<void> refusal_;
    std::map<std::uint64_t, std::pair<net::Address, ClientWay>> under_way_;
    ClientWay last_;
    std::uint64_t leads_ = 0;
    std::uint64_t packets_ = 1;
};

}  // namespace shoal::dataplane
