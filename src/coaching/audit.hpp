#pragma once
// Who changed what: an entry for every act of administration, written in the transaction of the act itself.
#include <optional>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "base/ids.hpp"
#include "coaching/conversation.hpp"
#include "store/store.hpp"

namespace coaching {

struct AuditEntry {
  std::string audit_id;  // audit_…
  base::Time time{};
  Owner actor;  // an operator at the command line has the tenant "*"
  std::string tenant_id;  // whose things were changed; "*" for those of all tenants
  std::string act;  // "topic.publish": the thing's kind and what was done
  std::string subject;  // which one
  base::json::object details;  // numbers and names, never content
};
BOOST_DESCRIBE_STRUCT(AuditEntry, (), (audit_id, time, actor, tenant_id, act, subject, details))

// To be put into the transaction of the act; makes id and time.
store::Put audited(base::Ids& ids, const base::Clock& clock, Owner actor, std::string tenant_id, std::string act,
                   std::string subject, base::json::object details = {});

struct AuditQuery {
  std::string tenant_id;
  std::optional<base::Time> from;  // inclusive
  std::optional<base::Time> to;  // exclusive
  std::int64_t page = 1;
  std::int64_t page_size = 50;
};
struct AuditPage {
  std::vector<AuditEntry> entries;  // newest first
  std::int64_t total = 0;
};
base::Task<AuditPage> read_audit(store::Store& store, AuditQuery query);

}  // namespace coaching
