#include <gtest/gtest.h>

#include <sstream>

#include "dataplane/bpf/testing/packet_path.h"

// IPVS's TCP states: the table of the kernel, written down a second time, and what the counts make
// of it.

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint client{"198.51.100.7", 40000};
constexpr Endpoint vip{"192.0.2.80", 80};
constexpr Endpoint real{"10.0.0.1", 80};

// One row: the flag, and the next states from NO ES SS SR FW TW CL CW LA LI SA.
struct Row {
    std::uint8_t flags;
    const char* next;
};
struct Table {
    const char* name;
    shoal_method method;
    bool reply;
    std::vector<Row> rows;
    bool secure = false;
};

void PrintTo(const Table& table, std::ostream* out) {
    *out << table.name;
}

const Table tables[] = {
    {"in",
     SHOAL_METHOD_NAT,
     false,
     {{syn, "SR ES ES SR SR SR* SR* SR SR SR SR"},
      {fin, "CL CW SS TW TW TW CL CW LA LI TW"},
      {ack, "ES ES SS ES FW TW CL CW CL LI ES"},
      {rst, "CL CL CL SR CL CL CL CL LA LI SR"}}},
    {"out",
     SHOAL_METHOD_NAT,
     true,
     {{syn, "SS ES SS SR SS SS SS SS SS LI SR"},
      {fin, "TW FW SS TW FW TW CL TW LA LI TW"},
      {ack, "ES ES SS ES FW TW CL CW LA ES ES"},
      {rst, "CL CL SS CL CL TW CL CL CL CL CL"}}},
    {"input_only",
     SHOAL_METHOD_DIRECT,
     false,
     {{syn, "SR ES ES SR SR SR* SR* SR SR SR SR"},
      {fin, "CL FW SS TW FW TW CL CW LA LI TW"},
      {ack, "ES ES SS ES FW TW CL CW CL LI ES"},
      {rst, "CL CL CL SR CL CL CL CL LA LI CL"}}},
    {"secure_in",
     SHOAL_METHOD_NAT,
     false,
     {{syn, "SR ES ES SR SR SR* SR* SR SR SR SA"},
      {fin, "CL CW SS TW TW TW CL CW LA LI SA"},
      {ack, "ES ES SS SR FW TW CL CW CL LI SA"},
      {rst, "CL CL CL SR CL CL CL CL LA LI CL"}},
     true},
    {"secure_out",
     SHOAL_METHOD_NAT,
     true,
     {{syn, "SS ES SS SA SS SS SS SS SS LI SA"},
      {fin, "TW FW SS TW FW TW CL TW LA LI TW"},
      {ack, "ES ES SS ES FW TW CL CW LA ES ES"},
      {rst, "CL CL SS CL CL TW CL CL CL CL CL"}},
     true},
    {"secure_input_only",
     SHOAL_METHOD_DIRECT,
     false,
     {{syn, "SA ES ES SR SA SA* SA* SA SA SA SA"},
      {fin, "CL FW SS TW FW TW CL CW LA LI TW"},
      {ack, "ES ES SS ES FW TW CL CW CL LI ES"},
      {rst, "CL CL CL SR CL CL CL CL LA LI CL"}},
     true},
};
const std::string state_names[] = {"NO", "ES", "SS", "SR", "FW", "TW",
                                   "CL", "CW", "LA", "LI", "SA"};

bool is_active(unsigned state) {
    const auto& name = state_names[state];
    return name == "ES" || name == "SS" || name == "SR" || name == "SA";
}

std::vector<std::string> words(const std::string& text) {
    std::vector<std::string> result;
    std::istringstream stream(text);
    for (std::string word; stream >> word;)
        result.push_back(word);
    return result;
}

class TcpStates : public ::testing::TestWithParam<Table> {
  protected:
    PacketPath path;

