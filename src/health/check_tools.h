#pragma once

#include <boost/asio/io_context.hpp>

#include "health/echo_sockets.h"
#include "health/lateness.h"
#include "health/tls_contexts.h"

namespace shoal::health {

class ProgramRunner;

/// What the checks of one loop share. Everything happens on the loop's thread.
class CheckTools {
  public:
    /// Without a runner no program can be asked.
    explicit CheckTools(boost::asio::io_context& on, ProgramRunner* runner = nullptr)
        : loop(on), programs(runner), echo(on) {}

    boost::asio::io_context& loop;
    ProgramRunner* programs;
    TlsContexts tls;
    EchoSockets echo;
    Lateness lateness;
};

}  // namespace shoal::health
