#pragma once
// The second half of a turn: prompt, reply, commit.
#include "coaching/live_turn.hpp"
#include "coaching/options.hpp"
#include "coaching/topic.hpp"

namespace coaching {

// Asks the model, commits its reply under the turn's fence, and tells `live` how it ended. `snapshot` holds the accepted
// message. Never throws; the turn is closed afterwards, or left to be taken over when the process drains.
base::Task<> run_turn(const Coaching& coaching, LiveTurnPtr live, SnapshotPtr snapshot, bool stream);

// What the open turn of that conversation, reply and assessment, may use at most; nullopt when there are no budgets.
std::optional<Reservation> reservation_for_turn(const Coaching& coaching, const Topic& topic, const Snapshot& snapshot);

}  // namespace coaching
