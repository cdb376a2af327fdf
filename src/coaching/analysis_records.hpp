#pragma once
// How analyses lie in the store: the record and a small entry for lists beside each other in the user's partition, and a
// claim for each idempotency key.
#include <optional>
#include <string>

#include "coaching/analysis.hpp"

namespace coaching {

// Taken before the model is asked, so that one of many equal requests gets to ask.
struct AnalysisClaim {
  std::string request_hash;
  std::string analysis_id;
  bool done = false;
  base::Time lease_until{};  // while not done: then its process has died
};
BOOST_DESCRIBE_STRUCT(AnalysisClaim, (), (request_hash, analysis_id, done, lease_until))

store::Key analysis_key(const Owner& owner, std::string_view analysis_id);
store::Key analysis_entry_key(const Owner& owner, std::string_view analysis_id);
store::Key analysis_claim_key(const Owner& owner, std::string_view idempotency_key);

void put_analysis(const Analysis& analysis, std::vector<store::Write>& writes);

// A claim that was won: for the end of the analysis.
struct HeldClaim {
  store::Key key;
  AnalysisClaim claim;
  std::int64_t version = 0;
};
// Wins the claim, or returns the id of the analysis that the key has made. Throws Error: idempotency_mismatch, conflict.
struct ClaimOutcome {
  std::optional<HeldClaim> held;
  std::string done_id;  // "" when held
};
base::Task<ClaimOutcome> claim_analysis(const Coaching& coaching, Owner owner, std::string idempotency_key,
                                        AnalysisClaim claim);
// For the transaction that stores the analysis.
store::Put finish_claim(const Coaching& coaching, HeldClaim held);
// The analysis failed: a repeat may run. Never throws base::Error; the lease ends by itself.
base::Task<> release_claim(const Coaching& coaching, HeldClaim held);

}  // namespace coaching
