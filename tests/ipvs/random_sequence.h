#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "side_by_side.h"

namespace shoal::ipvs {

/// What a random sequence is about.
struct Scenario {
    std::string name;
    dataplane::ServiceOptions options{};
    /// The virtual server is a firewall mark over so many addresses; 0: it is one address and port.
    unsigned addresses = 0;
    /// At the beginning.
    unsigned least_servers = 1;
    unsigned most_servers = 8;
    unsigned steps = 120;
};
void PrintTo(const Scenario& scenario, std::ostream* out);

/// A random virtual server, changed while connections come, go on and end; everything is compared
/// all along.
class RandomSequence : public SideBySide {
  protected:
    /// Of a virtual server on this port, where it is not a mark.
    void run(std::uint32_t seed, const Scenario& scenario, std::uint16_t port);

  private:
    void begin();
    void change(const std::vector<dataplane::Operation>& operations);
    void exchange(Flow& flow, std::uint8_t flags);
    void take_step();
    void open();
    void go_on();
    void edit_server();
    void add_server();
    void remove_server();
    void change_thresholds();
    bool is_by_nat(const net::Address& server) const;
    dataplane::Server new_server();
    std::uint32_t some_weight();
    std::size_t some_place(std::size_t count);
    unsigned upto(unsigned most);

    Scenario scenario_;
    dataplane::ServiceKey key_;
    std::uint16_t port_ = 0;
    std::mt19937 random_;
    unsigned next_server_ = 0;
    std::vector<dataplane::Server> servers_;
    std::vector<Flow> flows_;
    /// What was done, for a failure.
    std::string history_;
};

}  // namespace shoal::ipvs
