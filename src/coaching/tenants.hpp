#pragma once
// Which tenants have ever asked a model for something: a list in the store, so that an operator's report over all of them
// need not scan.
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "coaching/conversation.hpp"
#include "store/store.hpp"

namespace coaching {

struct Coaching;

// Those known to be in a list (of tenants, or of a tenant's users), so that it is written once a process and tenant. Any thread.
class ListedTenants {
 public:
  bool has(const std::string& id) const;
  void remember(const std::string& id);

 private:
  static constexpr std::size_t kMost = 100'000;  // then all are forgotten, and written once more
  mutable std::mutex mutex_;
  std::unordered_set<std::string> ids_;
};

base::Task<> list_tenant(const Coaching& coaching, std::string tenant_id);
base::Task<std::vector<std::string>> all_tenants(store::Store& store);

// Who of a tenant has anything stored, so that all of it can be found. The write belongs into the transaction that stores
// something for a user; nullopt when the user is known to be listed. Once it is committed, remember_user().
std::optional<store::Put> list_user(const Coaching& coaching, const Owner& owner);
void remember_user(const Coaching& coaching, const Owner& owner);
base::Task<std::vector<std::string>> all_users(store::Store& store, std::string tenant_id);

}  // namespace coaching
