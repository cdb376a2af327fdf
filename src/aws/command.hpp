#pragma once
// Running the program that a profile names as its credential_process. No shell: the line is split as a POSIX shell
// would, into words at white space, with '…', "…" and \ but without variables, globs, pipes or redirections. The
// program is looked for in PATH, gets our variables, no input and none of our files, and its output is bounded.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.hpp"
#include "base/clock.hpp"

namespace aws {

// Throws Error{validation_error} for a quote that is not closed, and for nothing at all.
std::vector<std::string> split_command(std::string_view line);

// What it writes to its standard output, up to 64 KB; what it writes to standard error is dropped, since it could be a
// secret. Throws Error{validation_error} when it cannot be started, ends with a status other than 0 or writes more;
// Error{dependency_unavailable} when it has not ended by the time-out and was killed with all that it started.
base::Task<std::string> run_command(std::vector<std::string> words,
                                    std::map<std::string, std::string, std::less<>> variables,
                                    base::Milliseconds timeout);

}  // namespace aws
