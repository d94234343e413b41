#include "config/shares.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "model/ring.h"
#include "ring_hash.h"

namespace shoal::config {

namespace {

using model::Scheduler;

/// Places in the list; for nobody, its end.
using Owners = std::vector<std::size_t>;

bool goes_by_clients(Scheduler scheduler) {
    return scheduler == Scheduler::sh || scheduler == Scheduler::mh;
}

/// In host byte order, of IPv6 the four words by exclusive or.
std::uint32_t folded(const net::Address& address) {
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < address.bytes().size(); ++i)
        word ^= std::uint32_t{address.bytes()[i]} << (24 - 8 * (i % 4));
    return word;
}

model::Ring ring_of(const Pool& pool) {
    std::vector<model::RingMember> members;
    for (const auto& member : pool.members) {
        const auto& [address, port] = member.endpoint;
        members.push_back({member.weight, member.last_weight, folded(address), port});
    }
    if (pool.scheduler == Scheduler::mh) return fill_mh_ring(members, pool.mh_table_size);
    return pool.scheduler == Scheduler::sh ? fill_sh_ring(members) : fill_dh_ring(members);
}

/// Who serves the clients of each slot, as the packet path looks for it (bpf/ring.h).
class ClientSlots {
  public:
    explicit ClientSlots(const Pool& pool)
        : pool_(pool),
          ring_(ring_of(pool)),
          falls_back_(pool.hash_fallback &&
                      std::ranges::any_of(pool.members,
                                          [](const auto& member) { return member.weight > 0; })) {
        for (std::size_t slot = 0; slot < ring_.size(); ++slot) {
            if (is_usable(slot)) usable_.push_back(slot);
        }
    }

    Owners owners() const {
        Owners owners;
        for (std::size_t home = 0; home < ring_.size(); ++home)
            owners.push_back(owner_of(home));
        return owners;
    }

  private:
    /// sh's whole ring. A large one of mh in which next to nothing is usable would take minutes.
    static constexpr std::size_t most_steps = 256;

    std::size_t nobody() const { return pool_.members.size(); }
    bool is_usable(std::size_t slot) const {
        return ring_[slot] != model::empty_slot && pool_.members[ring_[slot]].weight > 0;
    }
    std::size_t owner_of(std::size_t home) const {
        if (is_usable(home)) return ring_[home];
        if (!falls_back_ || ring_[home] == model::empty_slot) return nobody();
        for (std::size_t step = 0; step < std::min(ring_.size(), most_steps); ++step) {
            const auto slot = next_slot(home, (step + home) % ring_.size());
            if (is_usable(slot)) return ring_[slot];
        }
        // As good as any of them for a client that the packet path searches longer for.
        return usable_.empty() ? nobody() : ring_[usable_[home % usable_.size()]];
    }
    /// mh looks for a client's next slot by the client's hash; one client stands for all of a slot.
    std::size_t next_slot(std::size_t home, std::size_t offset) const {
        constexpr std::uint32_t spread = 0x9E3779B1;
        if (pool_.scheduler == Scheduler::sh) return (home + offset) % ring_.size();
        const auto client = static_cast<std::uint32_t>(home) * spread;
        return shoal_mh_hash(SHOAL_MH_FIRST_KEY, client + static_cast<std::uint32_t>(offset)) %
               ring_.size();
    }

