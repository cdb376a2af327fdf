#pragma once
// The books: every call to a model is charged to its tenant, user, topic and model, in one Add on the item of the day.
// Budgets are reserved before a call and settled after it. All of it is made of writes for somebody's transaction, so that
// a turn is charged in the very transaction that commits its reply.
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "coaching/charge.hpp"
#include "coaching/conversation.hpp"
#include "coaching/options.hpp"

namespace coaching {

// Who pays for a call, and what it is for.
struct Account {
  Owner owner;
  std::string topic;
  std::string tier;
  std::string reference;  // conversation, analysis or job
};
Account account_of(const Conversation& conversation);

// These two append a charge, and count it in purposepath_tokens_total and purposepath_cost_usd_total.
void charge_reply(const Coaching& coaching, llm::Purpose purpose, const llm::Reply& reply,
                  std::vector<Charge>& charges);
// Of a call that ended in `failure` after so many bytes of text: its prompt and that text at the prices of the provider's
// quote, when it was cut off while the model was at work; else it has cost nothing. `request` still holds the prompt.
void charge_failure(const Coaching& coaching, const llm::Request& request, const std::exception_ptr& failure,
                    std::size_t text_bytes, std::vector<Charge>& charges);

// What to set aside for that much; nullopt when no budget is set for the owner.
std::optional<Reservation> reservation_for(const Coaching& coaching, std::string_view tier,
                                           std::span<const llm::Quote> quotes);
bool has_budgets(const Coaching& coaching, std::string_view tier);

// The following append to a transaction. An Add on a key that has one already becomes one with it.
//
// Sets aside, on condition that every budget's limit allows it; the transaction is refused otherwise.
void reserve(const Coaching& coaching, const Account& account, const Reservation& reservation,
             std::vector<store::Write>& writes);
// Gives back what was set aside.
void give_back(const Owner& owner, const std::optional<Reservation>& reservation, std::vector<store::Write>& writes);
// Puts the charges on the books, and what they sum up to into the budgets in place of what was set aside for them. Without
// a reservation the budgets that are set now take it, whatever their limits are: it has been spent.
void settle(const Coaching& coaching, const Account& account, const std::optional<Reservation>& reservation,
            std::span<const Charge> charges, std::vector<store::Write>& writes);

// What to throw when reserve(), whose writes were the last from `first_write` on, was refused; nullopt when it was not.
std::optional<base::Error> refused_budget(const Coaching& coaching, const Account& account,
                                          const store::Outcome& outcome, std::size_t first_write);

// settle() in a transaction of its own; no charges, no transaction.
base::Task<> post_charges(const Coaching& coaching, Account account, std::vector<Charge> charges);

// A reservation of a call outside turns: an item of its own, with its end of life in an index, so that it comes back when
// its process dies.
struct Hold {
  store::Key key;
  Reservation reservation;
};
// nullopt when there are no budgets. Throws Error{quota_exceeded}.
base::Task<std::optional<Hold>> hold(const Coaching& coaching, Account account, llm::Quote quote);
base::Task<> settle_hold(const Coaching& coaching, Account account, std::optional<Hold> held,
                         std::vector<Charge> charges);
// Gives back holds whose call should have ended long ago; `even_if_held`: all that were there before this process.
base::Task<> give_back_overdue(const Coaching& coaching, bool even_if_held);

// Key of the day's charges, and what it is made of.
struct BooksKey {
  std::string day;
  std::string user_id;
  std::string topic;
  std::string model;
};
store::Key books_key(std::string_view tenant_id, const BooksKey& parts);
std::string books_partition(std::string_view tenant_id);
BooksKey books_key_of(std::string_view sort);
// What an item's counters count.
enum BooksCounter : std::size_t { kCalls, kPromptTokens, kCompletionTokens, kCachedTokens, kMicroUsd, kEstimatedCalls };

}  // namespace coaching
