// A file that the operator's command line reads beside the server that writes it.
#include "store/contract_test.hpp"
#include "store/sqlite_test.hpp"

namespace store {
namespace {

struct SqliteReading : ::testing::Test {
  SqliteSurroundings surroundings;
  base::FakeClock clock;
  SqliteOptions options = surroundings.options();
};

TEST_F(SqliteReading, SeesWhatTheServerCommits) {
  const auto server = surroundings.open(clock, options);
  const auto reading = open_sqlite_to_read(options, clock);
  auto item = small_item("p", "1");
  item.index = Key{"list", "one"};
  wait_for(server->transact({Put{.item = item, .when = {}}}));
  EXPECT_EQ(wait_for(reading->get(item.key)), item);
  EXPECT_EQ(wait_for(reading->query({.partition = "p"})).items.size(), 1u);
  EXPECT_EQ(wait_for(reading->query_index({.partition = "list"})).items.size(), 1u);
  EXPECT_EQ(wait_for(reading->count({.partition = "p"})), 1);
}

TEST_F(SqliteReading, DoesNotKeepTheFileFromAServer) {
  surroundings.open(clock, options).reset();
  const auto reading = open_sqlite_to_read(options, clock);
  EXPECT_NO_THROW(surroundings.open(clock, options));
}

TEST_F(SqliteReading, WritesNothing) {
  const auto server = surroundings.open(clock, options);
  const auto reading = open_sqlite_to_read(options, clock);
  EXPECT_THROW(wait_for(reading->transact({Put{.item = small_item("p", "1"), .when = {}}})), base::Error);
  EXPECT_EQ(wait_for(server->count({.partition = "p"})), 0);
}

TEST_F(SqliteReading, RefusesAFileThatIsNotThere) {
  try {
    open_sqlite_to_read(options, clock);
    FAIL() << "the file was made";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code, base::Code::dependency_unavailable);
    EXPECT_NE(error.message.find(options.path), std::string::npos) << error.message;
  }
}

}  // namespace
}  // namespace store
