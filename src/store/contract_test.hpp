#pragma once
// What every store must do: one suite, run over each implementation. An implementation's test program says
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, ::testing::Values(StoreMaker{"Sqlite", make_store}), name_of_maker);
// and gets all of contract_*_test.cpp.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "store/store.hpp"

namespace store {

// Runs a task on an io_context of its own and returns its result, or throws what it threw.
template <class T>
T wait_for(base::Task<T> task) {
  boost::asio::io_context io;
  std::exception_ptr failure;
  std::optional<T> result;
  boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr thrown, T value) {
    failure = thrown;
    result = std::move(value);
  });
  io.run();
  if (failure) std::rethrow_exception(failure);
  return std::move(*result);
}

// An empty store and whatever must live as long.
struct TestStore {
  std::shared_ptr<void> surroundings;
  std::unique_ptr<Store> store;  // goes first
};

struct StoreMaker {
  std::string name;
  std::function<TestStore(const base::Clock&)> make_empty;
};

inline std::string name_of_maker(const ::testing::TestParamInfo<StoreMaker>& maker) { return maker.param.name; }

class StoreContract : public ::testing::TestWithParam<StoreMaker> {
 protected:
  Outcome transact(std::vector<Write> writes) { return wait_for(store().transact(std::move(writes))); }
  std::optional<Item> get(Key key) { return wait_for(store().get(std::move(key))); }
  Page query(Query query) { return wait_for(store().query(std::move(query))); }
  Page query_index(Query query) { return wait_for(store().query_index(std::move(query))); }
  Store& store() { return *made_.store; }
  std::int64_t now_s() const { return clock_.now().time_since_epoch().count() / 1000; }

  base::FakeClock clock_;

 private:
  TestStore made_ = GetParam().make_empty(clock_);
};

inline std::vector<std::string> sorts_of(const Page& page) {
  std::vector<std::string> sorts;
  for (const auto& item : page.items) sorts.push_back(item.key.sort);
  return sorts;
}

inline Item small_item(std::string partition, std::string sort, std::int64_t version = 1) {
  return Item{.key = {std::move(partition), std::move(sort)}, .version = version, .body = "{}"};
}

}  // namespace store
