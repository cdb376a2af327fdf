#include "coaching/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/system/system_error.hpp>
#include <cmath>

#include "coaching/budgets.hpp"
#include "coaching/records.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

constexpr std::size_t kLongestModel = 128;
constexpr std::size_t kHoldsAtOnce = 100;

// What lies in the store for a hold.
struct HoldRecord {
  Owner owner;
  Reservation reservation;
};
BOOST_DESCRIBE_STRUCT(HoldRecord, (), (owner, reservation))

struct Amount {
  MicroUsd micro_usd = 0;
  std::int64_t tokens = 0;
  std::int64_t of(Budget budget) const { return is_in_tokens(budget) ? tokens : micro_usd; }
};

Amount sum_of(std::span<const Charge> charges) {
  Amount sum;
  for (const auto& charge : charges) {
    sum.micro_usd += charge.micro_usd;
    sum.tokens += charge.prompt_tokens + charge.completion_tokens;
  }
  return sum;
}

// A transaction may not name a key twice.
void post(std::vector<store::Write>& writes, store::Add add) {
  for (auto& write : writes) {
    auto* there = std::get_if<store::Add>(&write);
    if (there == nullptr || there->key != add.key) continue;
    for (std::size_t i = 0; i < add.amounts.size(); ++i) there->amounts[i] += add.amounts[i];
    return;
  }
  writes.emplace_back(std::move(add));
}

void post_to_budget(std::vector<store::Write>& writes, Budget budget, const Owner& owner, std::string_view day,
                    std::int64_t held_and_spent, std::int64_t spent) {
  if (held_and_spent == 0 && spent == 0) return;
  post(writes, store::Add{.key = budget_key(budget, owner, day),
                          .amounts = {held_and_spent, spent},
                          .when = store::Condition::none(),
                          .expires_at_s = budget_expiry_s(budget, day)});
}

void post_to_books(const Coaching& coaching, const Account& account, const Charge& charge, const std::string& day,
                   base::Time now, std::vector<store::Write>& writes) {
  store::Add add;
  add.key = books_key(account.owner.tenant_id, {day, account.owner.user_id, account.topic, charge.model});
  add.amounts[kCalls] = 1;
  add.amounts[kPromptTokens] = charge.prompt_tokens;
  add.amounts[kCompletionTokens] = charge.completion_tokens;
  add.amounts[kCachedTokens] = charge.cached_tokens;
  add.amounts[kMicroUsd] = charge.micro_usd;
  add.amounts[kEstimatedCalls] = charge.estimated ? 1 : 0;
  if (const auto kept = coaching.options.usage_retention; kept.count() > 0) {
    add.expires_at_s = std::chrono::floor<std::chrono::seconds>(now + kept).time_since_epoch().count();
  }
  post(writes, std::move(add));
}

// Whether a call that ended so has cost something: text came, or it was cut off while the model was at work.
bool costs_something(const std::exception_ptr& failure, bool text_came) {
  if (text_came) return true;
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error.code == Code::llm_timeout;
  } catch (const boost::system::system_error&) {
    return true;  // cancelled by us
  } catch (const std::exception&) {
    return false;
  }
}

void count(const Coaching& coaching, const Charge& charge) {
  const auto tokens = [&](const char* kind, std::int64_t number) {
    coaching.metrics
        .counter("purposepath_tokens_total",
                 "Tokens used, by model and kind; cached ones are among those of the prompt.",
                 {{"model", charge.model}, {"kind", kind}})
        .add(static_cast<double>(number));
  };
  tokens("prompt", charge.prompt_tokens);
  tokens("completion", charge.completion_tokens);
  if (charge.cached_tokens > 0) tokens("cached", charge.cached_tokens);
  if (charge.micro_usd > 0) {
    coaching.metrics.counter("purposepath_cost_usd_total", "What the models cost.", {{"model", charge.model}})
        .add(usd(charge.micro_usd));
  }
}

}  // namespace

Account account_of(const Conversation& conversation) {
  return {conversation.owner, conversation.topic, conversation.tier, conversation.conversation_id};
}

