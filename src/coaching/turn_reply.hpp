#pragma once
// The second half of a turn: prompt, reply, commit.
#include "coaching/live_turn.hpp"
#include "coaching/options.hpp"

namespace coaching {

// Asks the model, commits its reply under the turn's fence, and tells `live` how it ended. `snapshot` holds the accepted
// message. Never throws; the turn is closed afterwards, or left to be taken over when the process drains.
base::Task<> run_turn(const Coaching& coaching, LiveTurnPtr live, SnapshotPtr snapshot, bool stream);

}  // namespace coaching
