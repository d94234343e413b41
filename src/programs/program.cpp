#include "programs/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <csignal>
#include <vector>

#include "programs/order_format.h"

namespace shoal::programs {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using End = health::ProgramResult::End;

/// Both ends close on exec.
struct Pipe {
    int read_end = -1;
    int write_end = -1;

    bool open() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
        read_end = ends[0];
        write_end = ends[1];
        return true;
    }
    int take_read_end() { return std::exchange(read_end, -1); }
    void close_write_end() {
        if (write_end >= 0) ::close(std::exchange(write_end, -1));
    }
    Pipe() = default;
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_write_end();
        if (read_end >= 0) ::close(read_end);
    }
};

/// The strings and the array of pointers that execve() takes, which ends with a null pointer.
class Strings {
  public:
    void add(std::string text) { texts_.push_back(std::move(text)); }
    char** pointers() {
        pointers_.clear();
        for (auto& text : texts_)
            pointers_.push_back(text.data());
        pointers_.push_back(nullptr);
        return pointers_.data();
    }

  private:
    std::vector<std::string> texts_;
    std::vector<char*> pointers_;
};

Strings environment_of(const health::ProgramOrder& order) {
    Strings result;
    for (const auto& [name, value] : order.environment)
        if (name != "PATH" && name != "LANG") result.add(fmt::format("{}={}", name, value));
    result.add("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    result.add("LANG=C");
    return result;
}

void limit(int resource, rlim_t most) {
    rlimit now{};
    ::getrlimit(static_cast<__rlimit_resource>(resource), &now);
    const rlimit wanted{std::min(most, now.rlim_max), std::min(most, now.rlim_max)};
    ::setrlimit(static_cast<__rlimit_resource>(resource), &wanted);
}

void set_limits(const ProgramLimits& limits) {
    constexpr rlim_t open_files = 256;
    constexpr rlim_t file_size = 16UL << 20;
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_DATA, limits.memory);
    limit(RLIMIT_NPROC, limits.processes);
    limit(RLIMIT_NOFILE, open_files);
    limit(RLIMIT_FSIZE, file_size);
}

