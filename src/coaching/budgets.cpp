#include "coaching/budgets.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "coaching/records.hpp"
#include "coaching/tiers.hpp"

namespace coaching {
namespace {

using std::chrono::days;
using std::chrono::months;

constexpr days kKeptAfterDay{8};
constexpr days kKeptAfterMonth{40};

const BudgetLimits* of_tier(const BudgetOptions& options, std::string_view tier) {
  if (tier == "free") return &options.free;
  if (tier == "basic") return &options.basic;
  if (tier == "premium") return &options.premium;
  if (tier == "ultimate") return &options.ultimate;
  return nullptr;
}

template <class Number>
Number chosen(Number of_tier, Number of_all) {
  return of_tier == Number{} ? of_all : of_tier;
}

BudgetLimits user_limits(const BudgetOptions& options, std::string_view tier) {
  auto limits = options.user;
  if (const auto* own = of_tier(options, tier)) {
    limits.day_usd = chosen(own->day_usd, limits.day_usd);
    limits.month_usd = chosen(own->month_usd, limits.month_usd);
    limits.day_tokens = chosen(own->day_tokens, limits.day_tokens);
    limits.month_tokens = chosen(own->month_tokens, limits.month_tokens);
  }
  return limits;
}

void add_limits(std::vector<Limit>& out, const BudgetLimits& limits, const std::array<Budget, 4>& budgets) {
  const std::array amounts{micro_usd(limits.day_usd), limits.day_tokens, micro_usd(limits.month_usd),
                           limits.month_tokens};
  for (std::size_t i = 0; i < amounts.size(); ++i) {
    if (amounts[i] > 0) out.push_back({budgets[i], amounts[i]});
  }
}

std::chrono::sys_days date_of(std::string_view day) {
  return std::chrono::floor<days>(base::parse_time(fmt::format("{}T00:00:00Z", day)));
}

std::string amount_of(const Limit& limit) {
  if (is_in_tokens(limit.budget)) return fmt::format("{} tokens", limit.most);
  return fmt::format("{} USD", usd(limit.most));
}

}  // namespace

MicroUsd micro_usd(double usd) { return std::llround(usd * 1e6); }
double usd(MicroUsd amount) { return static_cast<double>(amount) / 1e6; }

std::string day_of(base::Time time) { return base::format_time(time).substr(0, 10); }

std::vector<Limit> limits_for(const BudgetOptions& options, std::string_view tier) {
  using enum Budget;
  std::vector<Limit> limits;
  add_limits(limits, user_limits(options, tier), {user_day_usd, user_day_tokens, user_month_usd, user_month_tokens});
  add_limits(limits, options.tenant, {tenant_day_usd, tenant_day_tokens, tenant_month_usd, tenant_month_tokens});
  return limits;
}

bool is_of_tenant(Budget budget) { return budget >= Budget::tenant_day_usd; }

bool is_monthly(Budget budget) {
  using enum Budget;
  return budget == user_month_usd || budget == user_month_tokens || budget == tenant_month_usd ||
         budget == tenant_month_tokens;
}

bool is_in_tokens(Budget budget) {
  using enum Budget;
  return budget == user_day_tokens || budget == user_month_tokens || budget == tenant_day_tokens ||
         budget == tenant_month_tokens;
}

store::Key budget_key(Budget budget, const Owner& owner, std::string_view day) {
  const auto tenant = key_part(owner.tenant_id);
  return {is_of_tenant(budget) ? fmt::format("budget#{}", tenant)
                               : fmt::format("budget#{}#{}", tenant, key_part(owner.user_id)),
          fmt::format("{}#{}", is_monthly(budget) ? day.substr(0, 7) : day, is_in_tokens(budget) ? "tokens" : "usd")};
}

base::Time period_end(Budget budget, std::string_view day) {
  const auto date = date_of(day);
  if (!is_monthly(budget)) return date + days(1);
  const std::chrono::year_month_day parts(date);
  return std::chrono::sys_days(parts.year() / parts.month() / 1 + months(1));
}

std::int64_t budget_expiry_s(Budget budget, std::string_view day) {
  const auto until = period_end(budget, day) + (is_monthly(budget) ? kKeptAfterMonth : kKeptAfterDay);
  return std::chrono::floor<std::chrono::seconds>(until).time_since_epoch().count();
}

base::Error over_budget(const Limit& limit, base::Time now) {
  const auto resets_at = period_end(limit.budget, day_of(now));
  base::Error error(
      base::Code::quota_exceeded,
      fmt::format("{} {} budget of {} leaves too little for another answer; it starts anew at {}",
                  is_of_tenant(limit.budget) ? "your organisation's" : "your",
                  is_monthly(limit.budget) ? "monthly" : "daily", amount_of(limit), base::format_time(resets_at)),
      base::json::object{{"budget", base::name_of(limit.budget)},
                         {"limit", is_in_tokens(limit.budget) ? base::json::value(limit.most) : usd(limit.most)},
                         {"resets_at", base::format_time(resets_at)}});
  error.retry_after = resets_at - now;
  return error;
}

base::Task<std::vector<BudgetState>> budget_states(const Coaching& coaching, Owner owner, std::string tier) {
  const auto day = day_of(coaching.clock.now());
  std::vector<BudgetState> states;
  std::vector<store::Key> keys;
  for (const auto& limit : limits_for(coaching.options.budgets, tier)) {
    states.push_back({.limit = limit, .resets_at = period_end(limit.budget, day)});
    keys.push_back(budget_key(limit.budget, owner, day));
  }
  if (keys.empty()) co_return states;
  const auto items = co_await coaching.store.get_many(keys);
  for (std::size_t i = 0; i < states.size(); ++i) {
    const auto item = std::ranges::find(items, keys[i], &store::Item::key);
    if (item == items.end()) continue;
    states[i].spent = item->counters[1];
    states[i].reserved = item->counters[0] - item->counters[1];
  }
  co_return states;
}

}  // namespace coaching
