#pragma once
// Remembers what a source of business data has answered: fresh for `ttl`, given again at once for `stale` more while a
// newer one is fetched behind it, and used for `stale_if_error` when none can be had. What a caller may not read is
// forgotten at once.
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/bell.hpp"
#include "coaching/business.hpp"
#include "telemetry/metrics.hpp"

namespace coaching {

// Bounded in bytes; the least recently used go first. Any thread.
class CachedBusiness final : public BusinessSource {
 public:
  // The references must outlive this, and this every io_context that it was read on.
  CachedBusiness(const BusinessOptions& options, std::unique_ptr<BusinessSource> source, const base::Clock& clock,
                 telemetry::Registry& metrics);

  base::Task<BusinessData> read(BusinessQuery query) override;
  base::Task<BusinessHealth> health() override { return source_->health(); }

 private:
  using Value = std::shared_ptr<const base::json::value>;
  struct Entry {
    std::string key;
    Value value;
    base::Time read_at{};
    std::size_t bytes = 0;
  };
  using Entries = std::list<Entry>;
  // A call under way, for all who want the same; guarded by mutex_.
  struct Flight {
    bool done = false;
    Value value;  // nullptr: failed
    std::exception_ptr failure;
    base::Bell landed;
  };
  using FlightPtr = std::shared_ptr<Flight>;
  struct Found {
    Value value;  // nullptr: unknown
    base::Milliseconds age{0};
  };

  std::string key_of(const BusinessQuery& query) const;
  Found find(const std::string& key);  // with the lock held
  FlightPtr board(const BusinessQuery& query, const std::string& key, boost::asio::any_io_executor executor);
  base::Task<> fetch(BusinessQuery query, std::string key, std::string flight_key, FlightPtr flight);
  void keep(const std::string& key, Value value, std::size_t bytes);  // with the lock held
  void erase(const std::string& key);  // the same
  void count(const char* outcome);

  const BusinessOptions& options_;
  const std::unique_ptr<BusinessSource> source_;
  const base::Clock& clock_;
  telemetry::Registry& metrics_;
  std::mutex mutex_;
  std::size_t bytes_ = 0;
  Entries by_use_;  // most recent first
  std::unordered_map<std::string, Entries::iterator> by_key_;
  std::unordered_map<std::string, FlightPtr> flights_;
};

}  // namespace coaching
