#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <set>

#include "health/program_runner.h"

namespace shoal::programs {

/// shoal-run's side of the socket: takes orders, has them run, and sends back how they ended.
class RunServer {
  public:
    /// Takes the listening Unix socket `descriptor`. Who connects must be one of `allowed`
    /// (SO_PEERCRED); anybody else is sent away and logged. `runner` must outlive it.
    RunServer(boost::asio::io_context& loop, int descriptor, std::set<uid_t> allowed,
              health::ProgramRunner& runner);
    ~RunServer();

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace shoal::programs