    const Pool& pool_;
    model::Ring ring_;
    bool falls_back_;
    std::vector<std::size_t> usable_;
};

Shares none(const Pool& pool) {
    return {std::vector<double>(pool.members.size()), 1};
}

Shares all_to(const Pool& pool, std::size_t place) {
    auto shares = none(pool);
    shares.members[place] = 1;
    shares.nobody = 0;
    return shares;
}

template <class Part>
Shares in_ratio(const Pool& pool, Part part) {
    double sum = 0;
    for (const auto& member : pool.members)
        sum += part(member);
    if (sum == 0) return none(pool);
    Shares shares;
    for (const auto& member : pool.members)
        shares.members.push_back(part(member) / sum);
    return shares;
}

Shares of_slots(const Pool& pool) {
    const auto owners = ClientSlots(pool).owners();
    Shares shares{std::vector<double>(pool.members.size()), 0};
    for (const auto owner : owners) {
        auto& share = owner < pool.members.size() ? shares.members[owner] : shares.nobody;
        share += 1.0 / static_cast<double>(owners.size());
    }
    return shares;
}

/// dh: one real server for one address.
std::optional<Shares> of_destination(const Pool& pool) {
    if (!pool.destination) return std::nullopt;
    const auto place = ring_of(pool)[shoal_hash_slot(folded(*pool.destination))];
    if (place == model::empty_slot || pool.members[place].weight == 0) return none(pool);
    return all_to(pool, place);
}

std::optional<Shares> of_only_one(const Pool& pool) {
    const auto is_usable = [](const auto& member) { return member.weight > 0; };
    const auto first = std::ranges::find_if(pool.members, is_usable);
    if (first == pool.members.end()) return none(pool);
    if (std::any_of(std::next(first), pool.members.end(), is_usable)) return std::nullopt;
    return all_to(pool, static_cast<std::size_t>(first - pool.members.begin()));
}

Shares of_heaviest(const Pool& pool) {
    const auto heaviest = std::ranges::max_element(pool.members, {}, &PoolMember::weight);
    if (heaviest == pool.members.end() || heaviest->weight == 0) return none(pool);
    return all_to(pool, static_cast<std::size_t>(heaviest - pool.members.begin()));
}

/// Shares by endpoint, so that lists of different members can be compared. Nobody is the unset
/// one.
std::map<std::optional<ServerEndpoint>, double> by_endpoint(const Pool& pool,
                                                            const Shares& shares) {
    std::map<std::optional<ServerEndpoint>, double> all{{std::nullopt, shares.nobody}};
    for (std::size_t place = 0; place < pool.members.size(); ++place)
        all[pool.members[place].endpoint] += shares.members[place];
    return all;
}

bool have_the_same_slots(const Pool& before, const Pool& after) {
    return before.scheduler == after.scheduler && before.hash_port == after.hash_port &&
           (before.scheduler == Scheduler::sh || before.mh_table_size == after.mh_table_size);
}

double moved_slots(const Pool& before, const Pool& after) {
    const auto endpoint = [](const Pool& pool, std::size_t place) {
        return place < pool.members.size() ? std::optional(pool.members[place].endpoint)
                                           : std::nullopt;
    };
    const auto old_owners = ClientSlots(before).owners();
    const auto new_owners = ClientSlots(after).owners();
    std::size_t count = 0;
    for (std::size_t slot = 0; slot < old_owners.size(); ++slot) {
        if (endpoint(before, old_owners[slot]) != endpoint(after, new_owners[slot])) ++count;
    }
    return static_cast<double>(count) / static_cast<double>(old_owners.size());
}

}  // namespace

std::optional<Shares> shares(const Pool& pool) {
    switch (pool.scheduler) {
        case Scheduler::rr:
        case Scheduler::lc:
            return in_ratio(pool, [](const auto& member) { return member.weight > 0 ? 1.0 : 0.0; });
        case Scheduler::sh:
        case Scheduler::mh:
            return of_slots(pool);
        case Scheduler::dh:
            return of_destination(pool);
        case Scheduler::fo:
            return of_heaviest(pool);
        case Scheduler::ovf:
        case Scheduler::lblc:
        case Scheduler::lblcr:
            return of_only_one(pool);
        case Scheduler::wrr:
        case Scheduler::wlc:
        case Scheduler::sed:
        case Scheduler::nq:
        case Scheduler::twos:
            break;
    }
    return in_ratio(pool, [](const auto& member) { return static_cast<double>(member.weight); });
}

std::optional<double> moved(const Pool& before, const Pool& after) {
    const auto old_shares = shares(before);
    const auto new_shares = shares(after);
    if (!old_shares || !new_shares) return std::nullopt;
    const bool by_clients = goes_by_clients(before.scheduler) && goes_by_clients(after.scheduler);
    if (by_clients && have_the_same_slots(before, after)) return moved_slots(before, after);
    auto old_parts = by_endpoint(before, *old_shares);
    const auto new_parts = by_endpoint(after, *new_shares);
    double stays = 0;
    for (const auto& [endpoint, part] : new_parts) {
        // Hashed anew, a client finds its real server again only by chance.
        const auto old_part = old_parts[endpoint];
        stays += by_clients ? old_part * part : std::min(old_part, part);
    }
    return std::clamp(1 - stays, 0.0, 1.0);
}

}  // namespace shoal::config
