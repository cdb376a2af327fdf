#include "coaching/assessment.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/bell.hpp"
#include "base/spawn.hpp"
#include "coaching/ask.hpp"
#include "coaching/prompt.hpp"
#include "coaching/structured.hpp"

namespace coaching {
namespace {

constexpr std::size_t kMostEntries = 12;
constexpr std::size_t kLongestEntry = 400;
constexpr int kAssessmentTokens = 600;

void cap(std::vector<base::PrivateText>& entries) {
  if (entries.size() > kMostEntries) entries.resize(kMostEntries);
  for (auto& entry : entries) {
    if (entry.size() > kLongestEntry) {
      entry = base::PrivateText(std::string(base::prefix_bytes(entry.reveal(), kLongestEntry)));
    }
  }
}

}  // namespace

llm::Request assessment_request(const Coaching& coaching, const Topic& topic, const Snapshot& snapshot) {
  llm::Request request;
  request.purpose = llm::Purpose::assessment;
  request.system =
      base::PrivateText(topic.assessment.render(template_values(topic, snapshot.conversation, snapshot.context.get())));
  request.summary = summary_text(snapshot.summary.get());
  request.messages = transcript(snapshot);
  request.guidance = base::PrivateText(phase_guidance(topic, snapshot.conversation) +
                                       "\nAnswer with the assessment as JSON, and with nothing else.");
  request.max_tokens = kAssessmentTokens;
  request.temperature = 0;
  request.schema = &topic.assessment_schema;
  request.schema_name = "assessment";
  request.script = &topic.offline;
  request.current_phase = base::name_of(snapshot.conversation.phase);
  request.timeouts = coaching.llm.timeouts;
  return request;
}

Assessment parse_assessment(std::string_view answer) {
  auto assessment = base::from_json<Assessment>(json_in(answer));
  cap(assessment.insights);
  cap(assessment.identified_values);
  return assessment;
}

struct PendingAssessment::State {
  std::shared_ptr<const Topic> topic;
  SnapshotPtr snapshot;
  telemetry::Trace trace;
  std::optional<Assessment> assessment;
  std::string_view outcome = "late";
  bool done = false;
  std::vector<Charge> charges;
  bool given_up = false;  // its charges are its own business
  bool at_work = true;
  base::Bell bell;
  boost::asio::cancellation_signal cancellation;
};

namespace {

base::Task<> assess(const Coaching& coaching, std::shared_ptr<PendingAssessment::State> state) {
  const auto account = account_of(state->snapshot->conversation);
  try {
    auto request = assessment_request(coaching, *state->topic, *state->snapshot);
    request.trace = state->trace;
    const auto reply = co_await ask_unsettled(coaching, account, request, {}, state->charges);
    state->outcome = "invalid";
    state->assessment = parse_assessment(reply.text.reveal());
    state->outcome = "ok";
  } catch (const base::Error&) {
    if (state->outcome == "late") state->outcome = "failed";
  } catch (const boost::system::system_error&) {
    // Cancelled: nobody waits for it any more.
  }
  state->done = true;
  state->bell.ring();
  if (!state->given_up || !state->at_work) co_return;
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  try {
    co_await post_charges(coaching, account, std::move(state->charges));
  } catch (const base::Error& error) {
    coaching.log.write(telemetry::Level::error, "charge_lost",
                       {{"reference", account.reference}, {"error", base::to_string(error.code)}});
  }
}

}  // namespace

PendingAssessment::PendingAssessment(const Coaching& coaching, boost::asio::any_io_executor executor,
                                     std::shared_ptr<const Topic> topic, SnapshotPtr snapshot,
                                     const telemetry::Trace& trace)
    : coaching_(coaching), state_(std::make_shared<State>()) {
  state_->topic = std::move(topic);
  state_->snapshot = std::move(snapshot);
  state_->trace = trace;
  base::spawn_cancellable(executor, assess(coaching_, state_), state_->cancellation, state_);
}

base::Task<std::optional<Assessment>> PendingAssessment::result(base::Milliseconds grace) {
  if (!state_->done) {
    auto ticket = state_->bell.draw(co_await boost::asio::this_coro::executor);
    if (!state_->done) co_await ticket.wait(grace);
  }
  coaching_.metrics
      .counter("purposepath_assessments_total", "Assessments of conversations, by outcome.",
               {{"outcome", std::string(state_->outcome)}})
      .add();
  co_return std::move(state_->assessment);
}

std::vector<Charge> PendingAssessment::take_charges(bool at_work) {
  if (state_->done) return std::exchange(state_->charges, {});
  state_->given_up = true;
  state_->at_work = at_work;
  state_->cancellation.emit(boost::asio::cancellation_type::terminal);
  return {};
}

PendingAssessment::~PendingAssessment() { state_->cancellation.emit(boost::asio::cancellation_type::terminal); }

}  // namespace coaching
