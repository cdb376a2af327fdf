#include "coaching/tenants.hpp"

#include "coaching/options.hpp"
#include "coaching/records.hpp"

namespace coaching {
namespace {

constexpr std::string_view kTenants = "tenants";

}  // namespace

bool ListedTenants::has(const std::string& tenant_id) const {
  const std::lock_guard lock(mutex_);
  return ids_.contains(tenant_id);
}

void ListedTenants::remember(const std::string& tenant_id) {
  const std::lock_guard lock(mutex_);
  if (ids_.size() >= kMost) ids_.clear();
  ids_.insert(tenant_id);
}

base::Task<> list_tenant(const Coaching& coaching, std::string tenant_id) {
  if (coaching.tenants.has(tenant_id)) co_return;
  store::Item item;
  item.key = {std::string(kTenants), key_part(tenant_id)};
  item.body = "{}";
  std::vector<store::Write> writes{store::Put{std::move(item), store::Condition::none()}};
  co_await coaching.store.transact(std::move(writes));
  coaching.tenants.remember(tenant_id);
}

base::Task<std::vector<std::string>> all_tenants(store::Store& store) {
  store::Query query;
  query.partition = kTenants;
  query.limit = 1000;
  std::vector<std::string> tenants;
  for (bool more = true; more;) {
    const auto page = co_await store.query(query);
    for (const auto& item : page.items) tenants.push_back(text_of_key_part(item.key.sort));
    more = page.more;
    if (more) query.after = page.items.back().key.sort;
  }
  co_return tenants;
}

}  // namespace coaching
