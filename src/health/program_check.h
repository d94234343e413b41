#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "health/check.h"
#include "health/exchange.h"
#include "health/program_runner.h"

namespace shoal::health {

/// `words` for this real server: in each, %h is its address, %p the port, %v the virtual address,
/// %n its name and %% a percent sign. Any other % stays as it is.
std::vector<std::string> words_for(const std::vector<std::string>& words, const Question& question);

/// What a Sending program's end says of the real server. Its output, but for one line feed at the
/// end, must be `expect`, or hold a match of `expect_pattern`; with both empty its exit code alone
/// decides.
CheckResult judge_program(const ProgramResult& result, std::string_view expect,
                          const std::string& expect_pattern);

/// How a program ended, for people: "ended with code 2: no route"; empty if with code 0.
std::string describe_end(const ProgramResult& result);

}  // namespace shoal::health
