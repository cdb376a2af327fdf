#pragma once
// Answers of models that were of no use, kept for the operator: they hold what people said, so they never go into a log
// line, and they are gone after two weeks.
#include <optional>
#include <string>
#include <vector>

#include "coaching/ask.hpp"
#include "llm/provider.hpp"

namespace coaching {

struct RawAnswer {
  std::string raw_answer_id;
  Owner owner;
  std::string purpose;
  std::string topic;
  std::string reference;  // conversation, analysis or job
  std::string model;
  std::string finish_reason;
  std::string fault;
  std::int64_t bytes = 0;  // of the whole answer
  base::PrivateText text;  // of it, the first kMostRawBytes
  base::Time created_at{};
};
BOOST_DESCRIBE_STRUCT(RawAnswer, (),
                      (raw_answer_id, owner, purpose, topic, reference, model, finish_reason, fault, bytes, text,
                       created_at))

inline constexpr std::size_t kMostRawBytes = 64 * 1024;

// Its id, or "" when the store did not take it: a failure to keep it must not hide the failure it is about.
base::Task<std::string> keep_raw_answer(const Coaching& coaching, const Account& account, llm::Purpose purpose,
                                        const llm::Reply& reply, std::string fault);

// Newest first; "" for all tenants.
base::Task<std::vector<RawAnswer>> list_raw_answers(store::Store& store, std::string tenant_id, std::size_t limit);
base::Task<std::optional<RawAnswer>> find_raw_answer(store::Store& store, std::string raw_answer_id);
// Those about a conversation that is being erased.
base::Task<> erase_raw_answers(store::Store& store, Owner owner, std::string reference);

}  // namespace coaching
