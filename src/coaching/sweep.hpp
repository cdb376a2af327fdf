#pragma once
// What nobody waits for and must happen all the same: leases of turns and jobs at work are renewed, turns nobody listens
// to are given up, turns and jobs of dead processes are taken over, and what dead processes reserved of budgets is given
// back.
#include <string>

#include "coaching/options.hpp"

namespace coaching {

// One round. `sole_process`: no other process works on this store, so whatever is leased and not at work here belongs to
// a dead one. Never throws; a store that does not answer is logged.
base::Task<> sweep(const Coaching& coaching, bool sole_process);

// Rounds every options.sweep_interval until cancelled. The first counts as sole process when the caller says so: an
// embedded store has one process at a time.
base::Task<> sweep_forever(const Coaching& coaching, bool embedded_store);

}  // namespace coaching
