#pragma once
// Budgets: how much may be spent a day and a month, by a user and by a tenant. A budget of a period is one item whose
// first counter is what was spent and what is reserved (the limit is a condition on it), and whose second is what was
// spent alone. Days and months are UTC's.
#include <string>
#include <string_view>
#include <vector>

#include "coaching/charge.hpp"
#include "coaching/options.hpp"

namespace coaching {

std::string day_of(base::Time time);  // "2026-11-22"

struct Limit {
  Budget budget;
  std::int64_t most = 0;  // millionths of a US dollar, or tokens
};
// Those that are set for a user of that tier, and for the tenant; users' first.
std::vector<Limit> limits_for(const BudgetOptions& options, std::string_view tier);

bool is_of_tenant(Budget budget);
bool is_monthly(Budget budget);
bool is_in_tokens(Budget budget);

// Of the period that the day lies in.
store::Key budget_key(Budget budget, const Owner& owner, std::string_view day);
base::Time period_end(Budget budget, std::string_view day);
// Some time after the period's end, so that what began in it can still be settled.
std::int64_t budget_expiry_s(Budget budget, std::string_view day);

// Error{quota_exceeded}: which budget, how much it allows, and from when on there is a new one.
base::Error over_budget(const Limit& limit, base::Time now);

// How a budget stands.
struct BudgetState {
  Limit limit;
  std::int64_t spent = 0;
  std::int64_t reserved = 0;  // by calls under way
  base::Time resets_at{};
};
// Those of limits_for, in its order.
base::Task<std::vector<BudgetState>> budget_states(const Coaching& coaching, Owner owner, std::string tier);

}  // namespace coaching
