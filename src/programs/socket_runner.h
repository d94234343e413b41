#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "health/program_runner.h"

namespace shoal::programs {

/// Has programs run by shoal-run, over one connection to its socket, which is made when there is
/// something to run and made anew after it broke. Whatever is wrong with shoal-run (not there, gone
/// in between, silent), an order ends as `not_asked` and nothing else happens.
class SocketRunner final : public health::ProgramRunner {
  public:
    SocketRunner(boost::asio::io_context& loop, std::string path);
    ~SocketRunner() override;

    void run(health::ProgramOrder order, OnDone on_done) override;

  private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace shoal::programs