void charge_reply(const Coaching& coaching, llm::Purpose purpose, const llm::Reply& reply,
                  std::vector<Charge>& charges) {
  auto& charge = charges.emplace_back();
  charge.purpose = purpose;
  charge.model = reply.model_code.empty() ? reply.model : reply.model_code;
  charge.prompt_tokens = reply.usage.prompt_tokens;
  charge.completion_tokens = reply.usage.completion_tokens;
  charge.cached_tokens = reply.usage.cached_tokens;
  charge.micro_usd = micro_usd(reply.cost_usd);
  charge.estimated = reply.usage.estimated;
  count(coaching, charge);
}

void charge_failure(const Coaching& coaching, const llm::Request& request, const std::exception_ptr& failure,
                    std::size_t text_bytes, std::vector<Charge>& charges) {
  if (!costs_something(failure, text_bytes > 0)) return;
  auto asked = request;
  asked.max_tokens = static_cast<int>((text_bytes + 3) / 4);
  const auto quote = coaching.provider.quote(asked);
  auto& charge = charges.emplace_back();
  charge.purpose = request.purpose;
  charge.model = quote.model_code;
  charge.prompt_tokens = quote.prompt_tokens;
  charge.completion_tokens = asked.max_tokens;
  charge.micro_usd = micro_usd(quote.most_usd - quote.reasoning_usd);  // whether it has thought nobody told
  charge.estimated = true;
  count(coaching, charge);
}

bool has_budgets(const Coaching& coaching, std::string_view tier) {
  return !limits_for(coaching.options.budgets, tier).empty();
}

std::optional<Reservation> reservation_for(const Coaching& coaching, std::string_view tier,
                                           std::span<const llm::Quote> quotes) {
  const auto limits = limits_for(coaching.options.budgets, tier);
  if (limits.empty()) return std::nullopt;
  Reservation reservation;
  reservation.day = day_of(coaching.clock.now());
  for (const auto& quote : quotes) {
    reservation.micro_usd += static_cast<MicroUsd>(std::ceil(quote.most_usd * 1e6));
    reservation.tokens += quote.most_tokens;
  }
  for (const auto& limit : limits) reservation.budgets.push_back(limit.budget);
  return reservation;
}

void reserve(const Coaching& coaching, const Account& account, const Reservation& reservation,
             std::vector<store::Write>& writes) {
  const Amount amount{reservation.micro_usd, reservation.tokens};
  for (const auto& limit : limits_for(coaching.options.budgets, account.tier)) {
    const auto wanted = amount.of(limit.budget);
    writes.emplace_back(store::Add{.key = budget_key(limit.budget, account.owner, reservation.day),
                                   .amounts = {wanted},
                                   .when = store::Condition::at_most(limit.most - wanted),
                                   .expires_at_s = budget_expiry_s(limit.budget, reservation.day)});
  }
}

void give_back(const Owner& owner, const std::optional<Reservation>& reservation, std::vector<store::Write>& writes) {
  if (!reservation) return;
  const Amount held{reservation->micro_usd, reservation->tokens};
  for (const auto budget : reservation->budgets) {
    post_to_budget(writes, budget, owner, reservation->day, -held.of(budget), 0);
  }
}

void settle(const Coaching& coaching, const Account& account, const std::optional<Reservation>& reservation,
            std::span<const Charge> charges, std::vector<store::Write>& writes) {
  const auto now = coaching.clock.now();
  const auto today = day_of(now);
  for (const auto& charge : charges) post_to_books(coaching, account, charge, today, now, writes);
  give_back(account.owner, reservation, writes);
  const auto spent = sum_of(charges);
  const auto spend = [&](Budget budget, const std::string& day) {
    post_to_budget(writes, budget, account.owner, day, spent.of(budget), spent.of(budget));
  };
  if (reservation) {
    for (const auto budget : reservation->budgets) spend(budget, reservation->day);
  } else if (!charges.empty()) {
    for (const auto& limit : limits_for(coaching.options.budgets, account.tier)) spend(limit.budget, today);
  }
}

