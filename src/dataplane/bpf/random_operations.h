#pragma once

#include <algorithm>
#include <random>
#include <vector>

#include "dataplane/bpf/kernel_fixture.h"

// Only for tests.

namespace shoal::dataplane {

/// Operations on few virtual and real servers, so that many of them meet: some are refused.
class RandomOperations {
  public:
    explicit RandomOperations(unsigned seed) : random_(seed) {}

    Operation next() {
        switch (below(11)) {
            case 0:
            case 1:
                return add_service();
            case 2: {
                const AddService any = add_service();
                return EditService{any.key, any.options};
            }
            case 3:
                return RemoveService{service()};
            case 4:
            case 5:
            case 6:
                return AddServer{service(), server()};
            case 7:
                return EditServer{service(), server()};
            case 8:
                return RemoveServer{
                    service(), server().key,
                    one_of({model::RemovedConnections::end, model::RemovedConnections::keep})};
            case 9:
                return SetSecureTcp{below(2) == 0};
            default:
                return SetTimeouts{timeouts()};
        }
    }

    std::vector<Operation> batch() {
        std::vector<Operation> operations;
        for (unsigned i = 0; i < 1 + below(8); ++i)
            operations.push_back(next());
        return operations;
    }

    ServiceOptions options(bool mark) {
        ServiceOptions options;
        options.scheduler = static_cast<model::Scheduler>(below(14));
        options.hash_port = below(4) == 0;
        options.hash_fallback = below(4) == 0;
        options.mh_table_size = below(2) == 0 ? 4093 : 251;
        if (below(2) == 0) options.persistence = persistence();
        options.one_packet = below(4) == 0;
        options.quiesce_server = below(3) == 0;
        options.allow = prefixes();
        options.deny = prefixes();
        for (unsigned i = 0; mark && i < 1 + below(3); ++i)
            options.matches.push_back({service().protocol, web_service().address, ports()});
        return options;
    }

    unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }

  private:
    template <class T>
    T one_of(std::initializer_list<T> values) {
        return values.begin()[below(static_cast<unsigned>(values.size()))];
    }
    AddService add_service() {
        const ServiceKey key = service();
        return {key, options(key.mark != 0)};
    }
    model::PortRange ports() {
        return one_of<model::PortRange>({80, 81, {80, 90}, {8000, 8100}, {8050, 8060}, 0, 21});
    }
    ServiceKey service() {
        ServiceKey key;
        if (below(4) == 0) {
            key.mark = 1 + below(2);
            return key;
        }
        key = web_service();
        if (below(2) == 0) key.protocol = model::Protocol::udp;
        key.port = ports();
        return key;
    }
    Server server() {
        Server server = real_server(static_cast<int>(1 + below(4)), below(5));
        if (below(3) == 0) server.method = model::ForwardingMethod::direct;
        if (below(4) == 0) {
            server.method = model::ForwardingMethod::tunnel;
            server.tunnel = {model::TunnelType::gue, static_cast<std::uint16_t>(1 + below(2))};
        }
        if (below(3) == 0) server.key.port = 0;
        server.upper_threshold = below(3);
        server.lower_threshold = std::min(server.upper_threshold, below(2));
        return server;
    }
    model::Persistence persistence() {
        return {model::milliseconds(1 + below(100'000)), static_cast<std::uint8_t>(below(33)),
                static_cast<std::uint8_t>(below(129)), below(2) == 0};
    }
    std::vector<net::Prefix> prefixes() {
        std::vector<net::Prefix> list;
        for (unsigned i = 0; i < below(3); ++i) {
            list.push_back({address(one_of({"10.0.0.0", "10.1.2.3", "198.51.100.7"})),
                            one_of({0, 8, 24, 32})});
        }
        return list;
    }
    model::ConnectionTimeouts timeouts() {
        model::ConnectionTimeouts timeouts;
        timeouts.established = std::chrono::seconds(1 + below(1000));
        timeouts.udp = std::chrono::seconds(1 + below(1000));
        return timeouts;
    }

    std::mt19937 random_;
};

}  // namespace shoal::dataplane
