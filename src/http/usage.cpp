#include "http/usage.hpp"

namespace http {
namespace {

using base::Task;
using coaching::Coaching;
namespace json = base::json;

json::object row_body(const coaching::UsageRow& row) {
  return {{"calls", row.calls},
          {"estimated_calls", row.estimated_calls},
          {"prompt_tokens", row.prompt_tokens},
          {"completion_tokens", row.completion_tokens},
          {"total_tokens", row.prompt_tokens + row.completion_tokens},
          {"cached_tokens", row.cached_tokens},
          {"cost_usd", coaching::usd(row.micro_usd)}};
}

json::value amount(coaching::Budget budget, std::int64_t amount) {
  if (coaching::is_in_tokens(budget)) return amount;
  return coaching::usd(amount);
}

json::array budgets_body(const std::vector<coaching::BudgetState>& states, bool of_tenant) {
  json::array list;
  for (const auto& state : states) {
    const auto budget = state.limit.budget;
    if (coaching::is_of_tenant(budget) != of_tenant) continue;
    const auto left = std::max<std::int64_t>(0, state.limit.most - state.spent - state.reserved);
    list.push_back({{"budget", base::name_of(budget)},
                    {"limit", amount(budget, state.limit.most)},
                    {"spent", amount(budget, state.spent)},
                    {"reserved", amount(budget, state.reserved)},
                    {"left", amount(budget, left)},
                    {"resets_at", base::format_time(state.resets_at)}});
  }
  return list;
}

// For the whole tenant, or for the caller alone.
Task<Response> show(const Coaching& coaching, const Call& call, bool of_tenant) {
  coaching::UsageQuery query;
  query.from = call.text_parameter("from");
  query.to = call.text_parameter("to");
  query.group_by = base::enum_from<coaching::GroupBy>(call.text_parameter("group_by"));
  query.tenant_id = call.caller.tenant_id;
  if (!of_tenant) query.user_id = call.caller.user_id;
  if (of_tenant) query.most_rows = static_cast<std::size_t>(call.number_parameter("limit"));
  const coaching::Owner owner{call.caller.tenant_id, call.caller.user_id};
  const auto tier = call.caller.tier;
  const auto report = co_await coaching::report_usage(coaching.store, coaching.clock.now(), std::move(query));
  auto body = usage_body(report);
  body["budgets"] = budgets_body(co_await coaching::budget_states(coaching, owner, tier), of_tenant);
  co_return Response::json(200, body);
}

}  // namespace

json::object usage_body(const coaching::UsageReport& report) {
  json::array rows;
  for (const auto& row : report.rows) {
    json::object body{{"group", row.group}};
    for (const auto& member : row_body(row)) body.insert(member);
    rows.push_back(std::move(body));
  }
  return {{"from", report.from},     {"to", report.to},     {"group_by", base::name_of(report.group_by)},
          {"rows", std::move(rows)}, {"more", report.more}, {"total", row_body(report.total)}};
}

void add_usage(Handlers& handlers, const Coaching& coaching) {
  handlers.emplace("get_tenant_usage", [&coaching](const Call& call) { return show(coaching, call, true); });
  handlers.emplace("get_own_usage", [&coaching](const Call& call) { return show(coaching, call, false); });
}

}  // namespace http
