#include "http/unix_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "http/test_server.h"

namespace shoal::http {
namespace {

using test::RawConnection;
using test::TemporaryFolder;
using testing::HasSubstr;

class ListeningSocketTest : public ::testing::Test {
  protected:
    TemporaryFolder folder;
    std::string path = folder.file("shoald.sock");
};

TEST_F(ListeningSocketTest, the_file_belongs_to_the_group_and_to_nobody_else) {
    const auto socket = ListeningSocket::open(path, gid_t{4711});
    ASSERT_TRUE(socket.has_value()) << socket.error().message;
    struct stat file{};
    ASSERT_EQ(::stat(path.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 07777, 0660U);
    EXPECT_EQ(file.st_gid, 4711U);
    EXPECT_TRUE(RawConnection(path).connected());
}

TEST_F(ListeningSocketTest, the_file_goes_with_the_socket) {
    {
        const auto socket = ListeningSocket::open(path, {});
        ASSERT_TRUE(std::filesystem::exists(path));
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ListeningSocketTest, a_second_one_is_told_that_somebody_listens) {
    const auto first = ListeningSocket::open(path, {});
    const auto second = ListeningSocket::open(path, {});
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().message, "another shoald is running: it listens on " + path);
    EXPECT_TRUE(RawConnection(path).connected());
}

TEST_F(ListeningSocketTest, what_a_killed_one_left_is_replaced) {
    const pid_t child = ::fork();
    if (child == 0) {
        auto socket = ListeningSocket::open(path, {});
        ::_exit(socket ? 0 : 1);  // no destructor runs
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    ASSERT_TRUE(std::filesystem::exists(path));
    ASSERT_FALSE(RawConnection(path).connected());

    const auto socket = ListeningSocket::open(path, {});
    ASSERT_TRUE(socket.has_value()) << socket.error().message;
    EXPECT_TRUE(RawConnection(path).connected());
}

TEST_F(ListeningSocketTest, a_file_that_is_no_socket_is_left_alone) {
    std::ofstream(path) << "precious";
    const auto socket = ListeningSocket::open(path, {});
    ASSERT_FALSE(socket.has_value());
    EXPECT_THAT(socket.error().message, HasSubstr("it is no socket"));
    EXPECT_EQ(std::filesystem::file_size(path), 8U);
}

TEST_F(ListeningSocketTest, the_file_of_a_successor_is_not_removed) {
    {
        const auto first = ListeningSocket::open(path, {});
        std::filesystem::remove(path);
        std::ofstream(path) << "somebody else's";
    }
    EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(ListeningSocketTest, impossible_paths_are_errors) {
    EXPECT_FALSE(ListeningSocket::open("", {}).has_value());
    EXPECT_FALSE(ListeningSocket::open(folder.file(std::string(120, 'x')), {}).has_value());
    EXPECT_FALSE(ListeningSocket::open(folder.file("missing/shoald.sock"), {}).has_value());
}

TEST(Peer, is_who_the_kernel_says) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    const auto peer = peer_of(ends[0]);
    ASSERT_TRUE(peer.has_value()) << peer.error().message;
    EXPECT_EQ(peer->uid, ::getuid());
    EXPECT_EQ(peer->gid, ::getgid());
    EXPECT_EQ(peer->pid, ::getpid());
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST(Group, is_found_by_name) {
    EXPECT_EQ(group_id("root"), gid_t{0});
    EXPECT_EQ(group_id("no such group"), std::nullopt);
}

}  // namespace
}  // namespace shoal::http
