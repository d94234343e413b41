#pragma once

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <linux/pkt_cls.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

#include "dataplane/bpf/bpf_dataplane.h"
#include "dataplane/bpf/kernel_fixture.h"
#include "dataplane/bpf/libbpf_options.h"
#include "dataplane/bpf/successor.h"

// Two tables, one behind the other, with virtual servers and segments that go through both.

namespace shoal::dataplane {

inline constexpr std::uint8_t syn = 0x02;
inline constexpr std::uint8_t rst = 0x04;
inline constexpr std::uint8_t ack = 0x10;

/// A TCP segment to a virtual server, or from a real one.
struct Segment {
    const char* from = "198.51.100.7";
    std::uint16_t from_port = 40000;
    const char* to = "192.0.2.80";
    std::uint16_t to_port = 80;
    std::uint8_t flags = ack;
};

inline std::array<unsigned char, 54> frame_of(const Segment& segment) {
    std::array<unsigned char, 54> packet{};
    packet[12] = 0x08;
    packet[14] = 0x45;
    packet[17] = 40;
    packet[22] = 64;
    packet[23] = 6;
    const auto from = address(segment.from).bytes();
    const auto to = address(segment.to).bytes();
    std::copy_n(from.begin(), 4, &packet[26]);
    std::copy_n(to.begin(), 4, &packet[30]);
    packet[34] = static_cast<unsigned char>(segment.from_port >> 8);
    packet[35] = static_cast<unsigned char>(segment.from_port);
    packet[36] = static_cast<unsigned char>(segment.to_port >> 8);
    packet[37] = static_cast<unsigned char>(segment.to_port);
    packet[46] = 0x50;
    packet[47] = segment.flags;
    return packet;
}

/// Of a client of IPv6.
inline std::array<unsigned char, 74> ipv6_frame(std::uint16_t port, std::uint8_t flags) {
    std::array<unsigned char, 74> packet{};
    packet[12] = 0x86;
    packet[13] = 0xdd;
    packet[14] = 0x60;
    packet[19] = 20;
    packet[20] = 6;
    packet[21] = 64;
    std::ranges::copy(address("2001:db8:1::7").bytes(), &packet[22]);
    std::ranges::copy(address("2001:db8:80::80").bytes(), &packet[38]);
    packet[54] = static_cast<unsigned char>(port >> 8);
    packet[55] = static_cast<unsigned char>(port);
    packet[57] = 80;
    packet[66] = 0x50;
    packet[67] = flags;
    return packet;
}

/// Of a UDP datagram to the virtual server, from byte 8 on.
inline std::array<unsigned char, 54> late_fragment() {
    auto packet = frame_of({});
    packet[19] = 7;  // identification
    packet[21] = 1;  // offset
    packet[23] = 17;
    return packet;
}

/// The tc programs in the order in which a device has them.
class Path {
  public:
    explicit Path(const std::filesystem::path& pins) {
        for (const char* name : {"shoal_tc", "successor/shoal_tc"}) {
            Descriptor program(bpf_obj_get((pins / name).c_str()));
            if (program) programs_.push_back(std::move(program));
        }
    }
    /// Whether the first program that decides sends it out by a device.
    bool redirects(const std::array<unsigned char, 54>& packet) const {
        for (const auto& program : programs_) {
            LibbpfOptions<bpf_test_run_opts> options;
            options.data_in = packet.data();
            options.data_size_in = static_cast<__u32>(packet.size());
            options.repeat = 1;
            if (bpf_prog_test_run_opts(program.get(), &options) != 0) return false;
            if (options.retval != static_cast<std::uint32_t>(TC_ACT_UNSPEC))
                return options.retval == TC_ACT_REDIRECT;
        }
        return false;
    }
    /// The last byte of the address that it is sent on to; 0: it is not.
    int send(const Segment& segment) const { return send(frame_of(segment), 33); }
    /// `last`: where the last byte of the destination is in the frame.
    template <std::size_t bytes>
    int send(std::array<unsigned char, bytes> packet, std::size_t last) const {
        for (const auto& program : programs_) {
            LibbpfOptions<bpf_test_run_opts> options;
            options.data_in = packet.data();
            options.data_size_in = packet.size();
            auto out = packet;
            options.data_out = out.data();
            options.data_size_out = out.size();
            options.repeat = 1;
            if (bpf_prog_test_run_opts(program.get(), &options) != 0) return -1;
            if (options.retval == TC_ACT_REDIRECT) return out[last];
            if (options.retval != static_cast<std::uint32_t>(TC_ACT_UNSPEC)) return 0;
        }
        return 0;
    }

