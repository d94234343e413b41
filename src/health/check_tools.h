#pragma once

#include <boost/asio/io_context.hpp>

#include "dataplane/check_ways.h"
#include "health/allowance.h"
#include "health/echo_sockets.h"
#include "health/lateness.h"
#include "health/tls_contexts.h"

namespace shoal::health {

class ProgramRunner;

/// What the checks of one loop share. Everything happens on the loop's thread.
class CheckTools {
  public:
    /// Without a runner no program can be asked, and without ways nobody at a virtual address.
    explicit CheckTools(boost::asio::io_context& on, ProgramRunner* runner = nullptr,
                        dataplane::CheckWays* client_ways = nullptr)
        : loop(on), programs(runner), ways(client_ways), echo(on) {}

    boost::asio::io_context& loop;
    ProgramRunner* programs;
    dataplane::CheckWays* ways;
    TlsContexts tls;
    EchoSockets echo;
    Lateness lateness;
    /// Of checks before their time, for what was seen elsewhere: the regular ones need the loop,
    /// too.
    Allowance soon{most_soon_per_second};

    static constexpr int most_soon_per_second = 1000;
};

}  // namespace shoal::health