void forget_signals() {
    for (int number = 1; number < NSIG; ++number)
        ::signal(number, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// In the child; returns with errno only if something failed.
void become(Strings& words, Strings& environment, const ProgramLimits& limits, int output,
            int complaints) {
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    forget_signals();
    const int nothing = ::open("/dev/null", O_RDONLY);
    if (nothing < 0 || ::dup2(nothing, STDIN_FILENO) < 0 || ::dup2(output, STDOUT_FILENO) < 0 ||
        ::dup2(complaints, STDERR_FILENO) < 0)
        return;
    // Not closed at once: the pipe that tells why exec failed is needed until then.
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    ::umask(022);
    if (::chdir("/") != 0) return;
    set_limits(limits);
    char** argv = words.pointers();
    ::execve(argv[0], argv, environment.pointers());
}

std::string exec_error_in_words(const std::string& path, int number) {
    switch (number) {
        case ENOENT:
            return fmt::format("{}: no such file, or its interpreter is missing", path);
        case EACCES:
            return fmt::format("{}: not executable for the user of shoal-run", path);
        case ENOEXEC:
            return fmt::format("{}: neither a program nor a script with a \"#!\" line", path);
        default:
            return system_error(path, number).message;
    }
}

/// These are the lack of something on the director, and no fault of the program.
bool is_shortage(int number) {
    return number == EAGAIN || number == ENOMEM || number == EMFILE || number == ENFILE;
}

class Running final : public Program, public std::enable_shared_from_this<Running> {
  public:
    Running(asio::io_context& loop, health::ProgramOrder order, OnDone on_done)
        : order_(std::move(order)),
          on_done_(std::move(on_done)),
          timer_(loop),
          output_(loop),
          complaints_(loop) {}

    void begin(const ProgramLimits& limits) {
        auto started = spawn(limits);
        if (!started) {
            pid_ = 0;
            result_.reason = started.error().message;
            asio::post(timer_.get_executor(), [self = shared_from_this()] { self->finish(); });
            return;
        }
        collect(output_, result_.output, longest_output);
        collect(complaints_, result_.reason, longest_complaint);
        timer_.expires_after(order_.timeout);
        timer_.async_wait([self = shared_from_this()](error_code error) {
            if (error) return;
            self->timed_out_ = true;
            self->kill();
        });
    }

    pid_t pid() const override { return pid_; }

    /// Its own group is that of its session: it began one.
    void kill() override {
        if (pid_ <= 0) return;
        ::kill(-pid_, SIGKILL);
        // The group is there only once it began its session.
        ::kill(pid_, SIGKILL);
    }

    void ended(int status) override {
        pid_ = 0;
        take_rest(output_, result_.output, longest_output);
        take_rest(complaints_, result_.reason, longest_complaint);
        if (timed_out_) {
            result_.end = End::timed_out;
        } else if (const int number = error_of_exec(); number != 0) {
            result_.end = is_shortage(number) ? End::not_asked : End::not_started;
            result_.reason = exec_error_in_words(order_.words.front(), number);
        } else if (WIFSIGNALED(status)) {
            result_.end = End::signalled;
            result_.code = WTERMSIG(status);
        } else {
            result_.end = End::exited;
            result_.code = WEXITSTATUS(status);
        }
        finish();
    }

  private:
    Result<void> spawn(const ProgramLimits& limits) {
        Pipe output;
        Pipe complaints;
        if (!output.open() || !complaints.open() || !failure_.open())
            return fail(system_error("opening a pipe", errno));
        Strings words;
        for (const auto& word : order_.words)
            words.add(word);
        Strings environment = environment_of(order_);
        pid_ = ::fork();
        if (pid_ < 0) return fail(system_error("starting a process", errno));
        if (pid_ == 0) {
            become(words, environment, limits, output.write_end, complaints.write_end);
            const int number = errno;
            if (::write(failure_.write_end, &number, sizeof number) < 0) ::_exit(126);
            ::_exit(127);
        }
        output.close_write_end();
        complaints.close_write_end();
        failure_.close_write_end();
        output_.assign(output.take_read_end());
        complaints_.assign(complaints.take_read_end());
        output_.non_blocking(true);
        complaints_.non_blocking(true);
        return {};
    }

    /// 0 where exec succeeded, which closed the pipe without a word.
    int error_of_exec() {
        int number = 0;
        const auto size = ::read(failure_.read_end, &number, sizeof number);
        return size == sizeof number ? number : 0;
    }

    void collect(asio::posix::stream_descriptor& from, std::string& into, std::size_t longest) {
        from.async_wait(asio::posix::stream_descriptor::wait_read,
                        [self = shared_from_this(), &from, &into, longest](error_code error) {
                            if (error) return;
                            if (self->read_some(from, into, longest))
                                self->collect(from, into, longest);
                        });
    }

    /// What is there, up to some pages; false at the end. What is beyond `longest` goes.
    bool read_some(asio::posix::stream_descriptor& from, std::string& into, std::size_t longest) {
        constexpr int rounds = 4;
        for (int round = 0; round < rounds; ++round) {
            error_code error;
            const std::size_t size = from.read_some(asio::buffer(buffer_), error);
            if (error == asio::error::would_block) return true;
            if (error || size == 0) return false;
            into.append(buffer_.data(), std::min(size, longest - into.size()));
        }
        return true;
    }

    /// A pipe holds 64 KiB, and a process that left the group may go on to fill it.
    void take_rest(asio::posix::stream_descriptor& from, std::string& into, std::size_t longest) {
        if (!from.is_open()) return;
        read_some(from, into, longest);
        error_code ignored;
        from.close(ignored);
    }

    void finish() {
        timer_.cancel();
        std::exchange(on_done_, {})(result_);
    }

    health::ProgramOrder order_;
    OnDone on_done_;
    /// Where the child says why it could not become the program.
    Pipe failure_;
    asio::steady_timer timer_;
    asio::posix::stream_descriptor output_;
    asio::posix::stream_descriptor complaints_;
    std::array<char, 16384> buffer_{};
    pid_t pid_ = 0;
    bool timed_out_ = false;
    health::ProgramResult result_;
};

}  // namespace

std::shared_ptr<Program> Program::start(boost::asio::io_context& loop, health::ProgramOrder order,
                                        const ProgramLimits& limits, OnDone on_done) {
    auto running = std::make_shared<Running>(loop, std::move(order), std::move(on_done));
    running->begin(limits);
    return running;
}

}  // namespace shoal::programs
