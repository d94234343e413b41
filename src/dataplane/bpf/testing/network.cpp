#include "dataplane/bpf/testing/network.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace shoal::dataplane::testing {
namespace {

void run(const std::string& command) {
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

std::string to_string(const Mac& mac) {
    char text[18];
    std::snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                  mac[3], mac[4], mac[5]);
    return text;
}

}  // namespace

Network::Network() {
    before_ = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (before_ < 0 || unshare(CLONE_NEWNET) != 0) throw std::runtime_error("no network namespace");
    run("ip link set lo up");
    run("ip link add wan address " + to_string(mac_) + " type veth peer name far");
    run("ip addr add 172.31.0.1/24 dev wan");
    run("ip link set wan up");
    run("ip link set far up");
    run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
    run("ip addr add 2001:db8:31::1/64 dev wan nodad");
    device_ = if_nametoindex("wan");
}

Network::~Network() {
    if (setns(before_, CLONE_NEWNET) != 0) std::perror("going back to the first network namespace");
    close(before_);
}

void Network::add_route(const std::string& prefix, const std::string& gateway) {
    run("ip route add " + prefix + " via " + gateway);
}

void Network::add_neighbour(const std::string& address, const Mac& mac) {
    run("ip neighbour replace " + address + " lladdr " + to_string(mac) + " dev wan");
}

}  // namespace shoal::dataplane::testing
