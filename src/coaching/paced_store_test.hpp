#pragma once
// For tests: a store whose callers are held back before and after each call: for ever (their process has died), for a
// while (it is slow), or step by step.
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <memory>
#include <vector>

#include "store/store.hpp"

namespace coaching {

// For callers on one thread.
class PacedStore final : public store::Store {
 public:
  // Half of the steps are calls that begin, half are calls that have ended.
  PacedStore(store::Store& inner, std::size_t steps) : inner_(inner), left_(steps) {}

  void allow(std::size_t steps) {
    left_ += steps;
    for (const auto& timer : std::exchange(waiting_, {})) timer->cancel();
  }
  void allow_all() { allow(1'000'000); }
  bool somebody_waits() const { return !waiting_.empty(); }

  base::Task<std::optional<store::Item>> get(store::Key key) override {
    co_await step();
    auto answer = co_await inner_.get(std::move(key));
    co_await step();
    co_return answer;
  }
  base::Task<std::vector<store::Item>> get_many(std::vector<store::Key> keys) override {
    co_await step();
    auto answer = co_await inner_.get_many(std::move(keys));
    co_await step();
    co_return answer;
  }
  base::Task<store::Page> query(store::Query query) override {
    co_await step();
    auto answer = co_await inner_.query(std::move(query));
    co_await step();
    co_return answer;
  }
  base::Task<store::Page> query_index(store::Query query) override {
    co_await step();
    auto answer = co_await inner_.query_index(std::move(query));
    co_await step();
    co_return answer;
  }
  base::Task<std::int64_t> count(store::Query query) override {
    co_await step();
    const auto answer = co_await inner_.count(std::move(query));
    co_await step();
    co_return answer;
  }
  base::Task<store::Outcome> transact(std::vector<store::Write> writes) override {
    co_await step();
    const auto answer = co_await inner_.transact(std::move(writes));
    co_await step();
    co_return answer;
  }
  base::Task<store::Health> health() override { return inner_.health(); }

 private:
  base::Task<> step() {
    const auto executor = co_await boost::asio::this_coro::executor;
    while (left_ == 0) {
      const auto forever = boost::asio::steady_timer::time_point::max();
      const auto timer = waiting_.emplace_back(std::make_shared<boost::asio::steady_timer>(executor, forever));
      boost::system::error_code woken;
      co_await timer->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, woken));
    }
    --left_;
  }

  store::Store& inner_;
  std::size_t left_;
  std::vector<std::shared_ptr<boost::asio::steady_timer>> waiting_;
};

}  // namespace coaching
