#pragma once
// Money in the records: what a call to a model has cost, and what is set aside for calls that are under way.
#include <boost/describe.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "llm/provider.hpp"

namespace coaching {

// Millionths of a US dollar: whole numbers, which can be added up in any order by conditional writes alone.
using MicroUsd = std::int64_t;
MicroUsd micro_usd(double usd);
double usd(MicroUsd amount);

// One call.
struct Charge {
  llm::Purpose purpose = llm::Purpose::reply;
  std::string model;  // its code in the catalogue; as the vendor names it when no router was asked
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t cached_tokens = 0;  // of the prompt
  MicroUsd micro_usd = 0;
  bool estimated = false;  // the vendor told no usage, as when the call was cut off
};
BOOST_DESCRIBE_STRUCT(Charge, (),
                      (purpose, model, prompt_tokens, completion_tokens, cached_tokens, micro_usd, estimated))

// Whose budget, for what time, in what.
enum class Budget {
  user_day_usd,
  user_day_tokens,
  user_month_usd,
  user_month_tokens,
  tenant_day_usd,
  tenant_day_tokens,
  tenant_month_usd,
  tenant_month_tokens
};
BOOST_DESCRIBE_ENUM(Budget, user_day_usd, user_day_tokens, user_month_usd, user_month_tokens, tenant_day_usd,
                    tenant_day_tokens, tenant_month_usd, tenant_month_tokens)

// What is set aside before a call, in every budget that there is for its owner. It remembers them: settings may change
// while the call is under way.
struct Reservation {
  std::string day;  // "2026-11-22", UTC: the day, and the month, that pay
  MicroUsd micro_usd = 0;
  std::int64_t tokens = 0;
  std::vector<Budget> budgets;
};
BOOST_DESCRIBE_STRUCT(Reservation, (), (day, micro_usd, tokens, budgets))

}  // namespace coaching
