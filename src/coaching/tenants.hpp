#pragma once
// Which tenants have ever asked a model for something: a list in the store, so that an operator's report over all of them
// need not scan.
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "store/store.hpp"

namespace coaching {

struct Coaching;

// Those known to be in the list, so that it is written once a process and tenant. Any thread.
class ListedTenants {
 public:
  bool has(const std::string& tenant_id) const;
  void remember(const std::string& tenant_id);

 private:
  static constexpr std::size_t kMost = 100'000;  // then all are forgotten, and written once more
  mutable std::mutex mutex_;
  std::unordered_set<std::string> ids_;
};

base::Task<> list_tenant(const Coaching& coaching, std::string tenant_id);
base::Task<std::vector<std::string>> all_tenants(store::Store& store);

}  // namespace coaching
