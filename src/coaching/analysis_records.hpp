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
  std::string job_id;  // that has it; "" while a request has it itself
  bool done = false;
  base::Time lease_until{};  // while not done, and without a job: then its process has died
};
BOOST_DESCRIBE_STRUCT(AnalysisClaim, (), (request_hash, analysis_id, job_id, done, lease_until))

store::Key analysis_key(const Owner& owner, std::string_view analysis_id);
store::Key analysis_entry_key(const Owner& owner, std::string_view analysis_id);
store::Key analysis_claim_key(const Owner& owner, std::string_view key_hash);

void put_analysis(const Analysis& analysis, std::vector<store::Write>& writes);

// A claim that was won: for the end of the analysis.
struct HeldClaim {
  store::Key key;
  AnalysisClaim claim;
  std::int64_t version = 0;
};
// What became of a claim: it is held; or the key has made an analysis, or a job that will.
struct ClaimOutcome {
  std::optional<HeldClaim> held;
  std::string done_id;  // the analysis, when it is done
  std::string job_id;
};
// What the key has made already; nullopt when it is free. Throws Error: idempotency_mismatch, conflict.
base::Task<std::optional<ClaimOutcome>> find_repeat(const Coaching& coaching, Owner owner, std::string key_hash,
                                                    std::string request_hash);
// Claims the key, if it is free. `more` is written together with the claim. Throws like find_repeat.
base::Task<ClaimOutcome> claim_analysis(const Coaching& coaching, Owner owner, std::string key_hash,
                                        AnalysisClaim claim, std::vector<store::Write> more = {});
// The claim of a job, for its end; nullopt when it has none any more.
base::Task<std::optional<HeldClaim>> claim_of_job(const Coaching& coaching, Owner owner, std::string key_hash,
                                                  std::string job_id);
// For the transaction that makes a request's analysis a job.
store::Put hand_claim_over(const Coaching& coaching, HeldClaim held, std::string job_id);
// For the transaction that stores the analysis.
store::Put finish_claim(const Coaching& coaching, HeldClaim held);
// The analysis failed: a repeat may run. Never throws base::Error; the lease ends by itself.
base::Task<> release_claim(const Coaching& coaching, HeldClaim held);

}  // namespace coaching
