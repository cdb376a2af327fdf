#pragma once
// The command line: a table of commands (run.cpp) and one file per command.

namespace cli {

// Runs the command named by the arguments and returns the process's exit code.
int run(int argc, char** argv);

}  // namespace cli
