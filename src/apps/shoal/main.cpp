#include <unistd.h>

#include <csignal>
#include <iostream>

#include "cli/command_line.h"

int main(int count, char** arguments) {
    // The end of `shoal connections | head` is seen as an output that takes no more.
    std::signal(SIGPIPE, SIG_IGN);
    return shoal::cli::run({arguments + 1, arguments + count},
                           {.out = std::cout,
                            .error = std::cerr,
                            .terminal = shoal::cli::detect_terminal(STDOUT_FILENO)});
}
