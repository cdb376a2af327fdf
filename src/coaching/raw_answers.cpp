#include "coaching/raw_answers.hpp"

#include <fmt/format.h>

#include "coaching/records.hpp"

namespace coaching {
namespace {

using base::Task;

constexpr std::string_view kIndex = "raw_answers";  // index partition; sorted by id, and so by time
constexpr std::chrono::days kKept{14};
constexpr std::size_t kMostFaultBytes = 4'096;

std::string partition_of(const Owner& owner) { return fmt::format("raw#{}", key_part(owner.tenant_id)); }

// What is about one conversation lies together, so that it can be erased with it.
std::string sort_prefix(std::string_view reference) { return fmt::format("{}#", key_part(reference)); }

store::Item item_of(const RawAnswer& raw) {
  store::Item item;
  item.key = {partition_of(raw.owner), sort_prefix(raw.reference) + raw.raw_answer_id};
  item.version = 1;
  item.body = body_of(raw);
  item.index = store::Key{std::string(kIndex), raw.raw_answer_id};
  const auto until = raw.created_at + kKept;
  item.expires_at_s = std::chrono::floor<std::chrono::seconds>(until).time_since_epoch().count();
  return item;
}

// Raw bytes of a model need not be UTF-8, and a store's body has to be.
std::string as_text(std::string_view bytes) {
  auto text = std::string(base::prefix_bytes(bytes, kMostRawBytes));
  if (base::is_utf8(text)) return text;
  for (auto& c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return text;
}

}  // namespace

Task<std::string> keep_raw_answer(const Coaching& coaching, const Account& account, llm::Purpose purpose,
                                  const llm::Reply& reply, std::string fault) {
  RawAnswer raw;
  raw.raw_answer_id = coaching.ids.next("raw");
  raw.owner = account.owner;
  raw.purpose = base::name_of(purpose);
  raw.topic = account.topic;
  raw.reference = account.reference;
  raw.model = reply.model;
  raw.finish_reason = base::name_of(reply.finish_reason);
  raw.fault = base::prefix_bytes(fault, kMostFaultBytes);  // with the text, escaped, it has to fit into an item
  raw.bytes = static_cast<std::int64_t>(reply.text.size());
  raw.text = base::PrivateText(as_text(reply.text.reveal()));
  raw.created_at = coaching.clock.now();
  bool kept = false;
  try {
    std::vector<store::Write> writes{store::Put{item_of(raw), store::Condition::absent()}};
    // Nothing of a conversation comes back after it was erased.
    if (raw.reference.starts_with("conv_")) {
      writes.emplace_back(store::Check{conversation_key(raw.reference), store::Condition::exists()});
    }
    const auto outcome = co_await coaching.store.transact(std::move(writes));
    kept = outcome.committed();
  } catch (const base::Error& error) {
    coaching.log.write(telemetry::Level::error, "raw_answer_lost",
                       {{"reference", raw.reference}, {"error", base::to_string(error.code)}});
  }
  if (!kept) co_return "";
  coaching.log.write(telemetry::Level::warn, "invalid_answer",
                     {{"raw_answer_id", raw.raw_answer_id},
                      {"purpose", raw.purpose},
                      {"topic", raw.topic},
                      {"reference", raw.reference},
                      {"model", raw.model},
                      {"finish_reason", raw.finish_reason},
                      {"bytes", raw.bytes}});
  co_return raw.raw_answer_id;
}

Task<std::vector<RawAnswer>> list_raw_answers(store::Store& store, std::string tenant_id, std::size_t limit) {
  std::vector<RawAnswer> found;
  store::Query query;
  query.partition = kIndex;
  query.descending = true;
  query.limit = 100;
  for (bool more = true; more && found.size() < limit;) {
    const auto page = co_await store.query_index(query);
    for (const auto& item : page.items) {
      auto raw = record_of<RawAnswer>(item);
      if (!tenant_id.empty() && raw.owner.tenant_id != tenant_id) continue;
      if (found.size() < limit) found.push_back(std::move(raw));
    }
    more = page.more;
    if (more) query.after = page.items.back().index->sort;
  }
  co_return found;
}

Task<std::optional<RawAnswer>> find_raw_answer(store::Store& store, std::string raw_answer_id) {
  store::Query query;
  query.partition = kIndex;
  query.from = raw_answer_id;
  query.limit = 1;
  const auto page = co_await store.query_index(std::move(query));
  if (page.items.empty()) co_return std::nullopt;
  auto raw = record_of<RawAnswer>(page.items.front());
  if (raw.raw_answer_id != raw_answer_id) co_return std::nullopt;
  co_return raw;
}

Task<> erase_raw_answers(store::Store& store, Owner owner, std::string reference) {
  store::Query query;
  query.partition = partition_of(owner);
  query.from = sort_prefix(reference);
  query.to = query.from + "~";
  query.limit = store::kMaxWrites;
  for (bool more = true; more;) {
    const auto page = co_await store.query(query);
    std::vector<store::Write> erase;
    for (const auto& item : page.items) erase.emplace_back(store::Delete{item.key, store::Condition::none()});
    more = page.more;
    if (more) query.after = page.items.back().key.sort;
    if (!erase.empty()) co_await store.transact(std::move(erase));
  }
}

}  // namespace coaching
