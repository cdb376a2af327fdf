#pragma once
// The rolling summary: what leaves the window of a long conversation is folded into a text that takes its place in the
// prompt. A background job makes it after the turn that filled the window; until it is there the window keeps the old
// messages, up to twice its budget. A summary that fails is tried again by its job and never fails a turn.
#include <memory>
#include <optional>
#include <string>

#include "coaching/live_job.hpp"
#include "coaching/options.hpp"
#include "coaching/records.hpp"

namespace coaching {

// Looks at the window that a turn leaves behind. Over its budget: the job to write in the turn's transaction, which is
// noted in the conversation. Far over it, because no summary came: the window moves without one; what it loses stays
// stored, and the next summary covers it.
std::optional<Job> plan_summary(const Coaching& coaching, Snapshot& after);

// The same snapshot, or one in which a summary that got ready has taken the place of what it covers. Changes nothing in
// the store: whoever writes the conversation next writes that too.
base::Task<SnapshotPtr> with_ready_summary(const Coaching& coaching, SnapshotPtr snapshot);

base::Task<> run_summary(const Coaching& coaching, LiveJobPtr live);
base::Task<> give_up_summary(const Coaching& coaching, LiveJobPtr live, JobFailure why);

// nullptr for number 0, and when there is none of that number (yet).
base::Task<std::shared_ptr<const Summary>> read_summary(const Coaching& coaching, const Conversation& conversation,
                                                        std::int64_t number);

}  // namespace coaching
