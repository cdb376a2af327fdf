#pragma once
// Several coroutines at once, awaited as one.
#include <vector>

#include "base/async.hpp"

namespace base {

// Runs all of them on the caller's executor, which must have one thread, and returns when the last has ended; then throws
// what the first that failed has thrown. Cancelling the caller cancels all of them, and they are still waited for: what
// they refer to must outlive this call, not more. Should the io_context go down in between, each is destroyed on its own.
Task<> run_all(std::vector<Task<>> tasks);

}  // namespace base