    std::string state_of(const shoal_connection& connection) {
        return state_names[connection.word & SHOAL_WORD_STATE_MASK];
    }
    /// Puts the connection into a state, counts included.
    void set_state(shoal_connection& connection, unsigned state) {
        const auto generation = connection.word & 0xffff0000U;
        const std::uint32_t inactive = is_active(state) ? 0 : SHOAL_WORD_INACTIVE;
        connection.word = generation | inactive | state;
        path.load(0) = inactive ? SHOAL_LOAD_INACTIVE_ONE : SHOAL_LOAD_ACTIVE_ONE;
    }
};

TEST_P(TcpStates, follow_the_kernels_table_and_are_counted) {
    const auto& table = GetParam();
    path.serve({{.address = "10.0.0.1", .method = table.method}});
    path.settings().secure_tcp = table.secure;
    for (const auto& row : table.rows) {
        const auto expected = words(row.next);
        ASSERT_EQ(expected.size(), std::size(state_names));
        for (unsigned state = 0; state < expected.size(); ++state) {
            // A SYN in TIME_WAIT or CLOSE begins a connection of its own: tested below.
            if (expected[state].ends_with('*')) continue;
            for (const auto& connection : path.live())
                path.connections()[static_cast<std::size_t>(connection - path.connections().data())]
                    .word = SHOAL_STATE_DEAD;
            path.sweep();
            path.load(0) = 0;
            path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
            auto& connection = path.only_connection();
            EXPECT_EQ(state_of(connection),
                      table.secure && table.method != SHOAL_METHOD_NAT ? "SA" : "SR");
            set_state(connection, state);
            path.run(Hook::tc, table.reply ? PacketBuilder::tcp(real, client, row.flags)
                                           : PacketBuilder::tcp(client, vip, row.flags));
            EXPECT_EQ(state_of(connection), expected[state])
                << state_names[state] << " flags " << int(row.flags);
            const bool active = is_active(connection.word & SHOAL_WORD_STATE_MASK);
            EXPECT_EQ(path.active(0), active ? 1U : 0U);
            EXPECT_EQ(path.inactive(0), active ? 0U : 1U);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Tables, TcpStates, ::testing::ValuesIn(tables),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(TcpStatesOf, a_whole_connection_ends_in_time_wait) {
    PacketPath path;
    path.serve({{"10.0.0.1"}});
    const auto in = [&](std::uint8_t flags) {
        path.run(Hook::xdp, PacketBuilder::tcp(client, vip, flags));
    };
    const auto out = [&](std::uint8_t flags) {
        path.run(Hook::tc, PacketBuilder::tcp(real, client, flags));
    };
    const auto state = [&] { return path.only_connection().word & SHOAL_WORD_STATE_MASK; };
    in(syn);
    EXPECT_EQ(state(), SHOAL_STATE_SYN_RECV);
    out(syn | ack);
    EXPECT_EQ(state(), SHOAL_STATE_SYN_RECV);
    in(ack);
    EXPECT_EQ(state(), SHOAL_STATE_ESTABLISHED);
    EXPECT_EQ(path.active(0), 1U);
    out(fin | ack);
    EXPECT_EQ(state(), SHOAL_STATE_FIN_WAIT);
    EXPECT_EQ(path.active(0), 0U);
    EXPECT_EQ(path.inactive(0), 1U);
    in(fin | ack);
    EXPECT_EQ(state(), SHOAL_STATE_TIME_WAIT);
    in(ack);
    EXPECT_EQ(state(), SHOAL_STATE_TIME_WAIT);
}

TEST(TcpStatesOf, flags_are_looked_at_in_the_order_rst_syn_fin_ack) {
    PacketPath path;
    path.serve({{"10.0.0.1"}});
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, ack));
    const auto state = [&] { return path.only_connection().word & SHOAL_WORD_STATE_MASK; };
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn | fin | ack));
    EXPECT_EQ(state(), SHOAL_STATE_ESTABLISHED) << "as a SYN";
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, rst | syn | fin | ack));
    EXPECT_EQ(state(), SHOAL_STATE_CLOSE) << "as a RST";
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn | fin | ack));
    EXPECT_EQ(state(), SHOAL_STATE_SYN_RECV) << "as a SYN, of a new connection";
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, 0));
    EXPECT_EQ(state(), SHOAL_STATE_CLOSE) << "none of the four closes";
}

