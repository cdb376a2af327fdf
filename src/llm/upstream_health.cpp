#include "llm/upstream_health.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

namespace llm {
namespace {

namespace asio = boost::asio;
constexpr base::Milliseconds kPatience{1'500};

struct Checks {
  Checks(const asio::any_io_executor& executor, std::size_t count)
      : all_done(executor, kPatience),
        results(count, Health{Health::State::unhealthy, "no answer in time"}),
        waiting(count) {}
  asio::steady_timer all_done;
  std::vector<Health> results;
  std::size_t waiting;
};

base::Task<Health> health_of(Upstream& upstream) {
  const auto circuit = upstream.breaker.state();
  if (circuit == net::CircuitState::open && upstream.breaker.rest_left().count() > 0) {
    co_return Health{Health::State::unhealthy, "failed too often, rests"};
  }
  auto health = co_await upstream.provider->health();
  if (circuit != net::CircuitState::closed && health.state == Health::State::healthy) {
    health = {Health::State::degraded, "failed too often, is being tried"};
  }
  co_return health;
}

base::Task<> check(Upstream& upstream, std::shared_ptr<Checks> checks, std::size_t at) {
  Health health;
  try {
    health = co_await health_of(upstream);
  } catch (const std::exception&) {
    health = {Health::State::unhealthy, "the check failed"};
  }
  checks->results[at] = std::move(health);
  if (--checks->waiting == 0) checks->all_done.cancel();
}

}  // namespace

base::Task<std::vector<Health>> health_of(std::vector<Upstream*> upstreams) {
  const auto executor = co_await asio::this_coro::executor;
  const auto checks = std::make_shared<Checks>(executor, upstreams.size());
  for (std::size_t i = 0; i < upstreams.size(); ++i) {
    asio::co_spawn(executor, check(*upstreams[i], checks, i), asio::detached);
  }
  if (checks->waiting > 0) {
    boost::system::error_code ignored;
    co_await checks->all_done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_return checks->results;
}

}  // namespace llm