std::optional<Error> refused_budget(const Coaching& coaching, const Account& account, const store::Outcome& outcome,
                                    std::size_t first_write) {
  const auto limits = limits_for(coaching.options.budgets, account.tier);
  if (!outcome.refused_by || *outcome.refused_by < first_write) return std::nullopt;
  const auto& limit = limits.at(*outcome.refused_by - first_write);
  coaching.metrics
      .counter("purposepath_quota_exceeded_total", "Calls to a model refused by a budget, by budget.",
               {{"budget", std::string(base::name_of(limit.budget))}})
      .add();
  return over_budget(limit, coaching.clock.now());
}

Task<> post_charges(const Coaching& coaching, Account account, std::vector<Charge> charges) {
  if (charges.empty()) co_return;
  std::vector<store::Write> writes;
  settle(coaching, account, std::nullopt, charges, writes);
  co_await coaching.store.transact(std::move(writes));
}

Task<std::optional<Hold>> hold(const Coaching& coaching, Account account, llm::Quote quote) {
  const auto reservation = reservation_for(coaching, account.tier, {&quote, 1});
  if (!reservation) co_return std::nullopt;
  const auto id = coaching.ids.next("hold");
  store::Item item;
  item.key = {fmt::format("hold#{}", id), "hold"};
  item.version = 1;
  item.body = body_of(HoldRecord{account.owner, *reservation});
  item.index = store::Key{std::string(kHolds), due_sort(coaching.clock.now() + coaching.options.budgets.lease, id)};
  Hold held{item.key, *reservation};
  std::vector<store::Write> writes{store::Put{std::move(item), store::Condition::absent()}};
  reserve(coaching, account, *reservation, writes);
  const auto outcome = co_await coaching.store.transact(std::move(writes));
  if (auto refusal = refused_budget(coaching, account, outcome, 1)) throw std::move(*refusal);
  if (!outcome.committed()) throw Error(Code::internal_error, "an id was given twice");
  co_return held;
}

Task<> settle_hold(const Coaching& coaching, Account account, std::optional<Hold> held, std::vector<Charge> charges) {
  if (held) {
    std::vector<store::Write> writes{store::Delete{held->key, store::Condition::exists()}};
    settle(coaching, account, held->reservation, charges, writes);
    const auto outcome = co_await coaching.store.transact(std::move(writes));
    if (outcome.committed()) co_return;
    // The call took longer than its lease, and the sweep has given it back.
  }
  co_await post_charges(coaching, std::move(account), std::move(charges));
}

Task<> give_back_overdue(const Coaching& coaching, bool even_if_held) {
  store::Query query;
  query.partition = kHolds;
  query.limit = kHoldsAtOnce;
  const auto now = coaching.clock.now();
  // What this process itself has just reserved ends a whole lease from now.
  query.to = due_before(even_if_held ? now + coaching.options.budgets.lease - base::Milliseconds(1) : now);
  const auto page = co_await coaching.store.query_index(std::move(query));
  for (const auto& item : page.items) {
    const auto record = record_of<HoldRecord>(item);
    std::vector<store::Write> writes{store::Delete{item.key, store::Condition::exists()}};
    give_back(record.owner, record.reservation, writes);
    co_await coaching.store.transact(std::move(writes));
  }
}

std::string books_partition(std::string_view tenant_id) { return fmt::format("books#{}", key_part(tenant_id)); }

store::Key books_key(std::string_view tenant_id, const BooksKey& parts) {
  return {books_partition(tenant_id),
          fmt::format("{}#{}#{}#{}", parts.day, key_part(parts.user_id), key_part(parts.topic),
                      key_part(base::prefix_bytes(parts.model, kLongestModel)))};
}

BooksKey books_key_of(std::string_view sort) {
  const auto next = [&sort] {
    const auto part = sort.substr(0, sort.find('#'));
    sort.remove_prefix(std::min(sort.size(), part.size() + 1));
    return text_of_key_part(part);
  };
  BooksKey parts;
  parts.day = next();
  parts.user_id = next();
  parts.topic = next();
  parts.model = next();
  return parts;
}

}  // namespace coaching
