#include "coaching/tenants.hpp"

#include "coaching/options.hpp"
#include "coaching/records.hpp"

namespace coaching {
namespace {

constexpr std::string_view kTenants = "tenants";

// No tenant's key part begins so.
std::string memory_key(const Owner& owner) { return "#" + key_part(owner.tenant_id) + "#" + key_part(owner.user_id); }

// Of a list that is a partition of empty items.
base::Task<std::vector<std::string>> read_list(store::Store& store, std::string partition) {
  store::Query query;
  query.partition = std::move(partition);
  query.limit = 1000;
  std::vector<std::string> ids;
  for (bool more = true; more;) {
    const auto page = co_await store.query(query);
    for (const auto& item : page.items) ids.push_back(text_of_key_part(item.key.sort));
    more = page.more;
    if (more) query.after = page.items.back().key.sort;
  }
  co_return ids;
}

store::Put put_listed(std::string partition, std::string_view id) {
  store::Item item;
  item.key = {std::move(partition), key_part(id)};
  item.body = "{}";
  return {std::move(item), store::Condition::none()};
}

std::string users_partition(std::string_view tenant_id) { return "users#" + key_part(tenant_id); }

}  // namespace

bool ListedTenants::has(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  return ids_.contains(id);
}

void ListedTenants::remember(const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (ids_.size() >= kMost) ids_.clear();
  ids_.insert(id);
}

base::Task<> list_tenant(const Coaching& coaching, std::string tenant_id) {
  const auto known_as = key_part(tenant_id);
  if (coaching.tenants.has(known_as)) co_return;
  std::vector<store::Write> writes{put_listed(std::string(kTenants), tenant_id)};
  co_await coaching.store.transact(std::move(writes));
  coaching.tenants.remember(known_as);
}

base::Task<std::vector<std::string>> all_tenants(store::Store& store) {
  return read_list(store, std::string(kTenants));
}

std::optional<store::Put> list_user(const Coaching& coaching, const Owner& owner) {
  if (coaching.tenants.has(memory_key(owner))) return std::nullopt;
  return put_listed(users_partition(owner.tenant_id), owner.user_id);
}

void remember_user(const Coaching& coaching, const Owner& owner) { coaching.tenants.remember(memory_key(owner)); }

base::Task<std::vector<std::string>> all_users(store::Store& store, std::string tenant_id) {
  return read_list(store, users_partition(tenant_id));
}

}  // namespace coaching
