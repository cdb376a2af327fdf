#include "coaching/business_cache.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include "coaching/records.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

// A parsed answer takes about so many times the room of its text.
constexpr std::size_t kParsedFactor = 4;
// Longer than any call of the source: it has its own time-out.
constexpr base::Milliseconds kLanding{10'000};

bool is_refusal(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error.code == Code::forbidden;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

CachedBusiness::CachedBusiness(const BusinessOptions& options, std::unique_ptr<BusinessSource> source,
                               const base::Clock& clock, telemetry::Registry& metrics)
    : options_(options), source_(std::move(source)), clock_(clock), metrics_(metrics) {}

void CachedBusiness::count(const char* outcome) {
  metrics_
      .counter("purposepath_business_cache_total", "Reads of business data, by what was remembered.",
               {{"outcome", outcome}})
      .add();
}

// Parts are escaped, so that none runs into the next.
std::string CachedBusiness::key_of(const BusinessQuery& query) const {
  const bool own = !options_.shared_by_tenant || query.section == BusinessSection::profile;
  return fmt::format("{}#{}#{}#{}", key_part(query.owner.tenant_id), base::name_of(query.section), key_part(query.id),
                     own ? key_part(query.owner.user_id) : "");
}

CachedBusiness::Found CachedBusiness::find(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return {};
  by_use_.splice(by_use_.begin(), by_use_, found->second);
  return {found->second->value, clock_.now() - found->second->read_at};
}

void CachedBusiness::erase(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  bytes_ -= found->second->bytes;
  by_use_.erase(found->second);
  by_key_.erase(found);
}

void CachedBusiness::keep(const std::string& key, Value value, std::size_t bytes) {
  erase(key);
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(options_.cache_bytes, 0));
  if (bytes > most) return;
  by_use_.push_front({key, std::move(value), clock_.now(), bytes});
  by_key_[key] = by_use_.begin();
  bytes_ += bytes;
  while (bytes_ > most) erase(std::string(by_use_.back().key));
}

// The call that is under way for this user, or a new one. A flight is never shared between users: the source judges each
// by their own token.
CachedBusiness::FlightPtr CachedBusiness::board(const BusinessQuery& query, const std::string& key,
                                                boost::asio::any_io_executor executor) {
  auto flight_key = fmt::format("{}#{}", key, key_part(query.owner.user_id));
  auto flight = std::make_shared<Flight>();
  {
    const std::scoped_lock lock(mutex_);
    const auto [known, fresh] = flights_.try_emplace(flight_key, flight);
    if (!fresh) return known->second;
  }
  // On its own: whoever asked for it may leave.
  boost::asio::co_spawn(executor, fetch(query, key, std::move(flight_key), flight), boost::asio::detached);
  return flight;
}

Task<> CachedBusiness::fetch(BusinessQuery query, std::string key, std::string flight_key, FlightPtr flight) {
  Value value;
  std::exception_ptr failure;
  try {
    value = (co_await source_->read(std::move(query))).value;
  } catch (...) {
    failure = std::current_exception();
  }
  const auto bytes = value ? (base::write_json(*value).size() + key.size()) * kParsedFactor : 0;
  {
    const std::scoped_lock lock(mutex_);
    flights_.erase(flight_key);
    flight->done = true;
    flight->value = value;
    flight->failure = failure;
    if (value) keep(key, value, bytes);
    if (failure && is_refusal(failure)) erase(key);
  }
  flight->landed.ring();
}

Task<BusinessData> CachedBusiness::read(BusinessQuery query) {
  const auto key = key_of(query);
  const auto executor = co_await boost::asio::this_coro::executor;
  Found known;
  {
    const std::scoped_lock lock(mutex_);
    known = find(key);
  }
  if (known.value && known.age < options_.ttl) {
    count("hit");
    co_return BusinessData{known.value, false};
  }
  const bool asks = !query.token.empty();
  if (known.value && known.age < options_.ttl + options_.stale) {
    count("stale");
    if (asks) board(query, key, executor);
    co_return BusinessData{known.value, false};
  }
  count("miss");
  const auto flight = board(query, key, executor);
  auto ticket = flight->landed.draw(executor);
  const auto landed = [&] {
    const std::scoped_lock lock(mutex_);
    return flight->done;
  };
  if (!landed()) co_await ticket.wait(std::max(kLanding, options_.timeout * 2));
  const std::scoped_lock lock(mutex_);
  if (flight->value) co_return BusinessData{flight->value, false};
  const bool refused = flight->failure && is_refusal(flight->failure);
  if (known.value && !refused && known.age < options_.stale_if_error) {
    count("stale_error");
    co_return BusinessData{known.value, true};
  }
  if (flight->failure) std::rethrow_exception(flight->failure);
  throw Error(Code::dependency_unavailable, "the Business API did not answer in time");
}

}  // namespace coaching
