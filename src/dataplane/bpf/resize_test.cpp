#include <bpf/bpf.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <set>

#include "dataplane/bpf/fragment_holder.h"
#include "dataplane/bpf/moving_tables.h"
#include "dataplane/bpf/pin_directory.h"
#include "dataplane/bpf/tc_filters.h"

// Tables of another size: connections move there and are served all the time.

namespace shoal::dataplane {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ResizeTest : public MovingTables {};

TEST_F(ResizeTest, connections_move_to_a_larger_table_and_keep_their_servers) {
    serve();
    std::array<int, 300> servers{};
    for (std::uint16_t i = 0; i < servers.size(); ++i)
        servers[i] = open_connection(static_cast<std::uint16_t>(2000 + i));
    ASSERT_THAT(std::set<int>(servers.begin(), servers.end()), ::testing::SizeIs(3));
    resize(4096);
    EXPECT_EQ(dataplane->observe()->table_size, 4096U);
    EXPECT_EQ(dataplane->statistics()->table.former_size, 1024U);
    EXPECT_EQ(active(), 300U);
    finish(*dataplane);
    expect_one_table(4096);
    EXPECT_EQ(active(), 300U);
    for (std::uint16_t i = 0; i < servers.size(); ++i) {
        EXPECT_EQ(send({.from_port = static_cast<std::uint16_t>(2000 + i)}), servers[i]) << i;
    }
    EXPECT_EQ(dataplane->statistics()->services[0].counters.connections, 300U)
        << "none was opened twice";
}

TEST_F(ResizeTest, connections_of_ipv6_move_too) {
    dataplane = open();
    add_ipv6();
    std::array<int, 60> servers{};
    for (std::uint16_t i = 0; i < servers.size(); ++i)
        servers[i] = send_ipv6(static_cast<std::uint16_t>(2000 + i), syn);
    ASSERT_THAT(std::set<int>(servers.begin(), servers.end()), ::testing::SizeIs(3));
    resize(4096);
    for (const bool moved : {false, true}) {
        if (moved) finish(*dataplane);
        for (std::uint16_t i = 0; i < servers.size(); ++i)
            ASSERT_EQ(send_ipv6(static_cast<std::uint16_t>(2000 + i), ack), servers[i]) << i;
        EXPECT_NE(send_ipv6(moved ? 4001 : 4000, syn), 0);
    }
    expect_one_table(4096);
    EXPECT_EQ(active(), 62U);
}

TEST_F(ResizeTest, while_they_move_new_ones_open_in_the_new_table) {
    serve();
    const int server = open_connection(2000);
    resize(2048);
    const int other = open_connection(3000);
    EXPECT_NE(other, 0);
    EXPECT_EQ(send({.from_port = 2000}), server);
    EXPECT_EQ(active(), 2U);
    EXPECT_THAT(*dataplane->self_check(), IsEmpty());
    std::vector<std::uint16_t> shown;
    std::optional<std::uint32_t> from = 0;
    while (from) {
        const auto page = dataplane->connections({}, *from, 512);
        for (const auto& connection : page->connections)
            shown.push_back(connection.client_port);
        from = page->next;
    }
    EXPECT_THAT(shown, ::testing::UnorderedElementsAre(2000, 3000));
    finish(*dataplane);
    expect_one_table(2048);
    EXPECT_EQ(send({.from_port = 2000}), server);
    EXPECT_EQ(send({.from_port = 3000}), other);
    EXPECT_EQ(send({.from_port = 4000}), 0) << "and nothing that never began";
}

TEST_F(ResizeTest, a_connection_keeps_its_state_and_its_times) {
    serve();
    // However slow this machine is.
    model::ConnectionTimeouts timeouts;
    timeouts.close = std::chrono::hours(1);
    apply(*dataplane, SetTimeouts{timeouts});
    open_connection(2000);
    open_connection(2001);
    send({.from_port = 2001, .flags = rst});
    const auto before = dataplane->connections({}, 0, 1024)->connections;
    ASSERT_EQ(before.size(), 2U);
    resize(4096);
    finish(*dataplane);
    const auto after = dataplane->connections({}, 0, 4096)->connections;
    ASSERT_EQ(after.size(), 2U);
    for (const auto& connection : before) {
        const auto same =
            std::ranges::find(after, connection.client_port, &model::Connection::client_port);
        ASSERT_NE(same, after.end());
        EXPECT_EQ(same->state, connection.state);
        EXPECT_EQ(same->real_address, connection.real_address);
    }
    expect_one_table(4096);
}

TEST_F(ResizeTest, clients_stay_with_their_servers_before_meanwhile_and_after) {
    ServiceOptions options;
    options.persistence = model::Persistence{.timeout = std::chrono::seconds(300)};
    serve(options);
    const std::array<const char*, 3> clients{"198.51.100.7", "198.51.100.8", "198.51.100.9"};
    std::array<int, 3> servers{};
    for (std::size_t i = 0; i < clients.size(); ++i)
        servers[i] = open_connection(2000, clients[i]);
    resize(8192);
    for (std::size_t i = 0; i < clients.size(); ++i)
        EXPECT_EQ(open_connection(2001, clients[i]), servers[i]);
    while (*dataplane->advance() == Work::more) {
        for (std::size_t i = 0; i < clients.size(); ++i)
            EXPECT_EQ(send({.from = clients[i], .from_port = 2000}), servers[i]);
    }
    finish(*dataplane);
    for (std::size_t i = 0; i < clients.size(); ++i)
        EXPECT_EQ(open_connection(2002, clients[i]), servers[i]);
    expect_one_table(8192);
    std::uint32_t persistent = 0;
    for (const auto& server : dataplane->statistics()->services[0].servers)
        persistent += server.persistent;
    EXPECT_EQ(persistent, 3U);
}

TEST_F(ResizeTest, ftp_controls_are_counted_once_after_the_move) {
    serve();
    add({model::Protocol::tcp, address("192.0.2.21"), 21}, {});
    ASSERT_NE(send({.to = "192.0.2.21", .to_port = 21, .flags = syn}), 0);
    ASSERT_NE(send({.to = "192.0.2.21", .to_port = 21, .flags = ack}), 0);
    resize(4096);
    finish(*dataplane);
    const Tables tables = pinned_tables();
    shoal_ftp_key key{};
    shoal_ftp_control control{};
    ASSERT_EQ(bpf_map_get_next_key(tables.fd("ftp_controls"), nullptr, &key), 0);
    ASSERT_EQ(bpf_map_lookup_elem(tables.fd("ftp_controls"), &key, &control), 0);
    EXPECT_EQ(control.connections, 1U);
    EXPECT_NE(bpf_map_get_next_key(tables.fd("ftp_controls"), &key, &key), 0);
}

TEST_F(ResizeTest, a_smaller_table_takes_them_where_they_fit) {
    serve();
    resize(4096);
    finish(*dataplane);
    for (std::uint16_t port = 2000; port < 2800; ++port)
        open_connection(port);
    resize(1024);
    finish(*dataplane);
    expect_one_table(1024);
    EXPECT_EQ(active(), 800U);
    for (std::uint16_t port = 2000; port < 2800; ++port)
        ASSERT_NE(send({.from_port = port}), 0) << port;
}

TEST_F(ResizeTest, a_table_that_is_too_small_or_no_table_at_all_is_refused) {
    serve();
    resize(4096);
    finish(*dataplane);
    for (std::uint16_t port = 2000; port < 3000; ++port)
        open_connection(port);
    const auto all_seen = [&] { return dataplane->statistics()->table.used >= 1000; };
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!all_seen() && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const auto refused = dataplane->apply(SetTableSize{1024});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message,
                HasSubstr("1024 cells is too small for the 1000 connections"));
    EXPECT_THAT(refused.error().message, HasSubstr("raise table_size"));
    EXPECT_FALSE(dataplane->apply(SetTableSize{3000}));
    expect_one_table(4096);
}