  private:
    std::vector<Descriptor> programs_;
};

/// A data plane whose connections are moved.
class MovingTables : public KernelFixture {
  protected:
    std::unique_ptr<BpfDataplane> dataplane;

    void serve(const ServiceOptions& options = {}) {
        dataplane = open();
        add(web_service(), options);
    }
    void add(const ServiceKey& key, const ServiceOptions& options) {
        apply(*dataplane, AddService{key, options});
        for (int last = 1; last <= 3; ++last) {
            Server server = real_server(last);
            server.key.port = key.port.first;
            apply(*dataplane, AddServer{key, server});
            const NextHop hop{1, {}, server.key.address, net::MacAddress{}};
            ASSERT_TRUE(dataplane->set_next_hop(server.key.address, hop));
        }
    }
    void add_ipv6(const ServiceOptions& options = {}) {
        const ServiceKey key{model::Protocol::tcp, address("2001:db8:80::80"), 80};
        apply(*dataplane, AddService{key, options});
        for (const char* name : {"2001:db8:a::1", "2001:db8:a::2", "2001:db8:a::3"}) {
            Server server = real_server(1);
            server.key.address = address(name);
            apply(*dataplane, AddServer{key, server});
            const NextHop hop{1, {}, server.key.address, net::MacAddress{}};
            ASSERT_TRUE(dataplane->set_next_hop(server.key.address, hop));
        }
    }
    int send(const Segment& segment) const { return Path(pins()).send(segment); }
    int send_ipv6(std::uint16_t port, std::uint8_t flags) const {
        return Path(pins()).send(ipv6_frame(port, flags), 53);
    }
    int open_connection(std::uint16_t port, const char* client = "198.51.100.7") const {
        const int server = send({.from = client, .from_port = port, .flags = syn});
        EXPECT_EQ(send({.from = client, .from_port = port, .flags = ack}), server);
        return server;
    }
    void resize(std::uint32_t cells) { apply(*dataplane, SetTableSize{cells}); }
    /// Until the former table is empty and gone.
    static void finish(BpfDataplane& dataplane) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (std::chrono::steady_clock::now() < end) {
            const auto work = dataplane.advance();
            ASSERT_TRUE(work) << work.error().message;
            if (*work == Work::none) return;
            if (*work == Work::waiting) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        FAIL() << "connections do not leave the former table";
    }
    void expect_one_table(std::uint32_t cells) const {
        EXPECT_EQ(dataplane->observe()->table_size, cells);
        EXPECT_EQ(dataplane->statistics()->table.size, cells);
        EXPECT_EQ(dataplane->statistics()->table.former_size, 0U);
        EXPECT_FALSE(std::filesystem::exists(pins() / successor_directory));
        EXPECT_FALSE(std::filesystem::exists(pins() / promoted_directory));
        EXPECT_THAT(*dataplane->self_check(), ::testing::IsEmpty());
    }
    std::uint32_t active() const {
        std::uint32_t sum = 0;
        for (const auto& service : dataplane->statistics()->services)
            for (const auto& server : service.servers)
                sum += server.active + server.inactive;
        return sum;
    }
};

}  // namespace shoal::dataplane
