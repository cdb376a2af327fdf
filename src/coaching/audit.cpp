#include "coaching/audit.hpp"

#include <fmt/format.h>

#include "coaching/records.hpp"

namespace coaching {
namespace {

std::string partition_of(std::string_view tenant) { return fmt::format("audit#{}", key_part(tenant)); }

store::Query query_of(const AuditQuery& query) {
  store::Query range;
  range.partition = partition_of(query.tenant_id);
  if (query.from) range.from = due_sort(*query.from, "");
  if (query.to) range.to = due_sort(*query.to, "");
  range.descending = true;
  range.limit = 1000;
  return range;
}

}  // namespace

store::Put audited(base::Ids& ids, const base::Clock& clock, Owner actor, std::string tenant_id, std::string act,
                   std::string subject, base::json::object details) {
  AuditEntry entry;
  entry.audit_id = ids.next("audit");
  entry.time = clock.now();
  entry.actor = std::move(actor);
  entry.tenant_id = std::move(tenant_id);
  entry.act = std::move(act);
  entry.subject = std::move(subject);
  entry.details = std::move(details);
  store::Item item;
  item.key = {partition_of(entry.tenant_id), due_sort(entry.time, entry.audit_id)};
  item.version = 1;
  item.body = body_of(entry);
  return {std::move(item), store::Condition::absent()};
}

base::Task<AuditPage> read_audit(store::Store& store, AuditQuery query) {
  auto range = query_of(query);
  AuditPage page;
  page.total = co_await store.count(range);
  auto skip = static_cast<std::size_t>((query.page - 1) * query.page_size);
  const auto size = static_cast<std::size_t>(query.page_size);
  for (bool more = skip < static_cast<std::size_t>(page.total); more;) {
    const auto got = co_await store.query(range);
    for (const auto& item : got.items) {
      if (skip > 0) {
        --skip;
      } else if (page.entries.size() < size) {
        page.entries.push_back(record_of<AuditEntry>(item));
      }
    }
    more = got.more && page.entries.size() < size;
    if (more) range.after = got.items.back().key.sort;
  }
  co_return page;
}

}  // namespace coaching
