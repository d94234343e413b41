#include "dataplane/dataplane.h"

#include <fmt/format.h>

#include "model/choices.h"

namespace shoal::dataplane {

namespace {

using model::name_of;

std::string in_brackets(const net::Address& address) {
    return address.is_v6() ? fmt::format("[{}]", address.to_string()) : address.to_string();
}

std::string text_of(const model::PortRange& ports) {
    if (ports.is_any()) return "any";
    if (ports.is_single()) return fmt::to_string(ports.first);
    return fmt::format("{}-{}", ports.first, ports.last);
}

std::string with_port(const net::Address& address, std::uint16_t port) {
    return fmt::format("{}:{}", in_brackets(address), port);
}

struct InWords {
    std::string operator()(const SetTimeouts&) const { return "set the connection timeouts"; }
    std::string operator()(const SetTableSize& set) const {
        return fmt::format("move the connections to a table of {} cells", set.cells);
    }
    std::string operator()(const SetSecureTcp& set) const {
        return fmt::format("switch secure_tcp {}", set.secure_tcp ? "on" : "off");
    }
    std::string operator()(const AddService& add) const {
        return fmt::format("add virtual server {} ({})", add.key.to_string(),
                           name_of(add.options.scheduler));
    }
    std::string operator()(const EditService& edit) const {
        return fmt::format("change the options of {} ({})", edit.key.to_string(),
                           name_of(edit.options.scheduler));
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
    if (mark != 0) return fmt::format("mark {}{}", mark, address.is_v6() ? " over IPv6" : "");
    return fmt::format("{} {}:{}", name_of(protocol), in_brackets(address), text_of(port));
}

std::string ServerKey::to_string() const {
    return with_port(address, port);
}

std::string to_string(const Operation& operation) {
    return std::visit(InWords{}, operation);
}

Result<void> check_pool(model::Scheduler scheduler, std::size_t servers) {
    const auto most = model::most_real_servers(scheduler);
    if (servers <= most) return {};
    return fail(fmt::format("a virtual server has at most {} real servers under {}", most,
                            model::name_of(scheduler)));
}

}  // namespace shoal::dataplane