TEST_F(ResizeTest, where_a_kill_interrupts_it_the_next_shoald_goes_on) {
    serve();
    std::array<int, 200> servers{};
    for (std::uint16_t i = 0; i < servers.size(); ++i)
        servers[i] = open_connection(static_cast<std::uint16_t>(2000 + i));
    dataplane.reset();
    for (const int steps : {0, 1}) {
        const std::uint32_t cells = steps == 0 ? 16384 : 1024;
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            const auto mine = open();
            apply(*mine, SetTableSize{cells});
            for (int i = 0; i < steps; ++i)
                static_cast<void>(mine->advance());
            ::kill(::getpid(), SIGKILL);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status));
        for (std::uint16_t i = 0; i < servers.size(); ++i)
            ASSERT_EQ(send({.from_port = static_cast<std::uint16_t>(2000 + i)}), servers[i]);
        dataplane = open();
        EXPECT_TRUE(dataplane->adopted());
        finish(*dataplane);
        expect_one_table(cells);
        for (std::uint16_t i = 0; i < servers.size(); ++i)
            ASSERT_EQ(send({.from_port = static_cast<std::uint16_t>(2000 + i)}), servers[i]);
        dataplane.reset();
    }
}

TEST_F(ResizeTest, interrupted_while_pins_change_places_it_is_finished_by_the_next_shoald) {
    serve();
    const int server = open_connection(2000);
    resize(4096);
    while (*dataplane->advance() != Work::waiting) {
    }
    dataplane.reset();
    // As if killed after the first of the renames that follow, the connections having moved.
    const auto directory = PinDirectory::open(pins()).value();
    ASSERT_TRUE(directory.rename(successor_directory, promoted_directory));
    ASSERT_TRUE(directory.rename("promoted/connections", "connections"));
    dataplane = open();
    EXPECT_EQ(*dataplane->advance(), Work::none);
    expect_one_table(4096);
    EXPECT_EQ(send({.from_port = 2000}), server);
}

