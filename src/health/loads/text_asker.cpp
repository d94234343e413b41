#include "health/loads/text_asker.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "health/check_reason.h"
#include "health/endpoints.h"

namespace shoal::health {

namespace asio = boost::asio;
using asio::ip::tcp;

class TextAsker::Run : public std::enable_shared_from_this<TextAsker::Run> {
  public:
    Run(asio::io_context& loop, TextQuestion question, OnText on_text)
        : question_(std::move(question)),
          on_text_(std::move(on_text)),
          socket_(loop),
          timer_(loop) {}

    void start();
    void give_up();

  private:
    using Code = boost::system::error_code;

    void send();
    void receive();
    void received(std::size_t size);
    void ended(const Code& error);
    void finish(const Result<std::string>& text);

    TextQuestion question_;
    OnText on_text_;
    tcp::socket socket_;
    asio::steady_timer timer_;
    std::array<char, 16'384> buffer_{};
    std::string text_;
};

void TextAsker::Run::start() {
    timer_.expires_after(question_.timeout);
    timer_.async_wait([self = shared_from_this()](const Code& error) {
        if (!error)
            self->finish(fail("no whole answer within " + in_words(self->question_.timeout)));
    });
    const tcp::endpoint to{asio_address(question_.address), question_.port};
    Code error;
    socket_.open(to.protocol(), error);
    if (error) {
        const auto why = "the director cannot ask: " + socket_error_in_words(error.value());
        asio::post(timer_.get_executor(),
                   [self = shared_from_this(), why] { self->finish(fail(why)); });
        return;
    }
    socket_.async_connect(to, [self = shared_from_this()](const Code& failed) {
        if (failed) return self->finish(fail(socket_error_in_words(failed.value())));
        self->send();
    });
}

void TextAsker::Run::send() {
    Code ignored;
    // The reset at the end leaves no TIME_WAIT behind.
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    if (question_.send.empty()) return receive();
    asio::async_write(socket_, asio::buffer(question_.send),
                      [self = shared_from_this()](const Code& error, std::size_t) {
                          if (error)
                              return self->finish(fail(socket_error_in_words(error.value())));
                          self->receive();
                      });
}

void TextAsker::Run::receive() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](const Code& error, std::size_t size) {
                                if (!self->on_text_) return;
                                if (error) return self->ended(error);
                                self->received(size);
                            });
}

void TextAsker::Run::received(std::size_t size) {
    text_.append(buffer_.data(), size);
    if (text_.size() > question_.longest)
        return finish(fail(fmt::format("the answer is longer than {} bytes", question_.longest)));
    if (question_.is_whole(text_)) return finish(text_);
    receive();
}

void TextAsker::Run::ended(const Code& error) {
    if (error == asio::error::eof) return finish(text_);
    finish(fail(socket_error_in_words(error.value())));
}

void TextAsker::Run::finish(const Result<std::string>& text) {
    const auto on_text = std::exchange(on_text_, nullptr);
    give_up();
    if (on_text) on_text(text);
}

void TextAsker::Run::give_up() {
    on_text_ = nullptr;
    timer_.cancel();
    Code ignored;
    socket_.close(ignored);
}

TextAsker::TextAsker(asio::io_context& loop, TextQuestion question, OnText on_text)
    : run_(std::make_shared<Run>(loop, std::move(question), std::move(on_text))) {
    run_->start();
}

TextAsker::~TextAsker() {
    run_->give_up();
}

}  // namespace shoal::health
