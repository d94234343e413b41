#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/dataplane.h"
#include "kernel_ipvs.h"
#include "shoal_director.h"
#include "wire.h"

namespace shoal::ipvs {

inline constexpr std::uint8_t fin = dataplane::testing::fin;
inline constexpr std::uint8_t syn = dataplane::testing::syn;
inline constexpr std::uint8_t rst = dataplane::testing::rst;
inline constexpr std::uint8_t ack = dataplane::testing::ack;

/// A client's end of a connection to a virtual server, and what it reached there.
struct Flow {
    net::Address client;
    std::uint16_t client_port = 0;
    net::Address virtual_address;
    std::uint16_t virtual_port = 80;
    model::Protocol protocol = model::Protocol::tcp;
    /// The firewall mark of its packets for kernel IPVS; Shoal sets marks itself.
    std::uint32_t mark = 0;
    /// Where the last packet went; unset where it went nowhere.
    std::optional<net::Address> server{};
    std::uint16_t server_port = 0;
};

/// Kernel IPVS and Shoal in one guest, given the same configuration and the same packets. Every
/// packet must fare equally; the rest is compared when a test asks for it. Each test has a virtual
/// address of its own, so that nothing of one shows in another.
class SideBySide : public ::testing::Test {
  protected:
    static void SetUpTestSuite();
    void SetUp() override;
    void TearDown() override;

    /// Of this test alone.
    net::Address virtual_address() const { return addresses_.front().address; }
    /// One of 255 more: for virtual servers of many addresses, which are firewall marks.
    net::Address further_address(unsigned number) const;
    /// Of this test alone too: a real server's answer says nothing of the virtual server.
    net::Address client_address() const;
    dataplane::ServiceKey mark() const;
    /// Its packets to each of the first `count` further addresses, port 80.
    std::vector<dataplane::MarkMatch> matches(unsigned count) const;
    dataplane::ServiceKey service(std::uint16_t port = 80,
                                  model::Protocol protocol = model::Protocol::tcp) const;

    void apply(const std::vector<dataplane::Operation>& operations);
    void apply(const dataplane::Operation& operation) { apply(std::vector{operation}); }

    /// From the client; TCP with these flags, or a datagram. Fills in where it went.
    void send(Flow& flow, std::uint8_t flags = 0);
    /// The answer of the real server that the flow reached last.
    void answer(const Flow& flow, std::uint8_t flags = 0);

    /// Real servers in list order with their connection counts.
    void compare_servers(const dataplane::ServiceKey& key);
    /// Every connection with its state, and its time-out within two seconds.
    void compare_connections();
    /// Every persistence template, its end within two seconds.
    void compare_templates(const dataplane::ServiceKey& key);
    /// Waits until kernel IPVS has removed what it has ended, and has as many as Shoal.
    void settle();

    KernelIpvs& kernel() { return directors_->kernel; }
    ShoalDirector& shoal() { return ShoalDirector::of_this_process(); }
    Wire& wire() { return directors_->wire; }

  private:
    struct Directors {
        Wire wire;
        KernelIpvs kernel;
    };
    static std::unique_ptr<Directors> directors_;
    static unsigned next_number_;

    unsigned number_ = 0;
    /// All that the virtual servers of this test have.
    std::vector<net::Prefix> addresses_;
    std::vector<dataplane::ServiceKey> services_;
};

net::Address address(const std::string& text);
/// 10.2.0.2 and on: `number` counts from 0.
net::Address server_address(unsigned number);
dataplane::Server real_server(unsigned number, std::uint32_t weight = 1,
                              model::ForwardingMethod method = model::ForwardingMethod::nat);

}  // namespace shoal::ipvs
