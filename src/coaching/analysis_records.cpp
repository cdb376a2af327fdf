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

Task<bool> write_claim(const Coaching& coaching, HeldClaim held, store::Condition when) {
  std::vector<store::Write> writes;
  writes.emplace_back(put_claim(coaching, held.key, held.claim, held.version, when));
  const auto outcome = co_await coaching.store.transact(std::move(writes));
  co_return outcome.committed();
}

Error still_at_work() {
  Error error(Code::conflict, "the first request with this Idempotency-Key is still at work; ask again in a moment");
  error.retry_after = base::Milliseconds(1'000);
  return error;
}

}  // namespace

store::Key analysis_key(const Owner& owner, std::string_view analysis_id) {
  return {user_partition(owner), fmt::format("analysis#{}", analysis_id)};
}

store::Key analysis_entry_key(const Owner& owner, std::string_view analysis_id) {
  return {user_partition(owner), fmt::format("anls#{}", analysis_id)};
}

store::Key analysis_claim_key(const Owner& owner, std::string_view idempotency_key) {
  return {user_partition(owner), fmt::format("anls_idem#{}", sha256_hex(idempotency_key))};
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

Task<ClaimOutcome> claim_analysis(const Coaching& coaching, Owner owner, std::string idempotency_key,
                                  AnalysisClaim claim) {
  HeldClaim held{analysis_claim_key(owner, idempotency_key), std::move(claim), 1};
  if (co_await write_claim(coaching, held, store::Condition::absent())) co_return ClaimOutcome{held, ""};
  const auto item = co_await coaching.store.get(held.key);
  if (!item) throw still_at_work();  // it failed just now
  const auto known = record_of<AnalysisClaim>(*item);
  if (known.request_hash != held.claim.request_hash) {
    throw Error(Code::idempotency_mismatch,
                "this Idempotency-Key was used for another request; send a new key with a new request");
  }
  if (known.done) co_return ClaimOutcome{std::nullopt, known.analysis_id};
  if (known.lease_until > coaching.clock.now()) throw still_at_work();
  held.version = item->version + 1;
  if (!co_await write_claim(coaching, held, store::Condition::version_is(item->version))) throw still_at_work();
  co_return ClaimOutcome{held, ""};
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
