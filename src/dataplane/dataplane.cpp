#include "dataplane/dataplane.h"

#include <fmt/format.h>

#include "model/choices.h"

namespace shoal::dataplane {

namespace {

using model::name_of;

std::string with_port(const net::Address& address, std::uint16_t port) {
    return address.is_v6() ? fmt::format("[{}]:{}", address.to_string(), port)
                           : fmt::format("{}:{}", address.to_string(), port);
}

struct InWords {
    std::string operator()(const SetTimeouts&) const { return "set the connection timeouts"; }
    std::string operator()(const AddService& add) const {
        return fmt::format("add virtual server {} ({})", add.key.to_string(),
                           name_of(add.scheduler));
    }
    std::string operator()(const EditService& edit) const {
        return fmt::format("set the scheduler of {} to {}", edit.key.to_string(),
                           name_of(edit.scheduler));
    }
    std::string operator()(const RemoveService& remove) const {
        return fmt::format("remove virtual server {}", remove.key.to_string());
    }
    std::string operator()(const AddServer& add) const {
        return fmt::format("add real server {} to {}", add.server.key.to_string(),
                           add.service.to_string());
    }
    std::string operator()(const EditServer& edit) const {
        return fmt::format("set real server {} of {} to weight {}, {}", edit.server.key.to_string(),
                           edit.service.to_string(), edit.server.weight,
                           name_of(edit.server.method));
    }
    std::string operator()(const RemoveServer& remove) const {
        return fmt::format("remove real server {} from {}", remove.server.to_string(),
                           remove.service.to_string());
    }
    std::string operator()(const AttachHook& attach) const {
        return fmt::format("attach to device {} (hook {})", attach.device, name_of(attach.choice));
    }
    std::string operator()(const DetachHook& detach) const {
        return fmt::format("detach from device {}", detach.device);
    }
};

}  // namespace

std::string ServiceKey::to_string() const {
    return fmt::format("{} {}", protocol == model::Protocol::tcp ? "tcp" : "udp",
                       with_port(address, port));
}

std::string ServerKey::to_string() const {
    return with_port(address, port);
}

std::string to_string(const Operation& operation) {
    return std::visit(InWords{}, operation);
}

}  // namespace shoal::dataplane