TEST_F(ResizeTest, what_a_kill_left_of_a_new_table_is_cleared_away) {
    serve();
    const int server = open_connection(2000);
    resize(4096);
    dataplane.reset();
    const auto directory = PinDirectory::open(pins()).value();
    ASSERT_TRUE(directory.unpin("successor/settings"));
    dataplane = open();
    expect_one_table(1024);
    EXPECT_EQ(send({.from_port = 2000}), server);
}

TEST_F(ResizeTest, hooks_have_both_programs_meanwhile_and_one_afterwards) {
    run("ip link add wan0 type veth peer name client0");
    serve();
    apply(*dataplane, AttachHook{"wan0", model::HookChoice::tc});
    const auto filters = [] { return list_tc_filters(*find_device("wan0"))->ours; };
    const auto before = filters();
    ASSERT_EQ(before.size(), 1U);
    resize(4096);
    const auto meanwhile = filters();
    ASSERT_EQ(meanwhile.size(), 2U);
    EXPECT_EQ(meanwhile[0].place, Place::front);
    EXPECT_EQ(meanwhile[0].program, before[0].program);
    EXPECT_EQ(meanwhile[1].place, Place::behind);
    EXPECT_EQ(dataplane->observe()->hooks.at("wan0").wanted, model::HookChoice::tc);
    EXPECT_FALSE(dataplane->apply(DetachHook{"wan0"})) << "not while connections move";
    finish(*dataplane);
    const auto after = filters();
    ASSERT_EQ(after.size(), 1U);
    EXPECT_EQ(after[0].place, Place::front);
    EXPECT_EQ(after[0].program, meanwhile[1].program);
    apply(*dataplane, DetachHook{"wan0"});
    EXPECT_THAT(filters(), IsEmpty());
    EXPECT_THAT(output_of("tc qdisc show dev wan0"), ::testing::Not(HasSubstr("clsact")));
}

TEST_F(ResizeTest, withdrawn_meanwhile_it_leaves_nothing) {
    run("ip link add wan0 type veth peer name client0");
    serve();
    apply(*dataplane, AttachHook{"wan0", model::HookChoice::tc});
    open_connection(2000);
    resize(4096);
    ASSERT_TRUE(dataplane->withdraw());
    EXPECT_FALSE(std::filesystem::exists(pins()));
    EXPECT_THAT(list_tc_filters(*find_device("wan0"))->ours, IsEmpty());
}

TEST_F(ResizeTest, a_trace_goes_on_and_shows_each_packet_once) {
    serve();
    open_connection(2000);
    const auto trace = dataplane->begin_trace({});
    ASSERT_TRUE(trace) << trace.error().message;
    // Where this machine stands still for longer than a trace lives unread, once more.
    const auto verdicts_of = [&](std::uint64_t number, std::uint16_t new_port) {
        std::vector<std::string> seen;
        for (std::uint16_t attempt = 0; attempt < 50 && seen.size() < 2; ++attempt) {
            EXPECT_TRUE(dataplane->read_trace(number));
            send({.from_port = 2000});
            send({.from_port = static_cast<std::uint16_t>(new_port + attempt), .flags = syn});
            seen.clear();
            for (const auto& event : dataplane->read_trace(number).value_or(TracePage{}).events)
                seen.push_back(event.verdict);
        }
        return seen;
    };
    const auto expected = ::testing::ElementsAre("forwarded", "new_connection");
    EXPECT_THAT(verdicts_of(*trace, 3000), expected);
    resize(4096);
    EXPECT_THAT(verdicts_of(*trace, 4000), expected);
    finish(*dataplane);
    EXPECT_THAT(verdicts_of(*trace, 5000), expected);
}