// ---- A SYN after the end

class Afterwards : public ::testing::Test {
  protected:
    PacketPath path;

    /// A connection with server 0 of the pool that is in TIME_WAIT, or in CLOSE.
    void leave_behind(bool time_wait) {
        path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
        if (time_wait)
            path.run(Hook::tc, PacketBuilder::tcp(client, vip, fin));
        else
            path.run(Hook::tc, PacketBuilder::tcp(client, vip, 0));
        ASSERT_EQ(path.only_connection().word & SHOAL_WORD_STATE_MASK,
                  time_wait ? SHOAL_STATE_TIME_WAIT : SHOAL_STATE_CLOSE);
        ASSERT_EQ(path.only_connection().server, 0U);
    }
};

TEST_F(Afterwards, it_is_scheduled_afresh_whatever_else_is_set) {
    path.serve({{"10.0.0.1"}, {"10.0.0.2"}});
    for (const bool time_wait : {true, false})
        for (const auto flags : {syn, std::uint8_t(syn | ack), std::uint8_t(syn | fin)}) {
            leave_behind(time_wait);
            EXPECT_EQ(path.run(Hook::xdp, PacketBuilder::tcp(client, vip, flags)).verdict,
                      "new_connection");
            EXPECT_EQ(path.only_connection().server, 1U);
            EXPECT_EQ(path.load(0), 0U);
            EXPECT_EQ(path.only_connection().word & SHOAL_WORD_STATE_MASK, SHOAL_STATE_SYN_RECV);
            path.age(100000);
            path.sweep();
        }
}

TEST_F(Afterwards, with_a_rst_it_ends_the_old_and_opens_nothing) {
    path.serve({{"10.0.0.1"}});
    for (const bool time_wait : {true, false}) {
        leave_behind(time_wait);
        EXPECT_EQ(path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn | rst)).verdict,
                  "no_connection");
        EXPECT_TRUE(path.live().empty());
        EXPECT_EQ(path.load(0), 0U);
    }
}

TEST_F(Afterwards, the_old_one_counts_while_the_new_one_is_scheduled) {
    path.serve({{"10.0.0.1"}, {"10.0.0.2"}}, SHOAL_SCHEDULER_LC);
    leave_behind(true);
    path.run(Hook::xdp, PacketBuilder::tcp(client, vip, syn));
    EXPECT_EQ(path.only_connection().server, 1U) << "without it server 0 would be as good";
    EXPECT_EQ(path.load(0), 0U);
    EXPECT_EQ(path.active(1), 1U);
}

TEST_F(Afterwards, and_against_the_threshold) {
    path.serve({{"10.0.0.1"}});
    path.load_record(0).upper = 1;
    leave_behind(true);
    const auto packet = PacketBuilder::tcp(client, vip, syn);
    EXPECT_EQ(path.run(Hook::tc, packet).verdict, "no_server");
    EXPECT_TRUE(path.live().empty()) << "it is over all the same";
    EXPECT_EQ(path.load(0), 0U);
    EXPECT_EQ(path.run(Hook::tc, packet).verdict, "new_connection");
}

TEST(UdpState, is_always_inactive) {
    PacketPath path;
    path.serve({{"10.0.0.1"}}, SHOAL_SCHEDULER_RR, 17);
    EXPECT_EQ(path.run(Hook::xdp, PacketBuilder::udp(client, vip)).verdict, "new_connection");
    EXPECT_EQ(path.run(Hook::xdp, PacketBuilder::udp(client, vip)).verdict, "forwarded");
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::udp(real, client)).verdict, "replied");
    EXPECT_EQ(path.active(0), 0U);
    EXPECT_EQ(path.inactive(0), 1U);
    EXPECT_EQ(path.only_connection().word & SHOAL_WORD_STATE_MASK, SHOAL_STATE_UDP);
}

}  // namespace
}  // namespace shoal::dataplane::testing
