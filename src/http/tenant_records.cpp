#include "http/tenant_records.hpp"

#include "coaching/audit.hpp"
#include "coaching/tenant_export.hpp"
#include "coaching/topic_versions.hpp"

namespace http {
namespace {

using base::Task;
using coaching::Coaching;
namespace json = base::json;

// The books of this name are the operator's.
std::string tenant_of(const Call& call) {
  if (call.caller.tenant_id == coaching::kAllTenants) {
    throw base::Error(base::Code::forbidden, "a tenant of this name has no records of its own");
  }
  return call.caller.tenant_id;
}

std::optional<base::Time> day_parameter(const Call& call, std::string_view name) {
  const auto day = call.text_parameter(name);
  if (day.empty()) return std::nullopt;
  try {
    return base::parse_time(day + "T00:00:00Z");
  } catch (const base::Error&) {
    throw base::Error(base::Code::validation_error, "there is no such day",
                      json::array{{{"field", name}, {"message", "must be a day such as 2026-11-22"}}});
  }
}

Task<Response> list_audit(const Coaching& coaching, const Call& call) {
  coaching::AuditQuery query;
  query.tenant_id = tenant_of(call);
  query.from = day_parameter(call, "from");
  query.to = day_parameter(call, "to");
  if (query.to) *query.to += std::chrono::days(1);  // the last day is included
  query.page = call.number_parameter("page");
  query.page_size = call.number_parameter("page_size");
  const auto page = query.page;
  const auto page_size = query.page_size;
  const auto got = co_await coaching::read_audit(coaching.store, std::move(query));
  json::array entries;
  for (const auto& entry : got.entries) {
    entries.push_back({{"audit_id", entry.audit_id},
                       {"time", base::to_json(entry.time)},
                       {"user_id", entry.actor.user_id},
                       {"act", entry.act},
                       {"subject", entry.subject},
                       {"details", entry.details}});
  }
  co_return Response::json(200, {{"entries", std::move(entries)},
                                 {"total", got.total},
                                 {"page", page},
                                 {"page_size", page_size},
                                 {"has_more", page * page_size < got.total}});
}

Task<Response> export_all(const Coaching& coaching, const Call& call) {
  const auto tenant = tenant_of(call);
  // On the books first: what was handed out stays known, also when the client leaves in the middle.
  std::vector<store::Write> writes{coaching::audited(coaching.ids, coaching.clock,
                                                     {call.caller.tenant_id, call.caller.user_id}, tenant,
                                                     "tenant.export", tenant)};
  co_await coaching.store.transact(std::move(writes));
  Response response;
  response.content_type = "application/x-ndjson";
  response.stream = [&coaching, tenant](StreamWriter& writer) -> Task<> {
    co_await coaching::export_tenant(coaching.store, tenant, coaching.clock.now(),
                                     [&writer](std::string lines) { return writer.write(std::move(lines)); });
  };
  co_return response;
}

}  // namespace

void add_tenant_records(Handlers& handlers, const Coaching& coaching) {
  handlers.emplace("admin_list_audit", [&coaching](const Call& call) { return list_audit(coaching, call); });
  handlers.emplace("admin_export_tenant", [&coaching](const Call& call) { return export_all(coaching, call); });
}

}  // namespace http
