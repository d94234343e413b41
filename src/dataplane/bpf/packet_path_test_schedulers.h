#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dataplane/bpf/testing/packet_path.h"

// A virtual server under test and whom it gives new connections to.

namespace shoal::dataplane::testing {

class Schedulers : public ::testing::Test {
  protected:
    Endpoint vip{"192.0.2.80", 80};
    explicit Schedulers(std::uint32_t cells = 1U << 15) : path{cells} {}

    PacketPath path;
    std::uint32_t service = 0;
    std::uint32_t servers = 0;
    std::uint32_t opened = 0;

    /// Servers 0, 1, ... in list order.
    void serve(shoal_scheduler scheduler, const std::vector<std::uint32_t>& weights,
               std::uint32_t flags = 0) {
        service = path.add_service(std::string(vip.address), vip.port, scheduler);
        path.service(service).flags = flags;
        std::vector<Member> members;
        for (const std::uint32_t weight : weights)
            members.push_back({add_server(), weight});
        edit(members);
    }
    std::uint32_t add_server() {
        const std::string address =
            vip.address.contains(':')
                ? "2001:db8:a::" + std::to_string(servers + 1)
                : "10.0." + std::to_string(servers / 250) + "." + std::to_string(servers % 250 + 1);
        ++servers;
        return path.add_server(service, {address});
    }
    void edit(const std::vector<Member>& members) { path.set_pool(service, members); }

    /// The server of a connection from this client; -1 if there is none. Alternates between the
    /// hooks.
    int next(const Endpoint& from) {
        const auto before = loads();
        const auto hook = ++opened % 2 ? Hook::tc : Hook::xdp;
        path.run_quietly(hook, PacketBuilder::tcp(from, vip, syn).build());
        for (std::uint32_t server = 0; server < before.size(); ++server)
            if (path.load(server) != before[server]) return static_cast<int>(server);
        return -1;
    }
    /// Of a client that nobody has seen.
    int next() {
        const std::string address = "198.51." + std::to_string(opened >> 16) + ".1";
        return next({address, static_cast<std::uint16_t>(1024 + opened)});
    }
    std::string sequence(int count) {
        std::string result;
        while (count-- > 0) {
            const int server = next();
            result += server < 0 ? '-' : static_cast<char>('A' + server);
        }
        return result;
    }
    std::vector<__u64> loads() const {
        std::vector<__u64> result;
        for (std::uint32_t server = 0; server < servers; ++server)
            result.push_back(path.load(server));
        return result;
    }
};

}  // namespace shoal::dataplane::testing
