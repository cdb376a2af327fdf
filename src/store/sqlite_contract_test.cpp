#include "store/contract_test.hpp"
#include "store/sqlite.hpp"
#include "store/sqlite_test.hpp"

namespace store {
namespace {

// Small bounds, so that groups are cut, the queue fills and checkpoints run while the suite does.
TestStore make_small_sqlite(const base::Clock& clock) {
  auto surroundings = std::make_shared<SqliteSurroundings>();
  auto options = surroundings->options();
  options.queue_transactions = 4;
  options.queue_bytes = 4096;
  options.group_transactions = 3;
  options.checkpoint_pages = 8;
  options.restart_pages = 16;
  return {surroundings, surroundings->open(clock, options)};
}

TestStore make_sqlite(const base::Clock& clock) {
  auto surroundings = std::make_shared<SqliteSurroundings>();
  return {surroundings, surroundings->open(clock, surroundings->options())};
}

INSTANTIATE_TEST_SUITE_P(Implementations, StoreContract,
                         ::testing::Values(StoreMaker{"Sqlite", make_sqlite},
                                           StoreMaker{"SqliteWithSmallBounds", make_small_sqlite}),
                         name_of_maker);

}  // namespace
}  // namespace store
