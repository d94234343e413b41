#pragma once

namespace shoal::bench {

/// Answers HTTP on a free port of every local address, which it writes to standard output, until
/// standard input ends.
int run_responder();

}  // namespace shoal::bench
