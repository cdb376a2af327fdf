#pragma once
// What a conversation is: the records as they are stored, the statuses and phases, and what may follow what.
#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "coaching/charge.hpp"

namespace coaching {

enum class Status { active, paused, completing, completed, needs_review, cancelled, abandoned };
BOOST_DESCRIBE_ENUM(Status, active, paused, completing, completed, needs_review, cancelled, abandoned)

enum class Phase { introduction, exploration, deepening, synthesis, validation, completion };
BOOST_DESCRIBE_ENUM(Phase, introduction, exploration, deepening, synthesis, validation, completion)

double progress_of(Phase phase);

// Who acts: taken from the token, never from a body.
struct Owner {
  std::string tenant_id;
  std::string user_id;
  bool operator==(const Owner&) const = default;
};
BOOST_DESCRIBE_STRUCT(Owner, (), (tenant_id, user_id))

// A turn between its acceptance and its commit. It stands in the conversation's record, so that whoever comes after a
// crash finds it; the record's version is the fence: only who wrote it last can commit.
struct OpenTurn {
  std::string turn_id;
  std::string message_id;            // the user's message that waits for its reply
  std::int64_t attempt = 1;          // grows each time somebody takes the turn over
  base::Time lease_until{};          // after this anybody may take it over
  std::string idempotency;           // hash of the Idempotency-Key, "" without one
  // Of budgets, made with the turn; whoever closes the turn gives it back or settles it in the same transaction.
  std::optional<Reservation> reservation;
};
BOOST_DESCRIBE_STRUCT(OpenTurn, (), (turn_id, message_id, attempt, lease_until, idempotency, reservation))

struct Conversation {
  std::string conversation_id;
  Owner owner;
  std::string topic;
  std::int64_t topic_version = 0;    // 0: the built-in
  std::string topic_scope;           // whose version: a tenant, "*" for all tenants, "" for the built-in
  std::string topic_hash;            // of the topic when it was last used: a built-in changes with the binary
  std::string tier = "free";         // the owner's at the start: jobs have no token to ask
  std::string language = "en";
  base::PrivateText user_name;       // as the token said at the start; "" when it did not
  base::json::object context;        // what the client gave at the start
  bool has_business = false;         // what was gathered for its prompts is an item of its own
  Status status = Status::active;
  Phase phase = Phase::introduction;
  std::int64_t message_count = 0;    // messages stored; the next one gets this number
  std::int64_t turn_count = 0;       // replies committed
  std::int64_t phase_turns = 0;      // of them, since the present phase began
  std::int64_t window_start = 0;     // number of the first message that the model still sees
  std::int64_t summary_number = 0;   // of the summary that stands for what came before the window; 0: none
  std::int64_t summary_target = 0;   // number of the first message that the next summary leaves out
  std::optional<std::string> summary_job;  // makes the next summary; its number is one more than the present one's
  bool is_complete = false;          // the assessment found that the topic's goal is reached
  std::vector<base::PrivateText> insights;
  std::vector<base::PrivateText> identified_values;
  std::optional<OpenTurn> open_turn;
  std::int64_t last_attempt = 0;     // of the newest turn: a turn that is tried again counts on from here
  std::optional<std::string> job_id;  // the extraction under way
  base::json::value result;           // by the topic's result schema; null until completed
  std::string review_reason;          // why it needs review, for the operator; without any text of the conversation
  std::string raw_answer_id;  // the answer that was no result (coaching/raw_answers.hpp); "" for none
  base::json::object feedback;        // {rating, feedback} given on completion
  base::json::object metadata;
  base::Time created_at{};
  base::Time updated_at{};
  std::optional<base::Time> completed_at;
};
BOOST_DESCRIBE_STRUCT(Conversation, (),
                      (conversation_id, owner, topic, topic_version, topic_scope, topic_hash, tier, language, user_name,
                       context, has_business, status, phase, message_count, turn_count, phase_turns, window_start,
                       summary_number, summary_target, summary_job, is_complete, insights, identified_values, open_turn,
                       last_attempt, job_id, result, review_reason, raw_answer_id, feedback, metadata, created_at,
                       updated_at, completed_at))

// One try at a model on the way to a reply.
struct TurnTry {
  std::string model;         // its code in the catalogue
  std::string outcome;       // "ok", else the name of a base::Code
  std::int64_t ms = 0;       // that the try took
  std::int64_t waited_ms = 0;  // before it: for a place in the queue, and after the try before
};
BOOST_DESCRIBE_STRUCT(TurnTry, (), (model, outcome, ms, waited_ms))

// The last eight of a call that took more than one; nothing of others.
std::vector<TurnTry> tries_of(const llm::Trail& trail);

// What the reply of a turn cost and how it came about: kept with the reply, so that a repeat can give the same answer.
struct TurnRecord {
  std::string turn_id;
  std::string message_id;  // the user's message that this answers
  std::int64_t attempt = 1;
  std::string model;  // who replied, as the vendor names it
  std::int64_t prompt_tokens = 0;  // these and the cost: of the whole turn, the reply and its assessment
  std::int64_t completion_tokens = 0;
  std::int64_t cached_tokens = 0;
  double cost_usd = 0;
  std::vector<Charge> charges;  // each call
  Phase phase = Phase::introduction;
  double progress = 0;
  bool is_complete = false;
  std::string assessed_by;  // "model" or "rules"
  std::optional<base::PrivateText> follow_up_question;
  std::optional<base::PrivateText> next_steps;
  std::vector<base::PrivateText> insights;
  std::vector<base::PrivateText> identified_values;
  std::vector<TurnTry> tries;  // for the operator: an export has them, no answer does
};
BOOST_DESCRIBE_STRUCT(TurnRecord, (),
                      (turn_id, message_id, attempt, model, prompt_tokens, completion_tokens, cached_tokens, cost_usd,
                       charges, phase, progress, is_complete, assessed_by, follow_up_question, next_steps, insights,
                       identified_values))
// base's, with `tries` when there are any: most turns have none, and their records need not say so.
void append_json(std::string& out, const TurnRecord& record);
void read_json(const base::json::value& value, TurnRecord& record, const std::string& path);

enum class Speaker { user, assistant };
BOOST_DESCRIBE_ENUM(Speaker, user, assistant)

// An item of its own, appended and never rewritten: the cost of a turn does not grow with the conversation.
struct Message {
  std::string message_id;
  std::int64_t sequence = 0;
  Speaker role = Speaker::user;
  base::PrivateText content;
  base::Time timestamp{};
  base::json::object metadata;       // what the client sent along
  std::int64_t tokens = 0;           // of the content, counted once; 0 for messages of before they were counted
  std::optional<TurnRecord> turn;    // on the reply of a turn
};
BOOST_DESCRIBE_STRUCT(Message, (), (message_id, sequence, role, content, timestamp, metadata, tokens, turn))

// What happened before a message, in short. An item of its own, and never changed: a newer one has the next number.
struct Summary {
  std::int64_t number = 0;
  base::PrivateText text;
  std::int64_t up_to = 0;  // number of the first message that it leaves out
  std::string model;       // as the vendor names it
  std::int64_t tokens = 0;
  base::Time created_at{};
};
BOOST_DESCRIBE_STRUCT(Summary, (), (number, text, up_to, model, tokens, created_at))

// What was gathered for a conversation's prompts, at its start and after each pause: an item of its own, so that the
// prompts' beginning stays the same in between. Sections by name (coaching/context.hpp).
struct BusinessContext {
  base::json::object sections;           // what is on record
  std::vector<std::string> unavailable;  // could not be read
  std::vector<std::string> stale;        // could not be read now, and are from before
  base::Time gathered_at{};
};
BOOST_DESCRIBE_STRUCT(BusinessContext, (), (sections, unavailable, stale, gathered_at))

// The status as a client sees it: an active conversation left alone is paused, and later abandoned.
struct Patience {
  base::Milliseconds idle;    // 0: never
  base::Milliseconds expiry;  // 0: never
};
Status shown_status(const Conversation& conversation, base::Time now, const Patience& patience);

// Neither over nor on its way there: more messages may come.
bool is_open(Status status);

// Highest phase seen: progress never goes down.
Phase later(Phase a, Phase b);

}  // namespace coaching
