#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "dataplane/bpf/bpf_dataplane.h"
#include "dataplane/bpf/tables.h"

// Only for tests.

namespace shoal::dataplane {

/// A BPF file system and a network namespace of its own for each test; both go with the process,
/// however it ends. Needs root.
class KernelFixture : public ::testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;

    std::filesystem::path pins() const { return root_ / "shoal"; }
    BpfOptions options() const { return {pins(), 1024}; }
    /// A data plane that must open.
    std::unique_ptr<BpfDataplane> open() const;
    /// An operation that must succeed.
    static void apply(BpfDataplane& dataplane, const Operation& operation);
    /// The maps as pinned, apart from any data plane object.
    Tables pinned_tables() const;
    /// A client's segment to web_service(), through the pinned program of the packet path. True
    /// where it was sent on to a real server.
    bool pass_segment(bool syn, std::uint16_t client_port = 40000) const;
    /// Runs a shell command that must succeed.
    static void run(const std::string& command);
    /// Standard output of a command.
    static std::string output_of(const std::string& command);

  private:
    std::filesystem::path root_;
};

net::Address address(const char* text);
/// tcp 192.0.2.80:80
ServiceKey web_service();
/// Real server 10.0.0.`last`:80 by NAT.
Server real_server(int last, std::uint32_t weight = 1);

}  // namespace shoal::dataplane
