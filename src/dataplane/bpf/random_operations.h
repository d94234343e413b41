#pragma once

#include <random>

#include "dataplane/bpf/kernel_fixture.h"

// Only for tests.

namespace shoal::dataplane {

/// Operations on few virtual and real servers, so that many of them meet: some are refused.
class RandomOperations {
  public:
    explicit RandomOperations(unsigned seed) : random_(seed) {}

    Operation next() {
        switch (below(9)) {
            case 0:
                return AddService{service(), scheduler()};
            case 1:
                return EditService{service(), scheduler()};
            case 2:
                return RemoveService{service()};
            case 3:
            case 4:
            case 5:
                return AddServer{service(), server()};
            case 6:
                return EditServer{service(), server()};
            case 7:
                return RemoveServer{service(), server().key};
            default:
                return SetTimeouts{timeouts()};
        }
    }

    unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }

  private:
    ServiceKey service() {
        ServiceKey key = web_service();
        if (below(2) == 0) key.protocol = model::Protocol::udp;
        key.port = static_cast<std::uint16_t>(80 + below(2));
        return key;
    }
    Server server() {
        Server server = real_server(static_cast<int>(1 + below(4)), below(5));
        if (below(3) == 0) server.method = model::ForwardingMethod::direct;
        return server;
    }
    model::Scheduler scheduler() { return static_cast<model::Scheduler>(below(4)); }
    model::ConnectionTimeouts timeouts() {
        model::ConnectionTimeouts timeouts;
        timeouts.established = std::chrono::seconds(1 + below(1000));
        timeouts.udp = std::chrono::seconds(1 + below(1000));
        return timeouts;
    }

    std::mt19937 random_;
};

}  // namespace shoal::dataplane
