#include "net/pool.hpp"

#include <fmt/format.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace net {

namespace asio = boost::asio;
using boost::system::error_code;

// An idle connection keeps its buffers up to this size.
constexpr std::size_t kLargestIdleInput = 16 * 1024;

struct Waiter {
  asio::steady_timer timer;
  bool granted = false;
};

struct Pool::Origin {
  std::string name;
  std::vector<std::unique_ptr<Connection>> idle;  // the last one was used last
  std::list<Waiter*> line;
  int in_use = 0;
};

namespace {

// Where an io_context keeps its pools, so that they go when it goes.
class PoolService : public asio::execution_context::service {
 public:
  static inline asio::execution_context::id id;
  // Asio's services are shut down in reverse order of their making: sockets and timers must outlive the pools.
  explicit PoolService(asio::io_context& context) : service(context) {
    asio::steady_timer{context};
    Socket{context.get_executor()};
  }

  std::vector<std::shared_ptr<Pool>> pools;

 private:
  void shutdown() noexcept override {
    for (auto& pool : pools) pool->shut_down();
    pools.clear();
  }
};

}  // namespace

std::shared_ptr<Pool> Pool::of(asio::io_context& context, const std::shared_ptr<const ClientSettings>& settings) {
  auto& pools = asio::use_service<PoolService>(context).pools;
  for (auto& pool : pools) {
    if (pool->settings_->id == settings->id) return pool;
  }
  return pools.emplace_back(std::make_shared<Pool>(context, settings));
}

Pool::Pool(asio::io_context& context, std::shared_ptr<const ClientSettings> settings)
    : context_(context), settings_(std::move(settings)), deadlines_(context) {
  deadlines_.on_wake = [this](TimePoint now) { return drop_idle(now); };
}

Pool::Lease Pool::try_reuse(const Url& url) {
  auto& origin = origin_of(url);
  if (origin.in_use >= settings_->options.max_connections) return {};
  return take_idle(origin);
}

base::Task<Pool::Lease> Pool::lease(const Url& url, TimePoint by, bool may_reuse) {
  auto& origin = origin_of(url);
  if (origin.in_use >= settings_->options.max_connections) {
    co_await wait_in_line(origin, url, by);
    --origin.in_use;  // the place that was handed over; taken again below
  }
  if (may_reuse) {
    if (auto idle = take_idle(origin)) co_return idle;
  } else if (!origin.idle.empty() &&
             origin.in_use + static_cast<int>(origin.idle.size()) >= settings_->options.max_connections) {
    origin.idle.erase(origin.idle.begin());  // makes room within the bound
  }
  Lease fresh;
  fresh.pool = shared_from_this();
  fresh.origin = &origin;
  ++origin.in_use;
  fresh.connection = std::make_unique<Connection>(context_, deadlines_);
  ++opened_;
  co_await connect(context_, *fresh.connection, url, *settings_, by);
  co_return fresh;
}

Pool::Lease Pool::take_idle(Origin& origin) {
  while (!origin.idle.empty()) {
    auto connection = std::move(origin.idle.back());
    origin.idle.pop_back();
    if (connection->is_stale()) continue;
    Lease lease;
    lease.pool = shared_from_this();
    lease.origin = &origin;
    lease.connection = std::move(connection);
    lease.reused = true;
    ++origin.in_use;
    ++reused_;
    return lease;
  }
  return {};
}

base::Task<void> Pool::wait_in_line(Origin& origin, const Url& url, TimePoint by) {
  if (static_cast<int>(origin.line.size()) >= settings_->options.max_waiting) {
    throw failure(Stage::pool, false,
                  fmt::format("{} calls already wait for one of the {} connections to {}; raise "
                              "max_connections or send less",
                              origin.line.size(), origin.in_use, url.origin));
  }
  Waiter waiter{.timer = asio::steady_timer(context_, by)};
  struct Place {
    Pool& pool;
    Origin& origin;
    Waiter& waiter;
    std::list<Waiter*>::iterator place;
    bool used = false;
    ~Place() {
      if (!waiter.granted) origin.line.erase(place);
      if (waiter.granted && !used) pool.free_place(origin);  // cancelled in the moment it was granted
    }
  } place{*this, origin, waiter, origin.line.insert(origin.line.end(), &waiter)};
  error_code woken;
  co_await waiter.timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  if (!waiter.granted) {
    if (woken) throw boost::system::system_error(woken);
    throw failure(Stage::pool, true,
                  fmt::format("none of the {} connections to {} became free in time", origin.in_use, url.origin));
  }
  place.used = true;
}

// The place goes to the first in line, or is free.
void Pool::free_place(Origin& origin) {
  if (origin.line.empty()) {
    --origin.in_use;
    return;
  }
  auto* next = origin.line.front();
  origin.line.pop_front();
  next->granted = true;
  next->timer.cancel();
}

Pool::Lease& Pool::Lease::operator=(Lease&& other) noexcept {
  release();
  pool = std::move(other.pool);
  origin = std::exchange(other.origin, nullptr);
  connection = std::move(other.connection);
  reused = other.reused;
  return *this;
}

void Pool::Lease::release() {
  connection.reset();
  if (pool && origin != nullptr) pool->free_place(*origin);
  origin = nullptr;
  pool.reset();
}

std::string_view Pool::Lease::origin_name() const { return origin->name; }

void Pool::Lease::keep() {
  const auto& options = pool->settings_->options;
  connection->expect_nothing();
  if (!pool->shut_down_ && static_cast<int>(origin->idle.size()) < options.max_idle && options.idle_for.count() > 0) {
    connection->idle_since = std::chrono::steady_clock::now();
    pool->deadlines_.ensure_awake_by(connection->idle_since + options.idle_for);
    if (connection->input.size() > kLargestIdleInput) connection->input = {};
    connection->piece.clear();
    connection->piece.shrink_to_fit();
    origin->idle.push_back(std::move(connection));
  }
  release();
}

Pool::Origin& Pool::origin_of(const Url& url) {
  const auto found = origins_.find(url.origin);
  if (found != origins_.end()) return *found->second;
  return *origins_.emplace(url.origin, std::make_unique<Origin>(Origin{.name = url.origin})).first->second;
}

// Closes what has been idle too long and forgets origins nobody uses; returns when the next one is due.
TimePoint Pool::drop_idle(TimePoint now) {
  auto next = TimePoint::max();
  for (auto entry = origins_.begin(); entry != origins_.end();) {
    auto& origin = *entry->second;
    std::erase_if(origin.idle, [&](const auto& c) { return c->idle_since + settings_->options.idle_for <= now; });
    for (const auto& connection : origin.idle)
      next = std::min(next, connection->idle_since + settings_->options.idle_for);
    const bool unused = origin.idle.empty() && origin.line.empty() && origin.in_use == 0;
    entry = unused ? origins_.erase(entry) : std::next(entry);
  }
  return next;
}

PoolStats Pool::stats() const {
  PoolStats stats{.opened = opened_, .reused = reused_};
  for (const auto& [name, origin] : origins_) {
    stats.idle += static_cast<int>(origin->idle.size());
    stats.in_use += origin->in_use;
    stats.waiting += static_cast<int>(origin->line.size());
  }
  return stats;
}

void Pool::shut_down() {
  shut_down_ = true;
  for (auto& [name, origin] : origins_) origin->idle.clear();
  deadlines_.shut_down();
}

}  // namespace net
