#pragma once
// The product: one message of the coachee, one reply. take_turn() is the recipe; see docs/architecture.md.
#include <string>

#include "coaching/live_turn.hpp"
#include "coaching/options.hpp"
#include "coaching/topic.hpp"

namespace coaching {

struct TurnRequest {
  base::PrivateText user_message;  // trimmed, 1 to 4000 characters
  base::json::object metadata;
  std::string idempotency_key;     // "" for none
  bool resume_paused = true;       // false: a paused conversation refuses the message
  bool stream = false;             // somebody wants to read the text as it comes
  base::PrivateText token;  // the caller's, to read the business context with when the conversation was paused
  telemetry::Trace trace;
};

// Accepts the message durably and has the turn run on the caller's io_context until its reply is committed, whether or
// not the caller stays. Returns as soon as the message is safe. A repeat with the same key joins the turn at work, or
// gets the answer given before. Throws Error: conversation_not_found, conversation_not_active, turn_in_progress,
// idempotency_mismatch, domain_validation_error (rule max_turns_reached), dependency_unavailable.
base::Task<LiveTurnPtr> take_turn(const Coaching& coaching, Owner owner, std::string conversation_id,
                                  TurnRequest request);

// The turn of that id for whoever comes back to it: at work here, answered, or taken over when its owner is gone.
// Throws Error: conversation_not_found, not_found (no such turn, or it ended without a reply), turn_in_progress (at work
// in another process for longer than `patience`).
base::Task<LiveTurnPtr> find_turn(const Coaching& coaching, Owner owner, std::string conversation_id,
                                  std::string turn_id, base::Milliseconds patience);

// Goes on with the open turn of a conversation whose lease is over (`even_if_leased`: or not, when its owner is known to
// be dead). nullptr when there is nothing to take over.
base::Task<LiveTurnPtr> take_over(const Coaching& coaching, std::string conversation_id, bool even_if_leased);

// What to throw at whoever wants to change a conversation in which this turn is open; names it, and when to come back.
base::Error turn_in_progress(const OpenTurn& open);

// Extends the lease of a turn at work here; the turn is interrupted when somebody else has taken it over.
base::Task<> renew_lease(const Coaching& coaching, LiveTurnPtr turn);

}  // namespace coaching
