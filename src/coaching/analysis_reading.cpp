// Reading and erasing analyses.
#include "coaching/analysis.hpp"
#include "coaching/analysis_records.hpp"
#include "coaching/raw_answers.hpp"
#include "coaching/response_cache.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;
using AnalysisPtr = std::shared_ptr<const Analysis>;

Error no_analysis() { return Error(Code::analysis_not_found, "there is no such analysis of yours"); }

}  // namespace

Task<AnalysisPtr> find_analysis(const Coaching& coaching, Owner owner, std::string analysis_id) {
  if (!base::is_id(analysis_id, "anls")) throw no_analysis();
  const auto item = co_await coaching.store.get(analysis_key(owner, analysis_id));
  if (!item) throw no_analysis();
  co_return std::make_shared<const Analysis>(record_of<Analysis>(*item));
}

Task<AnalysisPage> list_analyses(const Coaching& coaching, Owner owner, std::string topic, std::int64_t page,
                                 std::int64_t page_size) {
  // A list by page numbers walks the user's entries; beyond this many it ends instead of walking for ever.
  constexpr std::int64_t kMostEntries = 20'000;
  AnalysisPage result;
  const auto first = (page - 1) * page_size;
  store::Query query;
  query.partition = user_partition(owner);
  query.from = "anls#";
  query.to = "anls$";
  query.descending = true;  // ids sort by time: newest first
  query.limit = 1000;
  std::int64_t walked = 0;
  for (bool more = true; more;) {
    const auto got = co_await coaching.store.query(query);
    for (const auto& item : got.items) {
      ++walked;
      auto entry = record_of<AnalysisEntry>(item);
      if (!topic.empty() && entry.topic != topic) continue;
      const auto at = result.total++;
      if (at >= first && at < first + page_size) result.analyses.push_back(std::move(entry));
    }
    more = got.more && walked < kMostEntries;
    if (more) query.after = got.items.back().key.sort;
  }
  co_return result;
}

Task<> delete_analysis(const Coaching& coaching, Owner owner, std::string analysis_id) {
  const auto analysis = co_await find_analysis(coaching, owner, analysis_id);
  std::vector<store::Write> writes;
  writes.emplace_back(store::Delete{analysis_key(owner, analysis_id), store::Condition::exists()});
  writes.emplace_back(store::Delete{analysis_entry_key(owner, analysis_id), store::Condition::none()});
  forget_response(coaching, {owner.tenant_id, analysis->response_hash}, writes);
  const auto outcome = co_await coaching.store.transact(std::move(writes));
  if (!outcome.committed()) throw no_analysis();
  co_await erase_raw_answers(coaching.store, owner, analysis_id);
}

}  // namespace coaching
