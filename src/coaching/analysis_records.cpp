#include "coaching/analysis_records.hpp"

#include <fmt/format.h>

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

store::Put put_claim(const Coaching& coaching, const store::Key& key, const AnalysisClaim& claim,
                     std::int64_t new_version, store::Condition when) {
  store::Item item;
  item.key = key;
  item.version = new_version;
  item.body = body_of(claim);
  const auto until = coaching.clock.now() + coaching.options.idempotency_ttl;
  item.expires_at_s = std::chrono::ceil<std::chrono::seconds>(until.time_since_epoch()).count();
  return {std::move(item), when};
}

Task<bool> write_claim(const Coaching& coaching, const HeldClaim& held, store::Condition when,
                       std::vector<store::Write> writes) {
  writes.emplace_back(put_claim(coaching, held.key, held.claim, held.version, when));
  const auto outcome = co_await coaching.store.transact(std::move(writes));
  co_return outcome.committed();
}

Error still_at_work() {
  Error error(Code::conflict, "the first request with this Idempotency-Key is still at work; ask again in a moment");
  error.retry_after = base::Milliseconds(1'000);
  return error;
}

// nullopt when it is free: its process has died.
std::optional<ClaimOutcome> outcome_of(const AnalysisClaim& known, const std::string& request_hash, base::Time now) {
  if (known.request_hash != request_hash) {
    throw Error(Code::idempotency_mismatch,
                "this Idempotency-Key was used for another request; send a new key with a new request");
  }
  if (known.done) return ClaimOutcome{std::nullopt, known.analysis_id, known.job_id};
  if (!known.job_id.empty()) return ClaimOutcome{std::nullopt, "", known.job_id};
  if (known.lease_until > now) throw still_at_work();
  return std::nullopt;
}

}  // namespace

store::Key analysis_key(const Owner& owner, std::string_view analysis_id) {
  return {user_partition(owner), fmt::format("analysis#{}", analysis_id)};
}

store::Key analysis_entry_key(const Owner& owner, std::string_view analysis_id) {
  return {user_partition(owner), fmt::format("anls#{}", analysis_id)};
}

store::Key analysis_claim_key(const Owner& owner, std::string_view key_hash) {
  return {user_partition(owner), fmt::format("anls_idem#{}", key_hash)};
}

void put_analysis(const Analysis& analysis, std::vector<store::Write>& writes) {
  store::Item record;
  record.key = analysis_key(analysis.owner, analysis.analysis_id);
  record.version = 1;
  record.body = body_of(analysis);
  writes.emplace_back(store::Put{std::move(record), store::Condition::absent()});
  store::Item entry;
  entry.key = analysis_entry_key(analysis.owner, analysis.analysis_id);
  entry.version = 1;
  entry.body = body_of(AnalysisEntry{analysis.analysis_id, analysis.topic, analysis.cached, analysis.created_at});
  writes.emplace_back(store::Put{std::move(entry), store::Condition::absent()});
}

Task<std::optional<ClaimOutcome>> find_repeat(const Coaching& coaching, Owner owner, std::string key_hash,
                                              std::string request_hash) {
  const auto item = co_await coaching.store.get(analysis_claim_key(owner, key_hash));
  if (!item) co_return std::nullopt;
  co_return outcome_of(record_of<AnalysisClaim>(*item), request_hash, coaching.clock.now());
}

Task<ClaimOutcome> claim_analysis(const Coaching& coaching, Owner owner, std::string key_hash, AnalysisClaim claim,
                                  std::vector<store::Write> more) {
  HeldClaim held{analysis_claim_key(owner, key_hash), std::move(claim), 1};
  if (co_await write_claim(coaching, held, store::Condition::absent(), more)) co_return ClaimOutcome{held, "", ""};
  const auto item = co_await coaching.store.get(held.key);
  if (!item) throw still_at_work();  // it failed just now
  auto known = outcome_of(record_of<AnalysisClaim>(*item), held.claim.request_hash, coaching.clock.now());
  if (known) co_return std::move(*known);
  held.version = item->version + 1;
  const auto unchanged = store::Condition::version_is(item->version);
  if (!co_await write_claim(coaching, held, unchanged, std::move(more))) throw still_at_work();
  co_return ClaimOutcome{held, "", ""};
}

Task<std::optional<HeldClaim>> claim_of_job(const Coaching& coaching, Owner owner, std::string key_hash,
                                            std::string job_id) {
  if (key_hash.empty()) co_return std::nullopt;
  const auto item = co_await coaching.store.get(analysis_claim_key(owner, key_hash));
  if (!item) co_return std::nullopt;
  auto claim = record_of<AnalysisClaim>(*item);
  if (claim.done || claim.job_id != job_id) co_return std::nullopt;
  co_return HeldClaim{item->key, std::move(claim), item->version};
}

store::Put hand_claim_over(const Coaching& coaching, HeldClaim held, std::string job_id) {
  held.claim.job_id = std::move(job_id);
  return put_claim(coaching, held.key, held.claim, held.version + 1, store::Condition::version_is(held.version));
}

store::Put finish_claim(const Coaching& coaching, HeldClaim held) {
  held.claim.done = true;
  return put_claim(coaching, held.key, held.claim, held.version + 1, store::Condition::version_is(held.version));
}

Task<> release_claim(const Coaching& coaching, HeldClaim held) {
  std::vector<store::Write> writes;
  writes.emplace_back(store::Delete{held.key, store::Condition::version_is(held.version)});
  try {
    co_await coaching.store.transact(std::move(writes));
  } catch (const Error&) {
    // The caller is told what went wrong first.
  }
}

}  // namespace coaching
