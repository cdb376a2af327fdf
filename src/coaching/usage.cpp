#include "coaching/usage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <map>

#include "coaching/ledger.hpp"
#include "coaching/records.hpp"
#include "coaching/tenants.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;
using std::chrono::days;

constexpr days kLongest{400};
constexpr std::size_t kPage = 500;

using Groups = std::map<std::string, UsageRow, std::less<>>;

std::chrono::sys_days parse_day(const std::string& text, std::string_view field) {
  try {
    if (text.size() == 10) return std::chrono::floor<days>(base::parse_time(text + "T00:00:00Z"));
  } catch (const Error&) {
    // told below
  }
  throw Error(Code::validation_error, fmt::format("{} must be a day such as 2026-11-22", field),
              base::json::array{{{"field", field}, {"message", "must be a day such as 2026-11-22"}}});
}

struct Days {
  std::chrono::sys_days from;
  std::chrono::sys_days to;  // included
};

Days days_of(const UsageQuery& query, base::Time now) {
  const auto today = day_of(now);
  const Days span{parse_day(query.from.empty() ? today.substr(0, 8) + "01" : query.from, "from"),
                  parse_day(query.to.empty() ? today : query.to, "to")};
  std::string_view fault;
  if (span.to < span.from) fault = "must not be before from";
  if (span.to - span.from >= kLongest) fault = "must be less than 400 days after from";
  if (!fault.empty()) {
    throw Error(Code::validation_error, fmt::format("to {}", fault),
                base::json::array{{{"field", "to"}, {"message", fault}}});
  }
  return span;
}

void add(UsageRow& row, const store::Counters& counters) {
  row.calls += counters[kCalls];
  row.estimated_calls += counters[kEstimatedCalls];
  row.prompt_tokens += counters[kPromptTokens];
  row.completion_tokens += counters[kCompletionTokens];
  row.cached_tokens += counters[kCachedTokens];
  row.micro_usd += counters[kMicroUsd];
}

std::string group_of(GroupBy by, const std::string& tenant_id, const BooksKey& key) {
  switch (by) {
    case GroupBy::day: return key.day;
    case GroupBy::tenant: return tenant_id;
    case GroupBy::user: return key.user_id;
    case GroupBy::topic: return key.topic;
    case GroupBy::model: return key.model;
  }
  return "";
}

// All charges of a tenant between two sort keys.
Task<> add_range(store::Store& store, GroupBy by, const std::string& tenant_id, std::string from, std::string to,
                 Groups& groups) {
  const auto executor = co_await boost::asio::this_coro::executor;
  store::Query query;
  query.partition = books_partition(tenant_id);
  query.from = std::move(from);
  query.to = std::move(to);
  query.limit = kPage;
  for (bool more = true; more;) {
    const auto page = co_await store.query(query);
    for (const auto& item : page.items) {
      add(groups[group_of(by, tenant_id, books_key_of(item.key.sort))], item.counters);
    }
    more = page.more;
    if (!more) break;
    query.after = page.items.back().key.sort;
    co_await boost::asio::post(executor, boost::asio::use_awaitable);  // others wait on this thread
  }
}

Task<> add_tenant(store::Store& store, const UsageQuery& query, const Days& span, const std::string& tenant_id,
                  Groups& groups) {
  if (!query.user_id) {
    // '$' sorts right after the '#' that ends the day.
    co_await add_range(store, query.group_by, tenant_id, day_of(span.from), day_of(span.to) + "$", groups);
    co_return;
  }
  for (auto day = span.from; day <= span.to; day += days(1)) {
    const auto prefix = fmt::format("{}#{}", day_of(day), key_part(*query.user_id));
    co_await add_range(store, query.group_by, tenant_id, prefix + "#", prefix + "$", groups);
  }
}

UsageReport summarize(const UsageQuery& query, const Days& span, Groups groups) {
  UsageReport report;
  report.from = day_of(span.from);
  report.to = day_of(span.to);
  report.group_by = query.group_by;
  for (auto& [group, row] : groups) {
    add(report.total,
        {row.calls, row.prompt_tokens, row.completion_tokens, row.cached_tokens, row.micro_usd, row.estimated_calls});
    row.group = group;
    report.rows.push_back(std::move(row));
  }
  if (query.group_by != GroupBy::day) {
    std::ranges::sort(report.rows, [](const UsageRow& a, const UsageRow& b) {
      return std::tie(b.micro_usd, b.calls, a.group) < std::tie(a.micro_usd, a.calls, b.group);
    });
  }
  report.more = report.rows.size() > query.most_rows;
  if (report.more) report.rows.resize(query.most_rows);
  return report;
}

}  // namespace

Task<UsageReport> report_usage(store::Store& store, base::Time now, UsageQuery query) {
  const auto span = days_of(query, now);
  Groups groups;
  std::vector<std::string> tenants;
  if (query.tenant_id) {
    tenants.push_back(*query.tenant_id);
  } else {
    tenants = co_await all_tenants(store);
  }
  for (const auto& tenant_id : tenants) co_await add_tenant(store, query, span, tenant_id, groups);
  co_return summarize(query, span, std::move(groups));
}

}  // namespace coaching
