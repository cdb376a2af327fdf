#pragma once
// What was used and what it cost, from the books: for a tenant's administrator, for a user about themselves, and for the
// operator over all tenants.
#include <optional>
#include <string>
#include <vector>

#include "coaching/budgets.hpp"
#include "coaching/options.hpp"

namespace coaching {

enum class GroupBy { day, tenant, user, topic, model };
BOOST_DESCRIBE_ENUM(GroupBy, day, tenant, user, topic, model)

struct UsageQuery {
  std::string from;  // days, both included: "2026-11-01"; "" for the first of this month, and for today
  std::string to;
  GroupBy group_by = GroupBy::day;
  std::optional<std::string> tenant_id;  // nullopt: all tenants
  std::optional<std::string> user_id;  // nullopt: all users of the tenant
  std::size_t most_rows = 1000;
};

struct UsageRow {
  std::string group;  // the day, tenant, user, topic or model; "" in a total
  std::int64_t calls = 0;
  std::int64_t estimated_calls = 0;  // of them, whose usage no vendor told
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t cached_tokens = 0;  // of the prompt
  MicroUsd micro_usd = 0;
};

struct UsageReport {
  std::string from;
  std::string to;
  GroupBy group_by = GroupBy::day;
  std::vector<UsageRow> rows;  // days in their order, all else by cost, the most expensive first
  UsageRow total;  // of all rows, also those beyond most_rows
  bool more = false;  // there were more than most_rows
};

// Throws Error{validation_error} for a day that is none, days the wrong way round, or more than 400 of them.
base::Task<UsageReport> report_usage(store::Store& store, base::Time now, UsageQuery query);

}  // namespace coaching