TEST_F(ResizeTest, explain_asks_both_tables_while_connections_move) {
    serve();
    const int server = open_connection(2000);
    resize(4096);
    const int other = open_connection(3000);
    const auto told = [&](std::uint16_t port) {
        const PacketQuestion question{.protocol = model::Protocol::tcp,
                                      .client = address("198.51.100.7"),
                                      .client_port = port,
                                      .virtual_address = address("192.0.2.80"),
                                      .virtual_port = 80};
        const auto answer = dataplane->explain(question);
        EXPECT_TRUE(answer) << answer.error().message;
        return answer.value_or(Explanation{});
    };
    for (const bool moved : {false, true}) {
        if (moved) finish(*dataplane);
        EXPECT_EQ(told(2000).verdict, "forwarded");
        EXPECT_EQ(told(2000).real_server, fmt::format("10.0.0.{}:80", server));
        EXPECT_EQ(told(3000).verdict, "forwarded");
        EXPECT_EQ(told(3000).real_server, fmt::format("10.0.0.{}:80", other));
        EXPECT_EQ(told(4000).verdict, "new_connection");
    }
}

TEST_F(ResizeTest, early_fragments_are_held_before_meanwhile_and_after) {
    auto with_holder = options();
    with_holder.hold_fragments = true;
    dataplane = std::move(BpfDataplane::open(with_holder).value());
    add(web_service(), {});
    const auto holder = find_device(FragmentHolder::device_name);
    ASSERT_TRUE(holder);
    const auto filters = [&] { return list_tc_filters(*holder)->ours; };
    const auto before = filters();
    ASSERT_EQ(before.size(), 1U);
    const auto is_held = [&] { return Path(pins()).redirects(late_fragment()); };
    EXPECT_TRUE(is_held());
    open_connection(2000);
    resize(4096);
    EXPECT_TRUE(is_held());
    EXPECT_EQ(filters().size(), 2U);
    EXPECT_TRUE(dataplane->observe()->hooks.empty()) << "it is no device to serve clients on";
    finish(*dataplane);
    EXPECT_TRUE(is_held());
    ASSERT_EQ(filters().size(), 1U);
    EXPECT_NE(filters()[0].program, before[0].program);
    dataplane.reset();
    EXPECT_FALSE(is_held());
}

/// Packets of every connection on one CPU, new and ended connections on the other, and moves
/// without a pause.
TEST_F(ResizeTest, at_no_moment_is_a_connection_lost) {
    serve();
    std::array<int, 400> servers{};
    for (std::uint16_t i = 0; i < servers.size(); ++i)
        servers[i] = open_connection(static_cast<std::uint16_t>(2000 + i));
    for (const std::uint32_t cells : {4096U, 1024U, 8192U}) {
        resize(cells);
        const Path path(pins());
        std::atomic<bool> over = false;
        std::atomic<int> lost = 0;
        std::atomic<int> refused = 0;
        std::thread steady([&] {
            while (!over) {
                for (std::uint16_t i = 0; i < servers.size(); ++i) {
                    const auto port = static_cast<std::uint16_t>(2000 + i);
                    if (path.send({.from_port = port}) != servers[i]) ++lost;
                }
            }
        });
        std::thread coming([&] {
            for (std::uint16_t port = 20000; !over; port = port < 20300 ? port + 1 : 20000) {
                if (path.send({.from_port = port, .flags = syn}) == 0) ++refused;
                path.send({.from_port = port, .flags = ack});
                path.send({.from_port = port, .flags = rst});
            }
        });
        // The programs that packets run are those from before the end: it comes after they stop.
        while (dataplane->statistics()->table.former_size != 0) {
            const auto work = dataplane->advance();
            if (!work || *work != Work::more) break;
        }
        over = true;
        steady.join();
        coming.join();
        finish(*dataplane);
        EXPECT_EQ(lost, 0);
        EXPECT_EQ(refused, 0);
        expect_one_table(cells);
    }
}

}  // namespace
}  // namespace shoal::dataplane
