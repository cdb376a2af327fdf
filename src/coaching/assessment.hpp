#pragma once
// A second, small question to a model, asked beside the reply: where does the conversation stand?
#include <memory>
#include <optional>

#include "coaching/options.hpp"
#include "coaching/phases.hpp"
#include "coaching/records.hpp"

namespace coaching {

// The assessment in a model's answer. Tolerates Markdown fences and chatter around the JSON; caps lengths and counts.
// Throws Error{llm_error} when there is no valid assessment in it; never repeats the answer.
Assessment parse_assessment(std::string_view answer);

// Not yet addressed to an account.
llm::Request assessment_request(const Coaching& coaching, const Topic& topic, const Snapshot& snapshot);

// One that is under way on `executor`, whose thread alone may touch this object.
class PendingAssessment {
 public:
  PendingAssessment(const Coaching& coaching, boost::asio::any_io_executor executor, std::shared_ptr<const Topic> topic,
                    SnapshotPtr snapshot, const telemetry::Trace& trace = {});
  PendingAssessment(const PendingAssessment&) = delete;
  PendingAssessment& operator=(const PendingAssessment&) = delete;
  // Waits at most `grace`, then gives up and cancels the call. nullopt: failed, invalid or late (counted in
  // purposepath_assessments_total by outcome).
  base::Task<std::optional<Assessment>> result(base::Milliseconds grace);
  // What it has cost, once it has ended. Before that it is cancelled and given up, and puts its charge on the books by
  // itself when it has ended; not `at_work`: the model cannot be reached, so it has cost nothing.
  std::vector<Charge> take_charges(bool at_work);
  ~PendingAssessment();  // cancels

  struct State;

 private:
  const Coaching& coaching_;
  std::shared_ptr<State> state_;
};

}  // namespace coaching
