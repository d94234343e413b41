#include "programs/socket_runner.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <deque>

#include "programs/local_runner.h"
#include "programs/order_format.h"
#include "programs/run_server.h"
#include "programs/testing.h"

namespace shoal::programs {
namespace {

constexpr Milliseconds ample{60'000};

int listen_at(const std::string& path) {
    ::unlink(path.c_str());
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(descriptor, 16), 0);
    return descriptor;
}

/// What shoal-run is but for its process; on the test's loop.
struct Served {
    Served(boost::asio::io_context& loop, const std::string& path,
           std::set<uid_t> allowed = {::getuid()})
        : runner(loop), server(loop, listen_at(path), std::move(allowed), runner) {}
    LocalRunner runner;
    RunServer server;
};

class SocketRunnerTest : public testing::Test {
  protected:
    std::optional<ProgramResult>& run(std::vector<std::string> words,
                                      Milliseconds timeout = ample) {
        auto& result = results_.emplace_back();
        runner_.run({.words = std::move(words), .timeout = timeout},
                    [&result](const ProgramResult& ended) { result = ended; });
        return result;
    }
    bool ended(const std::optional<ProgramResult>& result) {
        return run_until(loop_, [&] { return result.has_value(); });
    }

    Folder folder_;
    boost::asio::io_context loop_;
    std::string path_ = folder_.file("run.socket");
    std::deque<std::optional<ProgramResult>> results_;
    SocketRunner runner_{loop_, path_};
};

TEST_F(SocketRunnerTest, programs_run_behind_the_socket) {
    const Served served(loop_, path_);
    std::vector<std::optional<ProgramResult>*> results;
    for (int number = 0; number < 50; ++number)
        results.push_back(&run({"/bin/echo", std::to_string(number)}));
    for (int number = 0; number < 50; ++number) {
        ASSERT_TRUE(ended(*results[static_cast<std::size_t>(number)]));
        EXPECT_EQ(results[static_cast<std::size_t>(number)]->value().output,
                  std::to_string(number) + "\n");
    }
}

TEST_F(SocketRunnerTest, without_shoal_run_nothing_is_asked_until_it_is_there) {
    auto& before = run({"/bin/echo", "OK"});
    EXPECT_FALSE(before) << "never from within the call";
    ASSERT_TRUE(ended(before));
    EXPECT_EQ(before->end, End::not_asked);
    EXPECT_EQ(before->reason, "shoal-run is not running (no socket at " + path_ + ")");
    const Served served(loop_, path_);
    auto& after = run({"/bin/echo", "OK"});
    ASSERT_TRUE(ended(after));
    EXPECT_EQ(after->output, "OK\n");
}

TEST_F(SocketRunnerTest, when_shoal_run_dies_what_is_under_way_was_not_asked) {
    auto served_loop = std::make_unique<boost::asio::io_context>();
    auto served = std::make_unique<Served>(*served_loop, path_);
    auto& under_way = run({"/bin/sleep", "1000"});
    // Until the order has come and the program runs.
    const auto children = "/proc/self/task/" + std::to_string(::getpid()) + "/children";
    ASSERT_TRUE(run_until(loop_, [&] {
        served_loop->poll();
        pid_t child = 0;
        return bool(std::ifstream(children) >> child);
    }));
    served.reset();
    served_loop.reset();
    ASSERT_TRUE(ended(under_way));
    EXPECT_EQ(under_way->end, End::not_asked);
    EXPECT_EQ(under_way->reason, "shoal-run ended");
    const Served another(loop_, path_);
    auto& after = run({"/bin/echo", "again"});
    ASSERT_TRUE(ended(after));
    EXPECT_EQ(after->output, "again\n");
}

TEST_F(SocketRunnerTest, a_silent_shoal_run_is_given_up) {
    const int silent = listen_at(path_);
    auto& result = run({"/bin/echo", "OK"}, Milliseconds(10));
    ASSERT_TRUE(ended(result));
    EXPECT_EQ(result->end, End::not_asked);
    EXPECT_EQ(result->reason, "shoal-run does not answer");
    ::close(silent);
}

TEST_F(SocketRunnerTest, an_order_that_cannot_be_written_is_not_asked) {
    const Served served(loop_, path_);
    auto& result = run({"echo"});
    ASSERT_TRUE(ended(result));
    EXPECT_EQ(result->end, End::not_asked);
    EXPECT_EQ(result->reason, "a program needs an absolute path");
}

TEST_F(SocketRunnerTest, others_than_those_allowed_are_sent_away) {
    const Served served(loop_, path_, {4'000'000});
    auto& result = run({"/usr/bin/touch", folder_.file("ran")});
    ASSERT_TRUE(ended(result));
    EXPECT_EQ(result->end, End::not_asked);
    EXPECT_FALSE(exists(folder_.file("ran")));
}

using Protocol = boost::asio::local::stream_protocol;

TEST_F(SocketRunnerTest, what_is_no_order_ends_the_connection_and_no_other) {
    const Served served(loop_, path_);
    auto& well = run({"/bin/echo", "OK"});
    Protocol::socket hostile(loop_);
    hostile.connect(Protocol::endpoint(path_));
    boost::asio::write(hostile, boost::asio::buffer(std::string("\xff\xff\xff\xffGET /")));
    bool ended_by_server = false;
    char byte = 0;
    boost::asio::async_read(hostile, boost::asio::buffer(&byte, 1),
                            [&](boost::system::error_code error, std::size_t) {
                                ended_by_server = static_cast<bool>(error);
                            });
    EXPECT_TRUE(run_until(loop_, [&] { return ended_by_server; }));
    ASSERT_TRUE(ended(well));
    EXPECT_EQ(well->output, "OK\n");
    auto& after = run({"/bin/echo", "on"});
    ASSERT_TRUE(ended(after));
    EXPECT_EQ(after->output, "on\n");
}

TEST_F(SocketRunnerTest, a_hostile_answer_loses_the_connection_alone) {
    const int descriptor = listen_at(path_);
    auto& result = run({"/bin/echo", "OK"});
    const int accepted = ::accept(descriptor, nullptr, nullptr);
    ASSERT_GE(accepted, 0);
    ASSERT_EQ(::write(accepted, "\0\0\0\1x", 5), 5);
    ASSERT_TRUE(ended(result));
    EXPECT_EQ(result->end, End::not_asked);
    ::close(accepted);
    ::close(descriptor);
}

TEST_F(SocketRunnerTest, callbacks_go_with_the_runner) {
    const Served served(loop_, path_);
    bool called = false;
    {
        SocketRunner another(loop_, path_);
        another.run({.words = {"/bin/echo"}, .timeout = ample},
                    [&](const ProgramResult&) { called = true; });
    }
    auto& result = run({"/bin/echo", "OK"});
    ASSERT_TRUE(ended(result));
    EXPECT_FALSE(called);
}

}  // namespace
}  // namespace shoal::programs
